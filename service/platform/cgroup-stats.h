/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What GROUP uses now, as the a{sv} of Container.GetStats. A controller that is missing has
   no keys. Reads files, some of which the kernel has to sum up: call it in a thread. */
GVariant *bothy_cgroup_stats_read (const char *group);

G_END_DECLS
