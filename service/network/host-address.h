/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether ADDRESS, as inet_ntop() writes it, is one of this host's now. FALSE with INVALID_ARGS, which lists those that it
   has. */
gboolean bothy_host_address_check (const char *address, GError **error);

G_END_DECLS
