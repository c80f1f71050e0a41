/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gtk/gtk.h>

#include "../object.h"

G_BEGIN_DECLS

/* A container in the list: its state, its address, and a button that starts or stops it. Folders can be dropped on it. */

#define APP_TYPE_CONTAINER_ROW (app_container_row_get_type ())
G_DECLARE_FINAL_TYPE (AppContainerRow, app_container_row, APP, CONTAINER_ROW, GtkListBoxRow)

/** app_container_row_new: Returns: (floating): a row that follows @container */
GtkWidget *app_container_row_new (AppObject *container);

/** app_container_row_get_container: Returns: (transfer none): the container that it shows */
AppObject *app_container_row_get_container (AppContainerRow *row);

G_END_DECLS
