/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../client.h"

G_BEGIN_DECLS

/* Which devices of this computer programs in the container may use, and which there are to be added. */

#define APP_TYPE_DEVICES_PAGE (app_devices_page_get_type ())
G_DECLARE_FINAL_TYPE (AppDevicesPage, app_devices_page, APP, DEVICES_PAGE, AdwNavigationPage)

/** app_devices_page_new: Returns: (floating): a page that follows @container, and what is plugged in as long as it is looked at */
AdwNavigationPage *app_devices_page_new (AppClient *client, AppObject *container);

/** app_devices_page_summary: Returns: (transfer full): the page in one line, for the row that leads to it */
char *app_devices_page_summary (AppObject *container);

G_END_DECLS
