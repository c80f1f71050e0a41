/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/diagnose.h"

#include "core/images/builtin.h"
#include "config.h"
#include "core/ids/conflicts.h"
#include "core/registry/diagnose-network.h"
#include "base/fd.h"
#include "platform/cgroup-manager.h"
#include "storage/quota.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#define ANSWER_SECONDS 3 /* of NetworkManager's */

/* What is about to be answered. */
typedef struct {
  GVariantBuilder report;
  BothyConfiguration configuration;
  gboolean degraded;
  guint n_ranges;
  gboolean has_builtin;
  BothyNetworkFacts network;
} Diagnosis;

/* One line of it. VERDICT: "ok", "warning" or "error". */
static void
say (Diagnosis *self, const char *check, const char *verdict, const char *found, const char *advice)
{
  g_variant_builder_add (&self->report, "(ssss)", check, verdict, found, advice);
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
    say (diagnosis, "kernel", "error", name.release,
         "Use Linux 5.19 or later: idmapped layers of overlayfs need it");
}

static void
check_user_namespaces (Diagnosis *diagnosis)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents ("/proc/sys/user/max_user_namespaces", &text, NULL, NULL))
    say (diagnosis, "user-namespaces", "error", "The kernel has none", "Use a kernel with CONFIG_USER_NS");
  else if (g_ascii_strtoull (text, NULL, 10) < 64)
    say (diagnosis, "user-namespaces", "error", g_strstrip (text),
         "Raise the sysctl user.max_user_namespaces");
  else
    say (diagnosis, "user-namespaces", "ok", g_strstrip (text), "");
}

static void
check_cgroups (Diagnosis *diagnosis)
{
  const char *mount = bothy_cgroup_manager_mount ();
  g_autofree char *path = mount ? g_build_filename (mount, "cgroup.controllers", NULL) : NULL;
  g_autofree char *controllers = NULL;

  if (!mount) {
    say (diagnosis, "cgroups", "error", "cgroup2 is not mounted",
         "Mount it, or boot with systemd.unified_cgroup_hierarchy=1");
    return;
  }
  g_file_get_contents (path, &controllers, NULL, NULL);
  if (controllers && strstr (controllers, "memory") && strstr (controllers, "pids"))
    say (diagnosis, "cgroups", "ok", g_strstrip (controllers), "");
  else
    say (diagnosis, "cgroups", "warning", controllers ? g_strstrip (controllers) : "",
         "Limits need the controllers memory, cpu and pids in cgroup2: boot with "
         "systemd.unified_cgroup_hierarchy=1");
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
                           (guint64)fs.f_bavail * fs.f_frsize / (1024 * 1024));
  if ((guint64)fs.f_bavail * fs.f_frsize < 512 * 1024 * 1024)
    say (diagnosis, "disk", "warning", found, "Delete images and containers that nobody needs");
  else
    say (diagnosis, "disk", "ok", found, "");
}

static void
check_disk_limits (Diagnosis *diagnosis)
{
  autofd state = open (STATE_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (bothy_quota_is_enforced (state))
    say (diagnosis, "disk-limits", "ok", "The file system of " STATE_DIR " keeps project quotas", "");
  else
    say (diagnosis, "disk-limits", "warning",
         "The file system of " STATE_DIR " keeps no project quotas: limits of disk and inodes do not hold",
         bothy_quota_advice (state));
}

static void
check_ids (Diagnosis *diagnosis)
{
  const BothyConfiguration *configuration = &diagnosis->configuration;
  BothyIdSpan neutral = { BOTHY_NEUTRAL_BASE, BOTHY_NEUTRAL_BASE + BOTHY_RANGE_SIZE - 1 };
  g_autofree char *found = NULL;
  g_autoptr (GError) error = NULL;

  found = g_strdup_printf ("%u of %u ranges given out, from id %u on", diagnosis->n_ranges,
                           configuration->range_count, configuration->range_base);
  if (diagnosis->degraded)
    say (diagnosis, "ids", "error", "Records are damaged; no ids are given out",
         "Look at the files named *.corrupt-N in " STATE_DIR " and restore them from a backup");
  else if (diagnosis->n_ranges >= configuration->range_count)
    say (diagnosis, "ids", "warning", found, "Raise Count in [Ranges] of bothyd.conf");
  else if (bothy_conflicts_overlap (neutral, &error) && error)
    say (diagnosis, "ids", "error", error->message,
         "Correct that file: no ids are given out as long as it is damaged");
  else
    say (diagnosis, "ids", "ok", found, "");
}

static void
check_programs (Diagnosis *diagnosis)
{
  static const char *const programs[] = { "bothy-helper", "bothy-supervisor", "bothy-init",  "bothy-unpack",
                                          "bothy-fetch",  "bothy-devices",    "default.bpf", "nesting.bpf" };

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
run_checks (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Diagnosis *diagnosis = task_data;

  g_variant_builder_init (&diagnosis->report, G_VARIANT_TYPE ("a(ssss)"));
  check_programs (diagnosis);
  check_kernel (diagnosis);
  check_user_namespaces (diagnosis);
  check_cgroups (diagnosis);
  check_disk (diagnosis);
  check_disk_limits (diagnosis);
  check_ids (diagnosis);
  check_names (diagnosis);
  check_host_names (diagnosis);
  bothy_diagnose_network (&diagnosis->network, &diagnosis->report);
  check_builtin (diagnosis);
  check_image_servers (diagnosis);
  g_task_return_pointer (task, g_variant_ref_sink (g_variant_builder_end (&diagnosis->report)),
                         (GDestroyNotify)g_variant_unref);
}

static void
diagnosis_free (Diagnosis *diagnosis)
{
  bothy_network_facts_clear (&diagnosis->network);
  g_free (diagnosis);
}

static void
on_probed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Diagnosis *diagnosis = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!bothy_nm_probe_finish (BOTHY_NM (source), result, &error))
    diagnosis->network.silence = g_strdup (error->message);
  g_task_run_in_thread (task, run_checks);
}

static void
on_examined (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Diagnosis *diagnosis = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  diagnosis->network.firewalls = bothy_network_examine_finish (BOTHY_NETWORK (source), result, &error);
  diagnosis->network.unexamined = error ? g_strdup (error->message) : NULL;
  bothy_nm_probe (bothy_network_get_nm (BOTHY_NETWORK (source)), ANSWER_SECONDS, on_probed,
                  g_object_ref (task));
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
  diagnosis->network.bridge = g_strdup (
      bothy_default_bridge_get_problem (bothy_network_get_bridge (bothy_registry_get_network (registry))));
  diagnosis->has_builtin = bothy_image_store_find (bothy_registry_get_images (registry), G_MAXUINT32,
                                                   BOTHY_BUILTIN_ALIAS, NULL) != NULL;
  g_task_set_task_data (task, diagnosis, (GDestroyNotify)diagnosis_free);
  bothy_network_examine (bothy_registry_get_network (registry), on_examined, g_object_ref (task));
}

GVariant *
bothy_diagnose_finish (GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}
