/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../client.h"

G_BEGIN_DECLS

/* For administrators: who has containers on this computer, and what one of his may have at most. */

#define APP_TYPE_USERS_PAGE (app_users_page_get_type ())
G_DECLARE_FINAL_TYPE (AppUsersPage, app_users_page, APP, USERS_PAGE, AdwNavigationPage)

/** app_users_page_new: Returns: (floating): a page that is filled when it is shown; the others are there when they were asked for */
AdwNavigationPage *app_users_page_new (AppClient *client);

G_END_DECLS
