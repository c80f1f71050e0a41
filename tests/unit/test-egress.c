/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "network/egress.h"

static void
test_words (void)
{
  static const char *const cases[][2] = {
    { "all", "all" },
    { "all:53/udp", "all:53/udp" },
    { "all/tcp", "all/tcp" },
    { "192.0.2.7", "192.0.2.7" },
    { "192.0.2.7/24", "192.0.2.0/24" },
    { "192.0.2.7/32", "192.0.2.7" },
    { "0.0.0.0/0:1-65535", "0.0.0.0/0:1-65535/tcp" },
    { "192.0.2.7:443", "192.0.2.7:443/tcp" },
    { "192.0.2.7:443-443/udp", "192.0.2.7:443/udp" },
    { "192.0.2.0/24/icmp", "192.0.2.0/24/icmp" },
    { "2001:DB8::1", "2001:db8::1" },
    { "2001:db8::1/32/udp", "2001:db8::/32/udp" },
    { "[2001:db8::1/33]:80-81", "[2001:db8::/33]:80-81/tcp" },
    { "[2001:db8::1]", "2001:db8::1" },
    { "::/0", "::/0" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    const char *list[] = { cases[i][0], cases[i][1], NULL };
    g_autoptr (GError) error = NULL;
    g_auto (GStrv) parsed = bothy_egress_parse (list, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (g_strv_length (parsed), ==, 1);
    g_assert_cmpstr (parsed[0], ==, cases[i][1]);
  }
}

static void
test_nonsense (void)
{
  static const char *const cases[] = {
    "",
    "ALL",
    "any",
    "example.org",
    "192.0.2",
    "192.0.2.1/33",
    "192.0.2.1/",
    "192.0.2.1:",
    "192.0.2.1:0",
    "192.0.2.1:x",
    "192.0.2.1:65536",
    "192.0.2.1:9-8",
    "192.0.2.1:1-",
    "192.0.2.1:1-2-3",
    "1.2.3.4/x",
    "1.2.3.4/icmp:80",
    "1.2.3.4:80/icmp",
    "1.2.3.4/TCP",
    "[1.2.3.4]:80",
    "[::1",
    "::1]:80",
    "::1/129",
    " 1.2.3.4",
    "1.2.3.4 ",
    "1.2.3.4:80/tcp/udp",
    "1.2.3.4/024",
    "1.2.3.4:080",
    "fe80::1%eth0",
    "all/24",
    "\n",
    "[]:80",
    ":80",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    const char *list[] = { "192.0.2.1", cases[i], NULL };
    g_autoptr (GError) error = NULL;
    g_auto (GStrv) parsed = bothy_egress_parse (list, &error);

    if (parsed)
      g_error ("\"%s\" was taken", cases[i]);
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
  }
}

static void
test_change (void)
{
  char *list[] = { (char *)"192.0.2.1", (char *)"192.0.2.2", NULL };
  char *more[] = { (char *)"192.0.2.2", (char *)"192.0.2.3", NULL };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) sum = bothy_egress_add (list, more, &error);
  g_auto (GStrv) rest = bothy_egress_remove (sum, more, &error);
  g_auto (GStrv) none = bothy_egress_remove (list, more, &error);

  g_assert_cmpuint (g_strv_length (sum), ==, 3);
  g_assert_cmpuint (g_strv_length (rest), ==, 1);
  g_assert_cmpstr (rest[0], ==, "192.0.2.1");
  g_assert_null (none);
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
  g_assert_true (bothy_egress_is_limited (list));
  g_assert_true (bothy_egress_is_limited ((char *[]){ NULL }));
  g_assert_false (bothy_egress_is_limited ((char *[]){ (char *)"192.0.2.1", (char *)"all", NULL }));
}

static void
test_most (void)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) parsed = NULL;

  for (guint i = 0; i <= BOTHY_EGRESS_MOST; i++)
    g_ptr_array_add (list, g_strdup_printf ("192.0.2.%u", i));
  g_ptr_array_add (list, NULL);
  parsed = bothy_egress_parse ((const char *const *)list->pdata, &error);
  g_assert_null (parsed);
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED);
}

/* ---- what a list allows, by two ways ---- */

typedef struct {
  guint32 network, prefix, protocol, first, last;
} Rule;

typedef struct {
  guint32 address, protocol, port;
} Packet;

/* Few values, so that rules and packets meet. */
static Rule
random_rule (void)
{
  static const guint32 numbers[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
  Rule rule = { .prefix = (guint32)g_test_rand_int_range (26, 33), .last = G_MAXUINT16 };

  rule.network = (guint32)g_test_rand_int_range (0, 64) &
                 (guint32)(G_GUINT64_CONSTANT (0xffffffff) << (32 - rule.prefix));
  rule.protocol = numbers[g_test_rand_int_range (0, 4)];
  if ((rule.protocol == IPPROTO_TCP || rule.protocol == IPPROTO_UDP) && g_test_rand_bit ()) {
    rule.first = (guint32)g_test_rand_int_range (1, 20);
    rule.last = (guint32)g_test_rand_int_range ((gint32)rule.first, 20);
  }
  return rule;
}

static char *
write_rule (const Rule *rule)
{
  const char *protocol = rule->protocol == IPPROTO_TCP   ? "/tcp"
                         : rule->protocol == IPPROTO_UDP ? "/udp"
                                                         : "/icmp";

  return rule->first ? g_strdup_printf ("10.0.0.%u/%u:%u-%u%s", rule->network, rule->prefix, rule->first,
                                        rule->last, protocol)
                     : g_strdup_printf ("10.0.0.%u/%u%s", rule->network, rule->prefix,
                                        rule->protocol ? protocol : "");
}

static gboolean
rule_allows (const Rule *rule, const Packet *packet)
{
  return (packet->address & (guint32)(G_GUINT64_CONSTANT (0xffffffff) << (32 - rule->prefix))) ==
             rule->network &&
         (rule->protocol == 0 || rule->protocol == packet->protocol) && packet->port >= rule->first &&
         packet->port <= rule->last;
}

static guint
count_allowing (GArray *flat, const Packet *packet)
{
  guint32 address = htonl (0x0a000000 | packet->address);
  guint n = 0;

  for (guint i = 0; i < flat->len; i++) {
    const struct net_destination *d = &g_array_index (flat, struct net_destination, i);

    g_assert_cmpuint (d->family, ==, 4);
    if (memcmp (d->first, &address, 4) <= 0 && memcmp (d->last, &address, 4) >= 0 &&
        d->first_protocol <= packet->protocol && d->last_protocol >= packet->protocol &&
        d->first_port <= packet->port && d->last_port >= packet->port)
      n++;
  }
  return n;
}

static void
compare (const Rule *rules, guint n_rules, GArray *flat)
{
  static const guint32 numbers[] = { 0, 1, 2, 5, 6, 7, 16, 17, 18, 47, 58, 255 };

  for (guint i = 0; i < 500; i++) {
    Packet packet = { (guint32)g_test_rand_int_range (0, 64),
                      numbers[g_test_rand_int_range (0, G_N_ELEMENTS (numbers))],
                      (guint32)g_test_rand_int_range (0, 22) };
    gboolean allowed = FALSE;

    for (guint j = 0; j < n_rules; j++)
      allowed = allowed || rule_allows (&rules[j], &packet);
    /* Once: bothy-net takes nothing that overlaps. */
    g_assert_cmpuint (count_allowing (flat, &packet), ==, allowed ? 1 : 0);
  }
}

static void
test_flatten (void)
{
  for (guint turn = 0; turn < 400; turn++) {
    Rule rules[12];
    guint n = (guint)g_test_rand_int_range (0, G_N_ELEMENTS (rules));
    g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);
    g_auto (GStrv) parsed = NULL;
    g_autoptr (GArray) flat = NULL;

    for (guint i = 0; i < n; i++) {
      rules[i] = random_rule ();
      g_ptr_array_add (list, write_rule (&rules[i]));
    }
    g_ptr_array_add (list, NULL);
    parsed = bothy_egress_parse ((const char *const *)list->pdata, NULL);
    g_assert_nonnull (parsed);
    flat = bothy_egress_flatten (parsed);
    compare (rules, n, flat);
  }
}

static void
test_families (void)
{
  char *list[] = { (char *)"all:53/udp", (char *)"2001:db8::/32/icmp", NULL };
  g_autoptr (GArray) flat = bothy_egress_flatten (list);
  static const guint8 network[] = { 0x20, 0x01, 0x0d, 0xb8 };

  g_assert_cmpuint (flat->len, ==, 3);
  for (guint i = 0; i < flat->len; i++) {
    const struct net_destination *d = &g_array_index (flat, struct net_destination, i);

    g_assert_cmpuint (d->first_protocol, ==, d->last_protocol);
    if (d->first_protocol == IPPROTO_ICMPV6) {
      g_assert_cmpuint (d->family, ==, 6);
      g_assert_cmpmem (d->first, 4, network, 4);
      g_assert_cmpuint (d->last[15], ==, 0xff);
    } else
      g_assert_true (d->first_port == 53 && d->last_port == 53 && d->first_protocol == IPPROTO_UDP);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/egress/words", test_words);
  g_test_add_func ("/egress/nonsense", test_nonsense);
  g_test_add_func ("/egress/change", test_change);
  g_test_add_func ("/egress/most", test_most);
  g_test_add_func ("/egress/flatten", test_flatten);
  g_test_add_func ("/egress/families", test_families);
  return g_test_run ();
}
