/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../client.h"

G_BEGIN_DECLS

/* The first page of a container: how it is, what can be done with it, and the ways to its other pages. */

#define APP_TYPE_CONTAINER_PAGE (app_container_page_get_type ())
G_DECLARE_FINAL_TYPE (AppContainerPage, app_container_page, APP, CONTAINER_PAGE, AdwNavigationPage)

/** app_container_page_new: Returns: (floating): a page that follows @container */
AdwNavigationPage *app_container_page_new (AppClient *client, AppObject *container);

G_END_DECLS
