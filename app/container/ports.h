/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../object.h"

G_BEGIN_DECLS

/* Ports of this computer that lead into a container: rows to see, open and remove them, and one to add another. */

#define APP_TYPE_PORTS_GROUP (app_ports_group_get_type ())
G_DECLARE_FINAL_TYPE (AppPortsGroup, app_ports_group, APP, PORTS_GROUP, AdwPreferencesGroup)

/** app_ports_group_new: Returns: (floating): a group that follows @container */
AdwPreferencesGroup *app_ports_group_new (AppObject *container);

G_END_DECLS
