/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../object.h"

G_BEGIN_DECLS

/* What a container wrote to its console. */

#define APP_TYPE_LOG_PAGE (app_log_page_get_type ())
G_DECLARE_FINAL_TYPE (AppLogPage, app_log_page, APP, LOG_PAGE, AdwNavigationPage)

/** app_log_page_new: Returns: (floating): a page that follows @container */
AdwNavigationPage *app_log_page_new (AppObject *container);

G_END_DECLS
