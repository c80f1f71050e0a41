/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../client.h"

G_BEGIN_DECLS

/* The person's volumes: how large they are, and who has them; made and deleted here. */

#define APP_TYPE_VOLUMES_PAGE (app_volumes_page_get_type ())
G_DECLARE_FINAL_TYPE (AppVolumesPage, app_volumes_page, APP, VOLUMES_PAGE, AdwNavigationPage)

/** app_volumes_page_new: Returns: (floating): a page that is filled when it is shown */
AdwNavigationPage *app_volumes_page_new (AppClient *client);

G_END_DECLS
