/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../work/works.h"

G_BEGIN_DECLS

/* One image: unfolded it tells where it comes from, and has the buttons for what can be done with it. */

#define APP_TYPE_IMAGE_ROW (app_image_row_get_type ())
G_DECLARE_FINAL_TYPE (AppImageRow, app_image_row, APP, IMAGE_ROW, AdwExpanderRow)

/** app_image_row_new: Returns: (floating): a row that follows @image */
GtkWidget *app_image_row_new (AppClient *client, AppWorks *works, AppObject *image);

G_END_DECLS
