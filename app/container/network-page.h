/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../object.h"

G_BEGIN_DECLS

/* The network that a container is on, and where it may connect to. */

#define APP_TYPE_NETWORK_PAGE (app_network_page_get_type ())
G_DECLARE_FINAL_TYPE (AppNetworkPage, app_network_page, APP, NETWORK_PAGE, AdwNavigationPage)

/** app_network_page_new: Returns: (floating): a page that follows @container */
AdwNavigationPage *app_network_page_new (AppObject *container);

/** app_network_page_summary: Returns: (transfer full): the page in one line, for the row that leads to it */
char *app_network_page_summary (AppObject *container);

G_END_DECLS
