/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/**
 * cli_objects_of:
 * @managed: a{oa{sa{sv}}}
 * @interface: those that have this one
 * @key: property to sort by, after the owner where there is one
 *
 * Returns: (transfer full) (element-type GVariant): the properties of each
 */
GPtrArray *cli_objects_of (GVariant *managed, const char *interface, const char *key);
