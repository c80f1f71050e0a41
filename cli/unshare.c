/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include "map.h"
#include "namespaces.h"
#include "verbs.h"

/* "-m" is --mount, as of unshare(1); before a map it is --map, as of lxc-usernsexec(1). */
static char **
tell_maps_from_mounts (char **words)
{
  char **told = g_strdupv (words);
  CliExtent extent;

  for (gsize i = 0; told[i] && told[i][0] == '-' && !g_str_equal (told[i], "--"); i++) {
    if (!g_str_equal (told[i], "-m") || !told[i + 1] || !cli_extent_parse (told[i + 1], &extent)) {
      i += g_str_equal (told[i], "-s") && told[i + 1];
      continue;
    }
    g_free (told[i]);
    told[i++] = g_strdup ("--map");
  }
  return told;
}

typedef struct {
  gboolean ignored, mount, uts, ipc, net, pid, cgroup;
  char *namespaces;
  char **map;
} Flags;

static void
flags_clear (Flags *flags)
{
  g_free (flags->namespaces);
  g_strfreev (flags->map);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Flags, flags_clear)

static gboolean
apply_flags (Cli *cli, const Flags *flags, CliNamespaces *how)
{
  how->flags |= (flags->mount || how->mount_proc || how->remount ? CLONE_NEWNS : 0) |
                (flags->uts ? CLONE_NEWUTS : 0) | (flags->ipc ? CLONE_NEWIPC : 0) |
                (flags->net ? CLONE_NEWNET : 0) | (flags->pid ? CLONE_NEWPID : 0) |
                (flags->cgroup ? CLONE_NEWCGROUP : 0);
  if (flags->namespaces && !cli_namespaces_parse (flags->namespaces, &how->flags)) {
    cli_usage (cli, "%s",
               _ ("--namespaces takes MOUNT, PID, UTSNAME, IPC, NETWORK, CGROUP and USER, with | between"));
    return FALSE;
  }
  if (how->keep && flags->map) {
    cli_usage (cli, "%s", _ ("--map and --map-current-user exclude each other"));
    return FALSE;
  }
  return cli_namespaces_take_map (cli, how, flags->map);
}

int
cli_unshare (Cli *cli, char **words)
{
  g_auto (Flags) flags = { 0 };
  g_auto (CliNamespaces) how = { .flags = CLONE_NEWUSER, .propagation = MS_PRIVATE };
  const GOptionEntry entries[] = {
    { "namespaces", 's', 0, G_OPTION_ARG_FILENAME, &flags.namespaces, N_ ("Namespaces, such as MOUNT|PID"),
      N_ ("NAMES") },
    { "mount", 'm', 0, G_OPTION_ARG_NONE, &flags.mount, N_ ("With mounts of its own"), NULL },
    { "uts", 'u', 0, G_OPTION_ARG_NONE, &flags.uts, N_ ("With a host name of its own"), NULL },
    { "ipc", 'i', 0, G_OPTION_ARG_NONE, &flags.ipc, N_ ("With System V IPC of its own"), NULL },
    { "net", 'n', 0, G_OPTION_ARG_NONE, &flags.net, N_ ("With a network of its own"), NULL },
    { "pid", 'p', 0, G_OPTION_ARG_NONE, &flags.pid, N_ ("With processes of its own"), NULL },
    { "cgroup", 'C', 0, G_OPTION_ARG_NONE, &flags.cgroup, N_ ("With control groups of its own"), NULL },
    { "mount-proc", 0, 0, G_OPTION_ARG_NONE, &how.mount_proc, N_ ("Mount its /proc"), NULL },
    { "remount", 'M', 0, G_OPTION_ARG_NONE, &how.remount,
      N_ ("Mount /proc, /dev/shm and /dev/mqueue of the new namespaces"), NULL },
    { "map", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &flags.map,
      N_ ("Part of the map; without, your ranges from 0 on"), N_ ("[u|g|b]:INSIDE:OUTSIDE:COUNT") },
    { "map-current-user", 'c', 0, G_OPTION_ARG_NONE, &how.keep, N_ ("Stay who you are, instead of root"),
      NULL },
    { "user", 'U', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &flags.ignored, NULL, NULL },
    { "fork", 'f', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &flags.ignored, NULL, NULL },
    { "map-root-user", 'r', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &flags.ignored, NULL, NULL },
    { NULL },
  };
  g_auto (GStrv) told = tell_maps_from_mounts (words);
  g_auto (GStrv) command = cli_namespaces_parse_command (cli, entries, told);

  if (command == NULL || !apply_flags (cli, &flags, &how))
    return CLI_EXIT_OWN;
  return cli_namespaces_run (cli, &how, command);
}
