/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/diagnose-network.h"

#include "network/default-bridge.h"
#include "network/subnet.h"

#include <stdio.h>
#include <unistd.h>

static void
add_line (
    GVariantBuilder *report, const char *check, const char *verdict, const char *found, const char *advice)
{
  g_variant_builder_add (report, "(ssss)", check, verdict, found, advice);
}

static const struct {
  const char *who, *advice;
} firewall_advice[] = {
  { "docker forward",
    "Docker drops what is forwarded; let ours pass: iptables -I DOCKER-USER -i bothy0 -j ACCEPT; "
    "iptables -I DOCKER-USER -o bothy0 -j ACCEPT" },
  { "ufw forward",
    "ufw drops what is forwarded: ufw route allow in on bothy0; ufw route allow out on bothy0" },
  { "ufw input", "ufw keeps containers from DHCP and DNS: ufw allow in on bothy0" },
  { "firewalld forward",
    "No zone of firewalld has the bridge: firewall-cmd --zone=nm-shared --change-interface=bothy0, "
    "and with --permanent" },
  { "firewalld zone", "The bridge is in a zone of firewalld that keeps containers from DHCP and DNS: "
                      "firewall-cmd --zone=nm-shared --change-interface=bothy0, and with --permanent" },
};

#define FIREWALLD_LASTS                                                                                      \
  "firewalld has bothy0 in the zone nm-shared, also when it loads its rules anew: until NetworkManager "     \
  "brings "                                                                                                  \
  "the bridge up, with the zone of its profile (nm-shared, if nobody chose another)"

/* How long what was done about it holds. */
static const struct {
  const char *who, *lasts;
} firewall_lasts[] = {
  { "docker forward", "The chain DOCKER-USER lets bothy0 pass: until this machine starts anew, also when "
                      "Docker does; then once more" },
  { "ufw forward", "The chain ufw-user-forward lets bothy0 pass: until ufw is reloaded or this machine "
                   "starts anew; for ever: "
                   "ufw route allow in on bothy0; ufw route allow out on bothy0" },
  { "ufw input",
    "The chain ufw-user-input lets bothy0 in: until ufw is reloaded or this machine starts anew; for ever: "
    "ufw allow in on bothy0" },
  { "firewalld forward", FIREWALLD_LASTS },
  { "firewalld zone", FIREWALLD_LASTS },
};

static const char *
find_lasting (const char *line)
{
  for (gsize i = 0; i < G_N_ELEMENTS (firewall_lasts); i++)
    if (g_str_equal (firewall_lasts[i].who, line))
      return firewall_lasts[i].lasts;
  return "";
}

static const char *
find_advice (const char *line)
{
  for (gsize i = 0; i < G_N_ELEMENTS (firewall_advice); i++)
    if (g_str_equal (firewall_advice[i].who, line))
      return firewall_advice[i].advice;
  return "Let the nftables table of that name accept what bothy0 is the interface of";
}

static char *
describe_firewall (const char *line)
{
  return g_strdup_printf ("%s: what comes from or goes to bothy0 may be dropped", line);
}

static void
check_firewalls (const BothyNetworkFacts *facts, GVariantBuilder *report)
{
  g_auto (GStrv) lines = NULL;

  if (!facts->firewalls) {
    add_line (report, "firewall", "warning", facts->unexamined,
              "Switch it on: systemctl enable --now bothy-net.socket");
    return;
  }
  lines = g_strsplit (facts->firewalls, "\n", -1);
  if (!lines[0])
    add_line (report, "firewall", "ok", "Nothing else in nftables drops what containers send", "");
  for (char **line = lines; *line && **line; line++) {
    g_autofree char *found = describe_firewall (*line);

    add_line (report, "firewall", "warning", found, find_advice (*line));
  }
}

/* The rules of the old iptables are not in nftables; the kernel names their tables, and only root sees which.
 */
static gboolean
has_legacy_filter (const char *path)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  return g_strv_contains ((const char *const *)lines, "filter");
}

static void
check_legacy (GVariantBuilder *report)
{
  gboolean has_docker = access ("/sys/class/net/docker0", F_OK) == 0;

  if (!has_legacy_filter ("/proc/net/ip_tables_names") && !has_legacy_filter ("/proc/net/ip6_tables_names"))
    add_line (report, "legacy-firewall", "ok", "The old iptables filters nothing", "");
  else if (has_docker)
    add_line (report, "legacy-firewall", "warning",
              "Docker uses the old iptables, and drops what is forwarded",
              "iptables-legacy -I DOCKER-USER -i bothy0 -j ACCEPT; "
              "iptables-legacy -I DOCKER-USER -o bothy0 -j ACCEPT");
  else
    add_line (report, "legacy-firewall", "warning",
              "The old iptables has a filter, which may drop what containers send",
              "Look at iptables-legacy -S FORWARD; if its policy is DROP: "
              "iptables-legacy -I FORWARD -i bothy0 -j ACCEPT; "
              "iptables-legacy -I FORWARD -o bothy0 -j ACCEPT");
}

void
bothy_report_firewalls (const char *before, const char *after, GVariantBuilder *report)
{
  g_auto (GStrv) lines = g_strsplit (before, "\n", -1);
  g_auto (GStrv) left = g_strsplit (after, "\n", -1);

  for (char **line = lines; *line && **line; line++) {
    g_autofree char *found = describe_firewall (*line);

    if (g_strv_contains ((const char *const *)left, *line))
      add_line (report, "firewall", "left", found, find_advice (*line));
    else
      add_line (report, "firewall", "fixed", found, find_lasting (*line));
  }
  if (!lines[0] || !*lines[0])
    add_line (report, "firewall", "ok", "Nothing else in nftables drops what containers send", "");
  /* What iptables-legacy has is out of the reach of nftables. */
  check_legacy (report);
}

/* Who came later, a VPN or another program for containers, may have the same addresses. */
static void
check_subnet (GVariantBuilder *report)
{
  g_autofree char *collision = bothy_subnet_find_collision (BOTHY_BRIDGE_NAME);
  g_autofree char *found =
      collision
          ? g_strdup_printf (
                "Addresses of bothy0 are also in %s: containers and what is there do not reach each other",
                collision)
          : NULL;

  add_line (report, "subnet", found ? "warning" : "ok",
            found ? found : "Nobody else has addresses of bothy0's network",
            found ? "Stop all containers that are on bothy0 (bothy list --all), then: systemctl stop bothyd; "
                    "nmcli connection delete uuid " BOTHY_BRIDGE_UUID
                    "; the next start makes it anew where nobody is"
                  : "");
}

/* The interfaces of IPv4's default routes (/proc/net/route). */
static GHashTable *
list_default_interfaces (void)
{
  GHashTable *found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_file_get_contents ("/proc/net/route", &text, NULL, NULL);
  lines = g_strsplit (text ? text : "", "\n", -1);
  for (char **line = lines; *line; line++) {
    char interface[17];
    unsigned int destination, mask;

    if (sscanf (*line, "%16s %8x %*x %*x %*u %*u %*u %8x", interface, &destination, &mask) == 3 &&
        destination == 0 && mask == 0)
      g_hash_table_add (found, g_strdup (interface));
  }
  return found;
}

/* The stricter of "all" and the interface's own holds, and 1 is stricter than 0. */
static gboolean
is_strict (const char *interface)
{
  const char *const names[] = { "all", interface };
  gboolean strict = FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename ("/proc/sys/net/ipv4/conf", names[i], "rp_filter", NULL);
    g_autofree char *text = NULL;

    if (!g_file_get_contents (path, &text, NULL, NULL))
      continue;
    if (text[0] == '2')
      return FALSE;
    strict = strict || text[0] == '1';
  }
  return strict;
}

/* With one way out it does no harm: answers come in where questions went out. */
static void
check_reverse_path (GVariantBuilder *report)
{
  g_autoptr (GHashTable) interfaces = list_default_interfaces ();
  GHashTableIter iter;
  gpointer interface;

  g_hash_table_iter_init (&iter, interfaces);
  while (g_hash_table_size (interfaces) > 1 && g_hash_table_iter_next (&iter, &interface, NULL)) {
    g_autofree char *found = NULL;
    g_autofree char *advice = NULL;

    if (!is_strict (interface))
      continue;
    found =
        g_strdup_printf ("rp_filter of %s is strict, and there are several default routes: who comes to a "
                         "container's port by another one gets no answer",
                         (const char *)interface);
    advice = g_strdup_printf ("sysctl -w net.ipv4.conf.%s.rp_filter=2, and the same in sysctl.d(5)",
                              (const char *)interface);
    add_line (report, "reverse-path", "warning", found, advice);
    return;
  }
  add_line (report, "reverse-path", "ok", "rp_filter drops no answers", "");
}

static gboolean
is_zero (const char *path)
{
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) && text[0] == '0';
}

/* A default route that the kernel has from advertisements, by the flags of /proc/net/ipv6_route. */
static gboolean
has_default_route6 (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_file_get_contents ("/proc/net/ipv6_route", &text, NULL, NULL);
  lines = g_strsplit (text ? text : "", "\n", -1);
  for (char **line = lines; *line; line++) {
    if (g_str_has_prefix (*line, "00000000000000000000000000000000 00 ") && !g_str_has_suffix (*line, " lo"))
      return TRUE;
  }
  return FALSE;
}

/* Both are switched on with the bridge: by NetworkManager, and by bothy-net where that does no harm. */
static void
check_forwarding (GVariantBuilder *report)
{
  gboolean has_bridge = access ("/sys/class/net/bothy0", F_OK) == 0;

  if (has_bridge && is_zero ("/proc/sys/net/ipv4/ip_forward"))
    add_line (report, "forwarding", "error",
              "IPv4 is not forwarded, though NetworkManager had switched that on",
              "sysctl -w net.ipv4.ip_forward=1, and look for what sets it to 0 in sysctl.d(5)");
  else if (has_bridge && has_default_route6 () && is_zero ("/proc/sys/net/ipv6/conf/all/forwarding"))
    add_line (report, "forwarding", "warning",
              "IPv6 is not forwarded: the kernel would forget its default route",
              "Set net.ipv6.conf.IFACE.accept_ra=2 for the interface of that route, and start a container");
  else
    add_line (report, "forwarding", "ok",
              has_bridge ? "as containers need it" : "switched on with the first container", "");
}

static void
check_manager (const BothyNetworkFacts *facts, GVariantBuilder *report)
{
  if (facts->silence)
    add_line (report, "network-manager", "error", facts->silence,
              "Containers start without network until then, and get it when NetworkManager is back");
  else if (facts->bridge)
    add_line (report, "network-manager", "error", facts->bridge,
              "Look at nmcli device and journalctl -u NetworkManager; it needs dnsmasq (dnsmasq-base)");
  else
    add_line (report, "network-manager", "ok", "NetworkManager answers", "");
}

void
bothy_diagnose_network (const BothyNetworkFacts *facts, GVariantBuilder *report)
{
  check_manager (facts, report);
  check_firewalls (facts, report);
  check_subnet (report);
  check_legacy (report);
  check_reverse_path (report);
  check_forwarding (report);
}

void
bothy_network_facts_clear (BothyNetworkFacts *facts)
{
  g_free (facts->firewalls);
  g_free (facts->unexamined);
  g_free (facts->silence);
  g_free (facts->bridge);
}
