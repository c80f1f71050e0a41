/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../client.h"

G_BEGIN_DECLS

/* The files of a container as they were at some time, and how they come back. */

#define APP_TYPE_SNAPSHOTS_PAGE (app_snapshots_page_get_type ())
G_DECLARE_FINAL_TYPE (AppSnapshotsPage, app_snapshots_page, APP, SNAPSHOTS_PAGE, AdwNavigationPage)

/** app_snapshots_page_new: Returns: (floating): a page that follows @container, which @client knows */
AdwNavigationPage *app_snapshots_page_new (AppClient *client, AppObject *container);

/** app_snapshots_page_summary: Returns: (transfer full): the page in one line, for the row that leads to it */
char *app_snapshots_page_summary (AppObject *container);

G_END_DECLS
