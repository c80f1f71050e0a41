/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the keys of other tools' configurations are here. A line that is in no table is told as not carried over. */
#include "core/adopt/keys.h"

#include "core/adopt/become.h"

#include <string.h>

/* ---- the tables ---- */

#define OWN_FILTER  "not carried over: Bothy confines each container itself, and more strictly"
#define OWN_MOUNTS  "not needed: Bothy mounts what a container needs"
#define ON_HOST     "not carried over: it runs programs on the host"
#define OWN_CONSOLE "not needed: it has a console and terminals of its own"
#define OWN_LOG     "not needed: \"bothy logs\" and the journal have it"

static const BothyAdoptRule lxc_rules[] = {
  { "lxc.uts.name", bothy_adopt_take_hostname, NULL },
  { "lxc.utsname", bothy_adopt_take_hostname, NULL },
  { "lxc.environment.", NULL, "not carried over: it is for hooks, or for one start" },
  { "lxc.environment", bothy_adopt_take_variable, NULL },
  { "lxc.init.cmd", bothy_adopt_take_command, NULL },
  { "lxc.init_cmd", bothy_adopt_take_command, NULL },
  { "lxc.init.uid", bothy_adopt_take_init_uid, NULL },
  { "lxc.init_uid", NULL, "not carried over: \"bothy exec --user\" runs programs as others" },
  { "lxc.init.gid", bothy_adopt_take_init_gid, NULL },
  { "lxc.init.cwd", bothy_adopt_take_directory, NULL },
  { "lxc.signal.halt", bothy_adopt_take_halt_signal, NULL },
  { "lxc.haltsignal", bothy_adopt_take_halt_signal, NULL },
  { "lxc.sysctl.", bothy_adopt_take_sysctl, NULL },
  { "lxc.idmap", bothy_adopt_take_idmap, NULL },
  { "lxc.id_map", bothy_adopt_take_idmap, NULL },
  { "lxc.rootfs.path", bothy_adopt_take_rootfs, NULL },
  { "lxc.rootfs.", NULL, "not needed: its files are Bothy's own", BOTHY_ADOPT_CHANGED },
  { "lxc.rootfs", bothy_adopt_take_rootfs, NULL },
  { "lxc.net.", bothy_adopt_take_network, NULL },
  { "lxc.network.", bothy_adopt_take_network, NULL },
  { "lxc.mount.entry", bothy_adopt_take_mount_entry, NULL },
  { "lxc.mount.auto", NULL, OWN_MOUNTS, BOTHY_ADOPT_CHANGED },
  { "lxc.mount.fstab", NULL,
    "not carried over: what that fstab mounts; look into it, and see bothy-mount(1)" },
  { "lxc.mount", NULL, "not carried over: what that fstab mounts; look into it, and see bothy-mount(1)" },
  { "lxc.cgroup.memory.limit_in_bytes", bothy_adopt_take_memory, NULL },
  { "lxc.cgroup.memory.soft_limit_in_bytes", bothy_adopt_take_memory_high, NULL },
  { "lxc.cgroup.memory.memsw.limit_in_bytes", bothy_adopt_take_memory_and_swap, NULL },
  { "lxc.cgroup2.memory.max", bothy_adopt_take_memory, NULL },
  { "lxc.cgroup2.memory.high", bothy_adopt_take_memory_high, NULL },
  { "lxc.cgroup2.memory.swap.max", bothy_adopt_take_swap, NULL },
  { "lxc.cgroup.cpu.shares", bothy_adopt_take_cpu_shares, NULL },
  { "lxc.cgroup.cpu.cfs_quota_us", bothy_adopt_take_cpu_quota, NULL },
  { "lxc.cgroup.cpu.cfs_period_us", bothy_adopt_take_cpu_period, NULL },
  { "lxc.cgroup2.cpu.max", bothy_adopt_take_cpu_max, NULL },
  { "lxc.cgroup2.cpu.weight", bothy_adopt_take_cpu_weight, NULL },
  { "lxc.cgroup.cpuset.cpus", bothy_adopt_take_cpus, NULL },
  { "lxc.cgroup2.cpuset.cpus", bothy_adopt_take_cpus, NULL },
  { "lxc.cgroup.pids.max", bothy_adopt_take_pids, NULL },
  { "lxc.cgroup2.pids.max", bothy_adopt_take_pids, NULL },
  { "lxc.cgroup.blkio.weight", bothy_adopt_take_io_weight, NULL },
  { "lxc.cgroup2.io.weight", bothy_adopt_take_io_weight, NULL },
  { "lxc.cgroup.devices.", bothy_adopt_take_devices, NULL },
  { "lxc.cgroup2.devices.", bothy_adopt_take_devices, NULL },
  { "lxc.cgroup*", NULL, "not carried over: \"bothy limit\" shows what can be limited" },
  { "lxc.start.auto", bothy_adopt_take_start_auto, NULL },
  { "lxc.start.delay", bothy_adopt_take_start_delay, NULL },
  { "lxc.start.order", bothy_adopt_take_start_order, NULL },
  { "lxc.group", NULL, "not carried over: there are no groups of containers" },
  { "lxc.include", bothy_adopt_take_include, NULL },
  { "lxc.hook*", NULL, ON_HOST },
  { "lxc.aa_", NULL, OWN_FILTER },
  { "lxc.apparmor.", NULL, OWN_FILTER },
  { "lxc.se_context", NULL, OWN_FILTER },
  { "lxc.selinux.", NULL, OWN_FILTER },
  { "lxc.seccomp*", NULL, OWN_FILTER },
  { "lxc.cap.", NULL, OWN_FILTER },
  { "lxc.no_new_privs", NULL, OWN_FILTER },
  { "lxc.namespace.", NULL, "not carried over: it has namespaces of its own" },
  { "lxc.prlimit.", NULL, "not carried over: \"bothy limit\" shows what can be limited" },
  { "lxc.limit.", NULL, "not carried over: \"bothy limit\" shows what can be limited" },
  { "lxc.arch", NULL, "not needed: its files say for which machine they are", BOTHY_ADOPT_CHANGED },
  { "lxc.autodev", NULL, OWN_MOUNTS, BOTHY_ADOPT_CHANGED },
  { "lxc.kmsg", NULL, "not carried over: what the kernel writes is for the host alone" },
  { "lxc.pts", NULL, OWN_CONSOLE, BOTHY_ADOPT_CHANGED },
  { "lxc.pty.", NULL, OWN_CONSOLE, BOTHY_ADOPT_CHANGED },
  { "lxc.tty*", NULL, OWN_CONSOLE, BOTHY_ADOPT_CHANGED },
  { "lxc.devttydir", NULL, OWN_CONSOLE, BOTHY_ADOPT_CHANGED },
  { "lxc.console*", NULL, OWN_CONSOLE, BOTHY_ADOPT_CHANGED },
  { "lxc.log*", NULL, OWN_LOG, BOTHY_ADOPT_CHANGED },
  { "lxc.signal.", NULL, "not carried over: Bothy asks it to end, and kills what does not" },
  { "lxc.rebootsignal", NULL, "not carried over: Bothy stops it and starts it again" },
  { "lxc.stopsignal", NULL, "not carried over: what does not end is killed" },
  { NULL, NULL, "not carried over: Bothy does not know it" },
};

static const BothyAdoptRule nspawn_rules[] = {
  { "Exec.Boot", bothy_adopt_take_boot, NULL },
  { "Exec.Parameters", bothy_adopt_take_command, NULL },
  { "Exec.Environment", bothy_adopt_take_variables, NULL },
  { "Exec.User", bothy_adopt_take_user, NULL },
  { "Exec.WorkingDirectory", bothy_adopt_take_directory, NULL },
  { "Exec.Hostname", bothy_adopt_take_hostname, NULL },
  { "Exec.KillSignal", bothy_adopt_take_halt_signal, NULL },
  { "Exec.PrivateUsers", bothy_adopt_take_private_users, NULL },
  { "Exec.Capability", NULL, OWN_FILTER },
  { "Exec.AmbientCapability", NULL, OWN_FILTER },
  { "Exec.DropCapability", NULL, OWN_FILTER },
  { "Exec.NoNewPrivileges", NULL, OWN_FILTER },
  { "Exec.SystemCallFilter", NULL, OWN_FILTER },
  { "Exec.Limit*", NULL, "not carried over: \"bothy limit\" shows what can be limited" },
  { "Files.PrivateUsers*", bothy_adopt_take_private_users, NULL },
  { "Files.Bind", bothy_adopt_take_bind, NULL },
  { "Files.BindReadOnly", bothy_adopt_take_bind, NULL },
  { "Files.Inaccessible", NULL, OWN_FILTER },
  { "Network.Port", bothy_adopt_take_port, NULL },
  { "Network.", NULL, "not carried over: it has a nic on Bothy's own bridge" },
  { NULL, NULL, "not carried over: Bothy does not know it" },
};

static const BothyAdoptRule incus_rules[] = {
  { "limits.memory", bothy_adopt_take_incus_memory, NULL },
  { "limits.cpu", bothy_adopt_take_incus_cpu, NULL },
  { "limits.processes", bothy_adopt_take_pids, NULL },
  { "limits.*", NULL, "not carried over: \"bothy limit\" shows what can be limited" },
  { "boot.autostart", bothy_adopt_take_incus_autostart, NULL },
  { "boot.autostart.delay", bothy_adopt_take_start_delay, NULL },
  { "boot.autostart.priority", bothy_adopt_take_start_order, NULL },
  { "environment.", bothy_adopt_take_incus_variable, NULL },
  { "volatile.last_state.idmap", bothy_adopt_take_incus_idmap, NULL },
  { "volatile.", NULL, "not needed: that is Incus' own note", BOTHY_ADOPT_CHANGED },
  { "image.", NULL, "not needed: its files say what it is", BOTHY_ADOPT_CHANGED },
  { "security.privileged", NULL, "root inside is nobody outside", BOTHY_ADOPT_CHANGED },
  { "security.nesting", NULL, "not carried over: containers in it take one that is made with --nesting" },
  { "security.idmap.", NULL, "a range of ids of its own, which nobody else has", BOTHY_ADOPT_CHANGED },
  { "security.", NULL, OWN_FILTER },
  { "raw.", NULL, OWN_FILTER },
  { "devices.", bothy_adopt_take_incus_device, NULL },
  { NULL, NULL, "not carried over: Bothy does not know it" },
};

static gboolean
matches (const char *key, const char *rule)
{
  gsize length = strlen (rule);

  if (strchr ("._*", rule[length - 1]))
    return strncmp (key, rule, rule[length - 1] == '*' ? length - 1 : length) == 0;
  return g_str_equal (key, rule);
}

/* Let LINE become what it becomes. FALSE with INVALID_ARGS: a container with this can not be adopted. */
static gboolean
take_line (BothyAdoptPlan *plan, BothyAdoptReading *reading, BothyAdoptLine *line, GError **error)
{
  const BothyAdoptRule *rule = plan->kind == BOTHY_ADOPT_NSPAWN  ? nspawn_rules
                               : plan->kind == BOTHY_ADOPT_INCUS ? incus_rules
                                                                 : lxc_rules;
  BothyAdoptTaking taking = { .plan = plan, .reading = reading, .line = line };

  while (rule->key && !matches (line->key, rule->key))
    rule++;
  if (rule->take)
    rule->take (&taking);
  else
    bothy_adopt_become (&taking, rule->outcome, "%s", rule->text);
  if (taking.error)
    g_propagate_error (error, taking.error);
  else if (!line->text)
    bothy_adopt_become (&taking, BOTHY_ADOPT_KEPT, "nothing is in it");
  return !taking.error;
}

static char **
join_environment (const BothyAdoptReading *reading)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < reading->environment->len; i++)
    g_strv_builder_add (builder, reading->environment->pdata[i]);
  return g_strv_builder_end (builder);
}

static char **
join_sysctls (const BothyAdoptReading *reading)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < reading->sysctls->len; i++) {
    const BothyAdoptLine *line = reading->sysctls->pdata[i];
    g_autofree char *setting = g_strconcat (line->key + strlen (BOTHY_ADOPT_SYSCTL), "=", line->value, NULL);

    g_strv_builder_add (builder, setting);
  }
  return g_strv_builder_end (builder);
}

BothyAdoptPlan *
bothy_adopt_read_configuration (BothyAdoptKind kind,
                                const char *name,
                                const char *configuration,
                                GError **error)
{
  g_autoptr (BothyAdoptPlan) plan = bothy_adopt_plan_new (kind, name, configuration);
  g_autoptr (GPtrArray) environment = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) sysctls = g_ptr_array_new ();
  BothyAdoptReading reading = { environment, sysctls };

  for (guint i = 0; i < plan->lines->len; i++) {
    if (!take_line (plan, &reading, plan->lines->pdata[i], error))
      return NULL;
  }
  if (kind == BOTHY_ADOPT_INCUS && configuration)
    bothy_adopt_check_incus_nics (plan);
  plan->spec->environment = (g_strfreev (plan->spec->environment), join_environment (&reading));
  plan->spec->sysctls = (g_strfreev (plan->spec->sysctls), join_sysctls (&reading));
  return g_steal_pointer (&plan);
}
