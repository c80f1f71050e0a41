/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../client.h"

G_BEGIN_DECLS

/* How much a container may use. */

#define APP_TYPE_LIMITS_PAGE (app_limits_page_get_type ())
G_DECLARE_FINAL_TYPE (AppLimitsPage, app_limits_page, APP, LIMITS_PAGE, AdwNavigationPage)

/** app_limits_page_new: Returns: (floating): a page that follows @container */
AdwNavigationPage *app_limits_page_new (AppClient *client, AppObject *container);

/** app_limits_page_summary: Returns: (transfer full): the page in one line, for the row that leads to it */
char *app_limits_page_summary (AppObject *container);

G_END_DECLS
