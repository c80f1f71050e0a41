/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define BOTHY_MAX_RESOLVERS 3 /* more than that resolv.conf(5) does not take */

/* ADDRESSES as they stand in resolv.conf, IPv4 or IPv6. NULL with INVALID_ARGS: too many, or one that no host
 * has. */
char **bothy_resolvers_parse (const char *const *addresses, GError **error);

G_END_DECLS
