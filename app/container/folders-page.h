/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../client.h"

G_BEGIN_DECLS

/* Folders of the person that a container sees, and volumes, which belong to no container. */

#define APP_TYPE_FOLDERS_PAGE (app_folders_page_get_type ())
G_DECLARE_FINAL_TYPE (AppFoldersPage, app_folders_page, APP, FOLDERS_PAGE, AdwNavigationPage)

/** app_folders_page_new: Returns: (floating): a page that follows @container, which @client knows */
AdwNavigationPage *app_folders_page_new (AppClient *client, AppObject *container);

/** app_folders_page_summary: Returns: (transfer full): the page in one line, for the row that leads to it */
char *app_folders_page_summary (AppObject *container);

G_END_DECLS
