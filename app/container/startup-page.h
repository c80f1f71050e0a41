/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../client.h"

G_BEGIN_DECLS

/* When a container is started without being asked for, and when again. */

#define APP_TYPE_STARTUP_PAGE (app_startup_page_get_type ())
G_DECLARE_FINAL_TYPE (AppStartupPage, app_startup_page, APP, STARTUP_PAGE, AdwNavigationPage)

/** app_startup_page_new: Returns: (floating): a page that follows @container */
AdwNavigationPage *app_startup_page_new (AppClient *client, AppObject *container);

/** app_startup_page_summary: Returns: (transfer full): the page in one line, for the row that leads to it */
char *app_startup_page_summary (AppObject *container);

G_END_DECLS
