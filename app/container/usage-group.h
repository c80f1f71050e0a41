/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../object.h"

G_BEGIN_DECLS

/* What a container uses now: asked for every other second, as long as somebody looks. */

#define APP_TYPE_USAGE_GROUP (app_usage_group_get_type ())
G_DECLARE_FINAL_TYPE (AppUsageGroup, app_usage_group, APP, USAGE_GROUP, AdwPreferencesGroup)

/** app_usage_group_set_container: says whose use it shows */
void app_usage_group_set_container (AppUsageGroup *group, AppObject *container);

G_END_DECLS
