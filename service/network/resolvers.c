/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/resolvers.h"

#include "base/error.h"

#include <gio/gio.h>

static gboolean
is_host (GInetAddress *address)
{
  return !g_inet_address_get_is_any (address) && !g_inet_address_get_is_multicast (address) &&
         !g_inet_address_get_is_loopback (address) && !g_inet_address_get_is_link_local (address);
}

char **
bothy_resolvers_parse (const char *const *addresses, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  guint n = g_strv_length ((char **)addresses);

  if (n > BOTHY_MAX_RESOLVERS) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Option \"resolvers\": at most %d",
                 BOTHY_MAX_RESOLVERS);
    return NULL;
  }
  for (guint i = 0; i < n; i++) {
    g_autoptr (GInetAddress) address = g_inet_address_new_from_string (addresses[i]);
    g_autofree char *text = address && is_host (address) ? g_inet_address_to_string (address) : NULL;

    if (!text) {
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                   "Option \"resolvers\": addresses of hosts are wanted, such as 192.0.2.1 or 2001:db8::1");
      return NULL;
    }
    g_strv_builder_add (builder, text);
  }
  return g_strv_builder_end (builder);
}
