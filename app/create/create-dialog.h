/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../work/works.h"

G_BEGIN_DECLS

/* How a container is made: an image is chosen, then a name. */

#define APP_TYPE_CREATE_DIALOG (app_create_dialog_get_type ())
G_DECLARE_FINAL_TYPE (AppCreateDialog, app_create_dialog, APP, CREATE_DIALOG, AdwDialog)

/**
 * app_create_dialog_new:
 * @image: (nullable): the image, if it is chosen already
 *
 * Returns: (floating): a dialog that leaves what is to be made to @works
 */
AdwDialog *app_create_dialog_new (AppClient *client, AppWorks *works, AppObject *image);

G_END_DECLS
