/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../client.h"

G_BEGIN_DECLS

/* What a container can reach, and from where it is reached: each thing can be switched off here. */

#define APP_TYPE_ACCESS_PAGE (app_access_page_get_type ())
G_DECLARE_FINAL_TYPE (AppAccessPage, app_access_page, APP, ACCESS_PAGE, AdwNavigationPage)

/** app_access_page_new: Returns: (floating): a page that follows @container, which @client knows */
AdwNavigationPage *app_access_page_new (AppClient *client, AppObject *container);

/** app_access_page_summary: Returns: (transfer full): the page in one line, for the row that leads to it */
char *app_access_page_summary (AppObject *container);

G_END_DECLS
