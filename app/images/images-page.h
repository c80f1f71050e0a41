/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../work/works.h"

G_BEGIN_DECLS

/* The images that are on this computer: what stands on them, and how they are kept and got rid of. */

#define APP_TYPE_IMAGES_PAGE (app_images_page_get_type ())
G_DECLARE_FINAL_TYPE (AppImagesPage, app_images_page, APP, IMAGES_PAGE, AdwNavigationPage)

/** app_images_page_new: Returns: (floating): a page that follows the images of @client */
AdwNavigationPage *app_images_page_new (AppClient *client, AppWorks *works);

G_END_DECLS
