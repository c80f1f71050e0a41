/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/egress.h"

#include "base/error.h"
#include "base/validate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define ANY_PROTOCOL 256u

typedef struct {
  int family; /* AF_UNSPEC: both */
  guint8 address[16];
  guint prefix;
  guint protocol; /* tcp's stands for icmp6's, too */
  guint first_port, last_port;
} Destination;

static const struct {
  const char *name;
  guint number;
} protocols[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "icmp", IPPROTO_ICMP } };

/* ---- one destination ---- */

static guint
size_of (int family)
{
  return family == AF_INET ? 4 : 16;
}

/* Takes "/tcp" off the end of TEXT; a number there belongs to the network. */
static gboolean
take_protocol (char *text, Destination *ret)
{
  char *slash = strrchr (text, '/');

  ret->protocol = ANY_PROTOCOL;
  if (!slash || g_ascii_isdigit (slash[1]))
    return TRUE;
  *slash = '\0';
  for (gsize i = 0; i < G_N_ELEMENTS (protocols); i++) {
    if (g_str_equal (slash + 1, protocols[i].name))
      ret->protocol = protocols[i].number;
  }
  return ret->protocol != ANY_PROTOCOL;
}

/* The colon before the port, or NULL. Several colons without brackets are an IPv6 address without a port. */
static char *
find_port (char *text)
{
  char *bracket = strchr (text, ']');
  char *colon = strrchr (text, ':');

  if (bracket)
    return bracket[1] == ':' ? bracket + 1 : NULL;
  return colon && colon == strchr (text, ':') ? colon : NULL;
}

static gboolean
take_ports (char *text, Destination *ret)
{
  char *colon = find_port (text);
  g_auto (GStrv) range = NULL;
  guint64 first, last;

  ret->first_port = 0;
  ret->last_port = G_MAXUINT16;
  if (!colon)
    return TRUE;
  *colon = '\0';
  range = g_strsplit (colon + 1, "-", 3);
  if (g_strv_length (range) > 2 || !range[0] || !bothy_parse_number (range[0], 1, G_MAXUINT16, &first) ||
      !bothy_parse_number (range[1] ? range[1] : range[0], first, G_MAXUINT16, &last))
    return FALSE;
  ret->first_port = (guint)first;
  ret->last_port = (guint)last;
  if (ret->protocol == ANY_PROTOCOL)
    ret->protocol = IPPROTO_TCP;
  return ret->protocol != IPPROTO_ICMP;
}

static void
clear_host_bits (Destination *destination)
{
  for (guint bit = destination->prefix; bit < 8 * sizeof destination->address; bit++)
    destination->address[bit / 8] &= (guint8) ~(0x80 >> bit % 8);
}

static gboolean
take_network (const char *text, Destination *ret)
{
  gsize length = strlen (text);
  gboolean bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';
  g_autofree char *bare = bracketed ? g_strndup (text + 1, length - 2) : g_strdup (text);
  char *slash = strchr (bare, '/');
  guint64 prefix;

  if (g_str_equal (text, BOTHY_EGRESS_ALL)) {
    ret->family = AF_UNSPEC;
    return TRUE;
  }
  if (slash)
    *slash = '\0';
  ret->family = strchr (bare, ':') ? AF_INET6 : AF_INET;
  if (inet_pton (ret->family, bare, ret->address) != 1 || (bracketed && ret->family == AF_INET))
    return FALSE;
  prefix = 8 * size_of (ret->family);
  if (slash && !bothy_parse_number (slash + 1, 0, prefix, &prefix))
    return FALSE;
  ret->prefix = (guint)prefix;
  clear_host_bits (ret);
  return TRUE;
}

static gboolean
parse (const char *text, Destination *ret)
{
  g_autofree char *rest = g_strdup (text);

  *ret = (Destination){ 0 };
  return take_protocol (rest, ret) && take_ports (rest, ret) && take_network (rest, ret);
}

static void
append_network (GString *text, const Destination *destination, gboolean has_port)
{
  gboolean bracketed = has_port && destination->family == AF_INET6;
  char address[INET6_ADDRSTRLEN];

  if (destination->family == AF_UNSPEC) {
    g_string_append (text, BOTHY_EGRESS_ALL);
    return;
  }
  inet_ntop (destination->family, destination->address, address, sizeof address);
  g_string_append_printf (text, "%s%s", bracketed ? "[" : "", address);
  if (destination->prefix < 8 * size_of (destination->family))
    g_string_append_printf (text, "/%u", destination->prefix);
  if (bracketed)
    g_string_append_c (text, ']');
}

static char *
format (const Destination *destination)
{
  gboolean has_port = destination->first_port > 0;
  GString *text = g_string_new (NULL);

  append_network (text, destination, has_port);
  if (has_port)
    g_string_append_printf (text, ":%u", destination->first_port);
  if (has_port && destination->last_port != destination->first_port)
    g_string_append_printf (text, "-%u", destination->last_port);
  for (gsize i = 0; i < G_N_ELEMENTS (protocols); i++) {
    if (destination->protocol == protocols[i].number)
      g_string_append_printf (text, "/%s", protocols[i].name);
  }
  return g_string_free (text, FALSE);
}

/* ---- lists ---- */

static gboolean
check_length (char **list, GError **error)
{
  g_autoptr (GArray) flat = g_strv_length (list) <= BOTHY_EGRESS_MOST ? bothy_egress_flatten (list) : NULL;

  if (flat && flat->len <= NET_MAX_DESTINATIONS)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
               "A container may have %d destinations; name networks in place of single addresses",
               BOTHY_EGRESS_MOST);
  return FALSE;
}

char **
bothy_egress_parse (const char *const *list, GError **error)
{
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);

  for (; *list; list++) {
    g_autofree char *shown = g_strescape (*list, NULL);
    g_autofree char *text = NULL;
    Destination destination;

    if (!parse (*list, &destination)) {
      g_set_error (
          error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
          "\"%.64s\" is no destination: \"all\" or an address or ADDRESS/BITS, then :PORT, then /tcp, "
          "/udp or /icmp, such as 192.0.2.0/24:443/tcp or [2001:db8::1]:53/udp",
          shown);
      return NULL;
    }
    text = format (&destination);
    if (!g_ptr_array_find_with_equal_func (texts, text, g_str_equal, NULL))
      g_ptr_array_add (texts, g_steal_pointer (&text));
  }
  g_ptr_array_add (texts, NULL);
  if (!check_length ((char **)texts->pdata, error))
    return NULL;
  return (char **)g_ptr_array_steal (texts, NULL);
}

char **
bothy_egress_add (char **list, char **others, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) sum = NULL;

  g_strv_builder_addv (builder, (const char **)list);
  for (; *others; others++) {
    if (!g_strv_contains ((const char *const *)list, *others))
      g_strv_builder_add (builder, *others);
  }
  sum = g_strv_builder_end (builder);
  return check_length (sum, error) ? g_steal_pointer (&sum) : NULL;
}

char **
bothy_egress_remove (char **list, char **others, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (char **other = others; *other; other++) {
    if (g_strv_contains ((const char *const *)list, *other))
      continue;
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "%s is not among what it may reach, in these words; \"bothy egress list\" shows them",
                 *other);
    return NULL;
  }
  for (; *list; list++) {
    if (!g_strv_contains ((const char *const *)others, *list))
      g_strv_builder_add (builder, *list);
  }
  return g_strv_builder_end (builder);
}

gboolean
bothy_egress_is_limited (char **list)
{
  return !g_strv_contains ((const char *const *)list, BOTHY_EGRESS_ALL);
}

/* ---- flattening ---- */

/* A part of what the list allows: one family, and either one of the protocols or all the others. */
typedef struct {
  struct net_destination wire;
  guint prefix;
} Part;

/* Where ranges of protocol numbers begin: TCP, UDP and ICMP have one each, and the numbers between them the
   others. So the protocols of two parts are either the same or do not overlap. */
static const guint8 bounds4[] = { 0,           IPPROTO_ICMP,   IPPROTO_ICMP + 1, IPPROTO_TCP, IPPROTO_TCP + 1,
                                  IPPROTO_UDP, IPPROTO_UDP + 1 };
static const guint8 bounds6[] = {
  0, IPPROTO_TCP, IPPROTO_TCP + 1, IPPROTO_UDP, IPPROTO_UDP + 1, IPPROTO_ICMPV6, IPPROTO_ICMPV6 + 1
};

static void
add_parts (GArray *parts, const Destination *destination, int family)
{
  const guint8 *bounds = family == AF_INET ? bounds4 : bounds6;
  guint protocol = destination->protocol;
  Part part = { .wire = { .family = family == AF_INET ? 4 : 6,
                          .first_port = (guint16)destination->first_port,
                          .last_port = (guint16)destination->last_port },
                .prefix = destination->family == AF_UNSPEC ? 0 : destination->prefix };

  if (family == AF_INET6 && protocol == IPPROTO_ICMP)
    protocol = IPPROTO_ICMPV6;
  memcpy (part.wire.first, destination->address, size_of (family));
  memcpy (part.wire.last, destination->address, size_of (family));
  for (guint bit = part.prefix; bit < 8 * size_of (family); bit++)
    part.wire.last[bit / 8] |= (guint8)(0x80 >> bit % 8);
  for (gsize i = 0; i < G_N_ELEMENTS (bounds4); i++) {
    part.wire.first_protocol = bounds[i];
    part.wire.last_protocol = i + 1 < G_N_ELEMENTS (bounds4) ? bounds[i + 1] - 1 : G_MAXUINT8;
    if (protocol == ANY_PROTOCOL || protocol == bounds[i])
      g_array_append_val (parts, part);
  }
}

static int
compare_prefix (gconstpointer a, gconstpointer b)
{
  return (int)((const Part *)a)->prefix - (int)((const Part *)b)->prefix;
}

/* Networks are inside each other or have nothing in common. */
static gboolean
is_inside (const struct net_destination *inner, const struct net_destination *outer)
{
  gsize size = inner->family == 4 ? 4 : 16;

  return inner->family == outer->family && inner->first_protocol == outer->first_protocol &&
         memcmp (inner->first, outer->first, size) >= 0 && memcmp (inner->last, outer->last, size) <= 0;
}

/* Appends PART to DONE without the ports that entries of DONE from index FROM on already have for all of its
   addresses. What is left may be several entries. */
static void
add_rest (GArray *done, guint from, struct net_destination part)
{
  for (guint i = from; i < done->len; i++) {
    const struct net_destination other = g_array_index (done, struct net_destination, i);
    struct net_destination below = part;

    if (!is_inside (&part, &other) || other.last_port < part.first_port || other.first_port > part.last_port)
      continue;
    below.last_port = other.first_port - 1;
    if (part.first_port < other.first_port)
      add_rest (done, i + 1, below);
    if (part.last_port <= other.last_port)
      return;
    part.first_port = other.last_port + 1;
  }
  g_array_append_val (done, part);
}

GArray *
bothy_egress_flatten (char **list)
{
  g_autoptr (GArray) parts = g_array_new (FALSE, FALSE, sizeof (Part));
  GArray *done = g_array_new (FALSE, FALSE, sizeof (struct net_destination));

  for (; *list; list++) {
    Destination destination;

    if (!parse (*list, &destination))
      continue;
    if (destination.family != AF_INET6)
      add_parts (parts, &destination, AF_INET);
    if (destination.family != AF_INET)
      add_parts (parts, &destination, AF_INET6);
  }
  g_array_sort (parts, compare_prefix);
  for (guint i = 0; i < parts->len; i++)
    add_rest (done, 0, g_array_index (parts, Part, i).wire);
  return done;
}
