/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/lanaddress.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <string.h>

#define MIN_PREFIX 8
#define MAX_PREFIX 30

static gboolean
refuse (GError **error, const char *text)
{
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Option \"address\": %s", text);
  return FALSE;
}

static gboolean
read_address (const char *text, guint32 *ret)
{
  struct in_addr address;

  if (inet_pton (AF_INET, text, &address) != 1)
    return FALSE;
  *ret = ntohl (address.s_addr);
  return TRUE;
}

/* ADDRESS/BITS */
static gboolean
read_network (const char *text, guint max_prefix, guint32 *ret_address, guint *ret_prefix)
{
  g_auto (GStrv) parts = g_strsplit (text, "/", 2);
  guint64 prefix;

  if (!parts[0] || !parts[1] || !read_address (parts[0], ret_address) ||
      !g_ascii_string_to_unsigned (parts[1], 10, 0, max_prefix, &prefix, NULL))
    return FALSE;
  *ret_prefix = (guint)prefix;
  return TRUE;
}

static guint32
mask_of (guint prefix)
{
  return prefix == 0 ? 0 : G_MAXUINT32 << (32 - prefix);
}

/* The first and the last one of a network mean the network, and all that are in it. */
static gboolean
is_host (guint32 address, guint prefix)
{
  guint32 host = address & ~mask_of (prefix);

  return host != 0 && host != ~mask_of (prefix) && address >> 24 != 0 && address >> 24 != 127 &&
         address >> 28 < 0xe;
}

gboolean
bothy_lan_address_parse (const char *text, BothyLanAddress *ret, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", 2);

  *ret = (BothyLanAddress){ 0 };
  if (!parts[0] || !read_network (parts[0], MAX_PREFIX, &ret->address, &ret->prefix) ||
      ret->prefix < MIN_PREFIX || (parts[1] && !read_address (parts[1], &ret->gateway)))
    return refuse (error, "an IPv4 address with prefix length is wanted, and maybe a gateway, such as "
                          "192.0.2.7/24,192.0.2.1");
  if (!is_host (ret->address, ret->prefix))
    return refuse (error, "no host can have this one");
  if (parts[1] && (!is_host (ret->gateway, ret->prefix) || ret->gateway == ret->address ||
                   ((ret->gateway ^ ret->address) & mask_of (ret->prefix)) != 0))
    return refuse (error, "the gateway has to be another host of the same network");
  return TRUE;
}

gboolean
bothy_lan_address_check_subnet (const BothyLanAddress *self, const char *subnet, GError **error)
{
  guint32 network;
  guint prefix;

  if (!*subnet || !read_network (subnet, 32, &network, &prefix) ||
      (prefix == self->prefix && ((network ^ self->address) & mask_of (prefix)) == 0))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"address\": the bridge's network is %s, and the address is not of that", subnet);
  return FALSE;
}

static char *
format (guint32 address)
{
  return g_strdup_printf ("%u.%u.%u.%u", address >> 24, address >> 16 & 0xff, address >> 8 & 0xff,
                          address & 0xff);
}

/* As /proc/net/fib_trie has it: a line with each address, and below it, indented, what it is. */
gboolean
bothy_lan_address_is_own (const BothyLanAddress *self)
{
  g_autofree char *address = format (self->address);
  g_autofree char *wanted = g_strconcat ("|-- ", address, NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_file_get_contents ("/proc/net/fib_trie", &text, NULL, NULL);
  lines = g_strsplit (text ? text : "", "\n", -1);
  for (char **line = lines; *line; line++) {
    if (line[1] && g_str_has_suffix (*line, wanted) && strstr (line[1], "host LOCAL"))
      return TRUE;
  }
  return FALSE;
}

char *
bothy_lan_address_format (const BothyLanAddress *self)
{
  g_autofree char *address = format (self->address);

  return g_strdup_printf ("%s/%u", address, self->prefix);
}

char *
bothy_lan_address_format_gateway (const BothyLanAddress *self)
{
  return self->gateway ? format (self->gateway) : g_strdup ("");
}
