/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/host-address.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

/* bothyd opens no socket of a network, so what the kernel tells by netlink is read where it tells it as text. */
#define ROUTES4    "/proc/self/net/fib_trie"
#define ADDRESSES6 "/proc/self/net/if_inet6"

/* Of a line like "|-- 192.0.2.1", and of the one below that says "/32 host LOCAL". */
static void
list_addresses4 (GPtrArray *addresses)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  const char *last = NULL;

  g_file_get_contents (ROUTES4, &text, NULL, NULL);
  lines = g_strsplit (text ? text : "", "\n", -1);
  for (char **line = lines; *line; line++) {
    const char *leaf = strstr (*line, "|-- ");

    if (leaf)
      last = leaf + strlen ("|-- ");
    else if (last && strstr (*line, "/32 host LOCAL") &&
             !g_ptr_array_find_with_equal_func (addresses, last, g_str_equal, NULL))
      g_ptr_array_add (addresses, g_strdup (last));
  }
}

/* Of a line like "00000000000000000000000000000001 01 80 10 80       lo", without link-local ones. */
static void
list_addresses6 (GPtrArray *addresses)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_file_get_contents (ADDRESSES6, &text, NULL, NULL);
  lines = g_strsplit (text ? text : "", "\n", -1);
  for (char **line = lines; *line; line++) {
    char shown[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (strspn (*line, "0123456789abcdef") != 32)
      continue;
    for (gsize i = 0; i < 16; i++)
      address.s6_addr[i] =
          (guint8)(g_ascii_xdigit_value ((*line)[2 * i]) << 4 | g_ascii_xdigit_value ((*line)[2 * i + 1]));
    if (!IN6_IS_ADDR_LINKLOCAL (&address))
      g_ptr_array_add (addresses, g_strdup (inet_ntop (AF_INET6, &address, shown, sizeof shown)));
  }
}

gboolean
bothy_host_address_check (const char *address, GError **error)
{
  g_autoptr (GPtrArray) addresses = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *list = NULL;

  list_addresses4 (addresses);
  list_addresses6 (addresses);
  /* The kernel has all of 127.0.0.0/8 as one route. */
  if (g_str_has_prefix (address, "127.") ||
      g_ptr_array_find_with_equal_func (addresses, address, g_str_equal, NULL))
    return TRUE;
  g_ptr_array_add (addresses, NULL);
  list = g_strjoinv (", ", (char **)addresses->pdata);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Address %s is none of this machine's; it has %s; or leave the address out, for all of them",
               address, list);
  return FALSE;
}
