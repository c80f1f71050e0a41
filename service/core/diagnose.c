/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "diagnose.h"

#include "core/builtin.h"
#include "config.h"
#include "core/claims.h"
#include "platform/cgroups.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

typedef struct {
  GVariantBuilder builder;
  BothyConfiguration configuration;
  gboolean degraded;
  guint n_ranges;
  gboolean has_builtin;
  char *firewalls; /* NET_EXAMINE's text, or NULL */
  char *unexamined; /* why that is not there */
} Diagnosis;

static void
say (Diagnosis *diagnosis, const char *check, const char *verdict, const char *found, const char *advice)
{
  g_variant_builder_add (&diagnosis->builder, "(ssss)", check, verdict, found, advice);
}

static void
check_kernel (Diagnosis *diagnosis)
{
  struct utsname name;
  unsigned int major = 0, minor = 0;

  uname (&name);
  if (sscanf (name.release, "%u.%u", &major, &minor) == 2 && (major > 5 || (major == 5 && minor >= 19)))
    say (diagnosis, "kernel", "ok", name.release, "");
  else
    say (diagnosis, "kernel", "error", name.release, "Use Linux 5.19 or later: idmapped layers of overlayfs need it");
}

static void
check_user_namespaces (Diagnosis *diagnosis)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents ("/proc/sys/user/max_user_namespaces", &text, NULL, NULL))
    say (diagnosis, "user-namespaces", "error", "The kernel has none", "Use a kernel with CONFIG_USER_NS");
  else if (g_ascii_strtoull (text, NULL, 10) < 64)
    say (diagnosis, "user-namespaces", "error", g_strstrip (text), "Raise the sysctl user.max_user_namespaces");
  else
    say (diagnosis, "user-namespaces", "ok", g_strstrip (text), "");
}

static void
check_cgroups (Diagnosis *diagnosis)
{
  const char *mount = bothy_cgroups_mount ();
  g_autofree char *path = mount ? g_build_filename (mount, "cgroup.controllers", NULL) : NULL;
  g_autofree char *controllers = NULL;

  if (!mount) {
    say (diagnosis, "cgroups", "error", "cgroup2 is not mounted", "Mount it, or boot with systemd.unified_cgroup_hierarchy=1");
    return;
  }
  g_file_get_contents (path, &controllers, NULL, NULL);
  if (controllers && strstr (controllers, "memory") && strstr (controllers, "pids"))
    say (diagnosis, "cgroups", "ok", g_strstrip (controllers), "");
  else
    say (diagnosis, "cgroups", "warning", controllers ? g_strstrip (controllers) : "",
         "Limits need the controllers memory, cpu and pids in cgroup2: boot with systemd.unified_cgroup_hierarchy=1");
}

static void
check_disk (Diagnosis *diagnosis)
{
  struct statvfs fs;
  g_autofree char *found = NULL;

  if (statvfs (STATE_DIR, &fs) < 0) {
    say (diagnosis, "disk", "error", STATE_DIR " can not be looked at", "Reinstall Bothy");
    return;
  }
  found = g_strdup_printf ("%" G_GUINT64_FORMAT " MiB free in " STATE_DIR,
                           (guint64) fs.f_bavail * fs.f_frsize / (1024 * 1024));
  if ((guint64) fs.f_bavail * fs.f_frsize < 512 * 1024 * 1024)
    say (diagnosis, "disk", "warning", found, "Delete images and containers that nobody needs");
  else
    say (diagnosis, "disk", "ok", found, "");
}

static void
check_ids (Diagnosis *diagnosis)
{
  const BothyConfiguration *configuration = &diagnosis->configuration;
  BothyIdSpan neutral = { BOTHY_NEUTRAL_BASE, BOTHY_NEUTRAL_BASE + BOTHY_RANGE_SIZE - 1 };
  g_autofree char *found = NULL;
  g_autoptr (GError) error = NULL;

  found = g_strdup_printf ("%u of %u ranges given out, from id %u on", diagnosis->n_ranges, configuration->range_count,
                           configuration->range_base);
  if (diagnosis->degraded)
    say (diagnosis, "ids", "error", "Records are damaged; no ids are given out",
         "Look at the files named *.corrupt-N in " STATE_DIR " and restore them from a backup");
  else if (diagnosis->n_ranges >= configuration->range_count)
    say (diagnosis, "ids", "warning", found, "Raise Count in [Ranges] of bothyd.conf");
  else if (bothy_claims_overlap (neutral, &error) && error)
    say (diagnosis, "ids", "error", error->message, "Correct that file: no ids are given out as long as it is damaged");
  else
    say (diagnosis, "ids", "ok", found, "");
}

static void
check_programs (Diagnosis *diagnosis)
{
  static const char *const programs[] = { "bothy-helper", "bothy-supervisor", "bothy-unpack", "bothy-fetch",
                                          "default.bpf",  "nesting.bpf" };

  for (gsize i = 0; i < G_N_ELEMENTS (programs); i++) {
    g_autofree char *path = g_build_filename (LIBEXEC_DIR, programs[i], NULL);

    if (access (path, R_OK) < 0) {
      say (diagnosis, "installation", "error", path, "This file is missing: reinstall Bothy");
      return;
    }
  }
  say (diagnosis, "installation", "ok", PACKAGE_VERSION, "");
}

static void
check_names (Diagnosis *diagnosis)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents ("/etc/nsswitch.conf", &text, NULL, NULL) || !strstr (text, "systemd"))
    say (diagnosis, "names", "warning", "nsswitch.conf does not ask systemd",
         "Install libnss-systemd, so that ps shows names for containers' ids");
  else
    say (diagnosis, "names", "ok", "nsswitch.conf asks systemd", "");
}

/* The line that says where host names come from has our word in it. */
static gboolean
hosts_ask_us (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (char **line = lines; *line; line++) {
    g_auto (GStrv) words = g_str_has_prefix (*line, "hosts:") ? g_strsplit_set (*line, " \t", -1) : NULL;

    if (words && g_strv_contains ((const char *const *)words, "bothy"))
      return TRUE;
  }
  return FALSE;
}

static void
check_host_names (Diagnosis *diagnosis)
{
  g_autofree char *text = NULL;

  if (g_file_get_contents ("/etc/nsswitch.conf", &text, NULL, NULL) && hosts_ask_us (text))
    say (diagnosis, "host-names", "ok", "nsswitch.conf asks Bothy", "");
  else
    say (diagnosis, "host-names", "warning", "Programs of this machine do not find NAME.bothy",
         "Put the word bothy behind files in the line of nsswitch.conf that begins with hosts:");
}

static const struct {
  const char *who, *advice;
} firewall_advice[] = {
  { "docker forward", "Docker drops what is forwarded; let ours pass: iptables -I DOCKER-USER -i bothy0 -j ACCEPT; "
                      "iptables -I DOCKER-USER -o bothy0 -j ACCEPT" },
  { "ufw forward", "ufw drops what is forwarded: ufw route allow in on bothy0; ufw route allow out on bothy0" },
  { "ufw input", "ufw keeps containers from DHCP and DNS: ufw allow in on bothy0" },
  { "firewalld forward", "No zone of firewalld has the bridge: firewall-cmd --zone=nm-shared --change-interface=bothy0, "
                         "and with --permanent" },
};

static void
check_firewall (Diagnosis *diagnosis, const char *line)
{
  g_autofree char *found = g_strdup_printf ("%s: what comes from or goes to bothy0 may be dropped", line);

  for (gsize i = 0; i < G_N_ELEMENTS (firewall_advice); i++) {
    if (g_str_equal (firewall_advice[i].who, line)) {
      say (diagnosis, "firewall", "warning", found, firewall_advice[i].advice);
      return;
    }
  }
  say (diagnosis, "firewall", "warning", found, "Let the nftables table of that name accept what bothy0 is the interface of");
}

static void
check_firewalls (Diagnosis *diagnosis)
{
  g_auto (GStrv) lines = NULL;

  if (!diagnosis->firewalls) {
    say (diagnosis, "firewall", "warning", diagnosis->unexamined, "Switch it on: systemctl enable --now bothy-net.socket");
    return;
  }
  lines = g_strsplit (diagnosis->firewalls, "\n", -1);
  if (!lines[0])
    say (diagnosis, "firewall", "ok", "Nothing else in nftables drops what containers send", "");
  for (char **line = lines; *line && **line; line++)
    check_firewall (diagnosis, *line);
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
check_forwarding (Diagnosis *diagnosis)
{
  gboolean has_bridge = access ("/sys/class/net/bothy0", F_OK) == 0;

  if (has_bridge && is_zero ("/proc/sys/net/ipv4/ip_forward"))
    say (diagnosis, "forwarding", "error", "IPv4 is not forwarded, though NetworkManager had switched that on",
         "sysctl -w net.ipv4.ip_forward=1, and look for what sets it to 0 in sysctl.d(5)");
  else if (has_bridge && has_default_route6 () && is_zero ("/proc/sys/net/ipv6/conf/all/forwarding"))
    say (diagnosis, "forwarding", "warning", "IPv6 is not forwarded: the kernel would forget its default route",
         "Set net.ipv6.conf.IFACE.accept_ra=2 for the interface of that route, and start a container");
  else
    say (diagnosis, "forwarding", "ok", has_bridge ? "as containers need it" : "switched on with the first container", "");
}

static void
check_builtin (Diagnosis *diagnosis)
{
  if (diagnosis->has_builtin)
    say (diagnosis, "built-in-image", "ok", BOTHY_BUILTIN_ALIAS, "");
  else
    say (diagnosis, "built-in-image", "warning", "There is none yet", "Install busybox-static");
}

static void
check_image_servers (Diagnosis *diagnosis)
{
  if (access (RUNTIME_DIR "/fetch.sock", F_OK) < 0)
    say (diagnosis, "image-servers", "warning", "bothy-fetch can not be reached",
         "Switch it on: systemctl enable --now bothy-fetch.socket");
  else if (access ("/usr/bin/gpgv", X_OK) < 0)
    say (diagnosis, "image-servers", "warning", "Signatures can not be checked", "Install gpgv");
  else
    say (diagnosis, "image-servers", "ok", "bothy-fetch listens", "");
}

static void
look (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Diagnosis *diagnosis = task_data;

  g_variant_builder_init (&diagnosis->builder, G_VARIANT_TYPE ("a(ssss)"));
  check_programs (diagnosis);
  check_kernel (diagnosis);
  check_user_namespaces (diagnosis);
  check_cgroups (diagnosis);
  check_disk (diagnosis);
  check_ids (diagnosis);
  check_names (diagnosis);
  check_host_names (diagnosis);
  check_firewalls (diagnosis);
  check_forwarding (diagnosis);
  check_builtin (diagnosis);
  check_image_servers (diagnosis);
  g_task_return_pointer (task, g_variant_ref_sink (g_variant_builder_end (&diagnosis->builder)),
                         (GDestroyNotify) g_variant_unref);
}

static void
diagnosis_free (Diagnosis *diagnosis)
{
  g_free (diagnosis->firewalls);
  g_free (diagnosis->unexamined);
  g_free (diagnosis);
}

static void
on_examined (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Diagnosis *diagnosis = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  diagnosis->firewalls = bothy_network_examine_finish (BOTHY_NETWORK (source), result, &error);
  diagnosis->unexamined = error ? g_strdup (error->message) : NULL;
  g_task_run_in_thread (task, look);
}

void
bothy_diagnose (BothyRegistry *registry, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (registry, NULL, callback, user_data);
  g_autoptr (GPtrArray) ranges = bothy_ranges_list (bothy_registry_get_ranges (registry));
  Diagnosis *diagnosis = g_new0 (Diagnosis, 1);

  diagnosis->configuration = *bothy_registry_get_configuration (registry);
  diagnosis->degraded = bothy_registry_is_degraded (registry);
  diagnosis->n_ranges = ranges->len;
  diagnosis->has_builtin =
      bothy_images_find (bothy_registry_get_images (registry), G_MAXUINT32, BOTHY_BUILTIN_ALIAS, NULL) != NULL;
  g_task_set_task_data (task, diagnosis, (GDestroyNotify)diagnosis_free);
  bothy_network_examine (bothy_registry_get_network (registry), on_examined, g_object_ref (task));
}

GVariant *
bothy_diagnose_finish (GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}
