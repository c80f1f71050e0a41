/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gtk/gtk.h>

#include "../work/works.h"

G_BEGIN_DECLS

/* Something that takes long, in the list: how far it is, and a button that ends it. */

#define APP_TYPE_WORK_ROW (app_work_row_get_type ())
G_DECLARE_FINAL_TYPE (AppWorkRow, app_work_row, APP, WORK_ROW, GtkListBoxRow)

/** app_work_row_new: Returns: (floating): a row that follows @work, which is one of @works */
GtkWidget *app_work_row_new (AppWorks *works, AppWork *work);

G_END_DECLS
