/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which networks bridges get on a machine where others have some: in a network namespace for each test. */

#include "scratch.h"

#include <arpa/inet.h>

#include "network/routes.h"
#include "network/subnet.h"

static void
run (const char *commands)
{
  g_auto (GStrv) lines = g_strsplit (commands, ";", -1);

  g_assert_no_errno (unshare (CLONE_NEWNET));
  for (char **line = lines; *line; line++) {
    g_autoptr (GError) error = NULL;
    int status = 0;

    g_assert_true (g_spawn_command_line_sync (*line, NULL, NULL, &status, &error));
    g_assert_no_error (error);
    g_assert_cmpint (status, ==, 0);
  }
}

#define VPN "ip link add vpn type veth peer name far; ip link set far up; ip link set vpn up; "

static char *
choose (void)
{
  guint32 address = htonl (bothy_subnet_choose4 ("bothy0"));
  char text[INET_ADDRSTRLEN];

  return g_strdup (inet_ntop (AF_INET, &address, text, sizeof text));
}

static void
test_choice (void)
{
  static const struct {
    const char *commands, *chosen;
  } cases[] = {
    { "ip link set lo up", "10.209.0.1" },
    { VPN "ip route add 10.209.5.0/24 dev vpn", "10.137.0.1" },
    /* As wg-quick with Table=, and Tailscale, have it. */
    { VPN "ip route add 10.209.5.0/24 dev vpn table 51820; ip rule add table 51820", "10.137.0.1" },
    { VPN "ip route add 10.209.0.0/16 dev vpn table 52; ip route add 10.137.1.1 dev vpn table 52",
      "10.73.0.1" },
    /* As NetworkManager's never-default profiles, and containers of other tools. */
    { VPN "ip addr add 10.209.0.9/24 dev vpn noprefixroute", "10.137.0.1" },
    { "ip route add blackhole 10.209.7.0/26", "10.137.0.1" },
    { VPN "ip link add v2 type veth peer name far2; ip link set far2 up; ip link set v2 up; ip route add "
          "10.209.0.0/16 nexthop dev vpn nexthop "
          "dev v2",
      "10.137.0.1" },
    /* Not of anybody in particular. */
    { VPN "ip route add default dev vpn; ip route add 0.0.0.0/1 dev vpn; ip route add 128.0.0.0/1 dev vpn; "
          "ip route add throw 10.209.0.0/16 table 52",
      "10.209.0.1" },
    { "ip link add bothy0 type bridge; ip addr add 10.209.0.1/16 dev bothy0; ip link set bothy0 up",
      "10.209.0.1" },
    /* All that begins with 10 is somebody's. */
    { VPN "ip route add 10.0.0.0/8 dev vpn", "172.30.0.1" },
    { VPN "ip route add 10.0.0.0/8 dev vpn table 9; ip route add 172.30.0.0/15 dev vpn", "172.29.0.1" },
    { VPN "ip route add 10.0.0.0/8 dev vpn; ip route add 172.16.0.0/12 dev vpn; ip route add 10.209.3.0/24 "
          "dev vpn",
      "10.67.0.1" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *chosen = NULL;

    run (cases[i].commands);
    chosen = choose ();
    g_test_message ("%s", cases[i].commands);
    g_assert_cmpstr (chosen, ==, cases[i].chosen);
  }
}

static void
test_nothing (void)
{
  g_autofree char *chosen = NULL;
  g_autofree char *small = NULL;
  g_autoptr (GString) batch = g_string_new (NULL);

  for (guint i = 0; i < 256; i++)
    g_string_append_printf (batch, "route add 10.%u.0.0/16 dev vpn\n", i);
  g_string_append (batch, "route add 172.16.0.0/12 dev vpn\n");
  g_assert_true (g_file_set_contents ("/run/batch", batch->str, -1, NULL));
  run (VPN "ip -batch /run/batch");
  chosen = choose ();
  small = bothy_subnet_choose_small ("lab");
  g_assert_cmpstr (chosen, ==, "0.0.0.0");
  /* A bridge with a network of 24 bits has room in a wider one. */
  g_assert_nonnull (small);
}

#define BRIDGE                                                                                               \
  "ip link add bothy0 type bridge; ip link set bothy0 up; ip addr add 10.209.0.1/16 dev bothy0; "            \
  "ip addr add fd11:2233:4455::1/64 dev bothy0 nodad; " VPN

static void
test_collision (void)
{
  static const struct {
    const char *commands, *found;
  } cases[] = {
    { BRIDGE "ip route add 10.210.0.0/16 dev vpn; ip route add default dev vpn table 51820", NULL },
    { BRIDGE "ip route add 10.209.5.0/24 dev vpn", "10.209.5.0/24, which vpn leads to" },
    { BRIDGE "ip route add 10.209.0.0/16 dev vpn table 52", "10.209.0.0/16, which vpn leads to" },
    { BRIDGE "ip addr add 10.209.5.4/24 dev vpn noprefixroute", "10.209.5.0/24, which vpn leads to" },
    { BRIDGE "ip route add unreachable 10.208.0.0/12", "10.208.0.0/12, which the routing tables have" },
    { BRIDGE "ip -6 route add fd11:2233:4455::/48 dev vpn", "fd11:2233:4455::/48, which vpn leads to" },
    { BRIDGE "ip -6 route add fd11:2233:4455::7 dev vpn table 7",
      "fd11:2233:4455::7/128, which vpn leads to" },
    { BRIDGE "ip -6 route add fc00::/7 dev vpn", NULL },
    { "ip link set lo up", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *found = NULL;

    run (cases[i].commands);
    g_test_message ("%s", cases[i].commands);
    found = bothy_subnet_find_collision ("bothy0");
    g_assert_cmpstr (found, ==, cases[i].found);
  }
}

static void
test_choice6 (void)
{
  guint8 before[16], after[16];
  char text[INET6_ADDRSTRLEN];
  g_autofree char *commands = NULL;

  run ("ip link set lo up");
  bothy_subnet_choose6 ("one", "bothy0", before);
  bothy_subnet_choose6 ("one", "bothy0", after);
  g_assert_cmpmem (before, 16, after, 16);
  bothy_subnet_choose6 ("two", "bothy0", after);
  g_assert_cmpint (memcmp (before, after, 16), !=, 0);
  inet_ntop (AF_INET6, before, text, sizeof text);
  commands = g_strdup_printf (VPN "ip -6 route add %s dev vpn table 52", text);
  run (commands);
  bothy_subnet_choose6 ("one", "bothy0", after);
  g_assert_cmpint (after[0], ==, 0xfd);
  g_assert_cmpint (memcmp (before, after, 8), !=, 0);
}

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/subnet/choice", test_choice);
  g_test_add_func ("/subnet/nothing", test_nothing);
  g_test_add_func ("/subnet/collision", test_collision);
  g_test_add_func ("/subnet/choice6", test_choice6);
  return g_test_run ();
}
