/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "escape.h"
#include "map.h"
#include "namespaces.h"
#include "talker.h"

/*
 * Two processes: the one that becomes the command keeps its pid, its terminal and its
 * signals, and has a single thread, without which no user namespace can be made. The other
 * talks to the service about the first, meanwhile. Between them: the map that is to be, a
 * byte when the namespace is there, a byte when it is mapped. What goes wrong ends the
 * second, with the code that the first exits with.
 */

static int
fail (const char *what)
{
  g_printerr ("bothy: %s: %s\n", what, g_strerror (errno));
  return CLI_EXIT_OWN;
}

static int
exit_code (int status)
{
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

/* The talker is done: its code, and nobody is left behind. */
static int
reap (pid_t pid)
{
  int status;

  while (waitpid (pid, &status, 0) < 0)
    if (errno != EINTR)
      return CLI_EXIT_OWN;
  return exit_code (status);
}

/* Makes the namespace and gets it mapped. Returns 0 or the exit code. */
static int
enter_namespace (CliNamespaces *how, pid_t talker, int socket)
{
  CliExtent extents[16];
  ssize_t size = recv (socket, extents, sizeof extents, 0);
  gboolean mapped;
  char byte = 0;
  int code;

  if (size <= 0) {
    close (socket);
    return reap (talker);
  }
  g_array_set_size (how->extents, 0);
  g_array_append_vals (how->extents, extents, (guint)((gsize)size / sizeof (CliExtent)));
  if (unshare (CLONE_NEWUSER) < 0) {
    code = fail (_ ("No user namespace can be made"));
    close (socket);
    reap (talker);
    return code;
  }
  mapped = send (socket, &byte, 1, MSG_NOSIGNAL) == 1 && recv (socket, &byte, 1, 0) == 1;
  close (socket);
  code = reap (talker);
  return mapped || code ? code : CLI_EXIT_OWN;
}

static gboolean
become_root (const CliNamespaces *how)
{
  guint32 outside;

  if (how->keep)
    return TRUE;
  if (cli_extents_outside (how->extents, 'g', 0, &outside)) {
    /* Refused where own ids are kept: then the groups stay too. */
    if (setgroups (0, NULL) < 0 && errno != EPERM)
      return FALSE;
    if (setresgid (0, 0, 0) < 0)
      return FALSE;
  }
  return !cli_extents_outside (how->extents, 'u', 0, &outside) || setresuid (0, 0, 0) == 0;
}

/* What belongs to namespaces that are the host's still stays as it is, and what has no directory is left out. */
static gboolean
mount_anew (const CliNamespaces *how)
{
  static const struct {
    int needed; /* CLONE_NEW… */
    const char *type, *directory, *options;
  } usual[] = { { CLONE_NEWPID, "proc", "/proc", NULL },
                { CLONE_NEWNS, "tmpfs", "/dev/shm", "mode=1777" },
                { CLONE_NEWIPC, "mqueue", "/dev/mqueue", NULL } };

  for (gsize i = 0; i < G_N_ELEMENTS (usual); i++)
    if ((how->flags & usual[i].needed) &&
        mount (usual[i].type, usual[i].directory, usual[i].type, MS_NOSUID | MS_NOEXEC | MS_NODEV,
               usual[i].options) < 0 &&
        errno != ENOENT) {
      fail (usual[i].directory);
      return FALSE;
    }
  return TRUE;
}

/* Relative paths lead nowhere then, and most programs say no more than "Permission denied". */
static void
explain_directory (void)
{
  g_autofree char *directory = NULL;

  if (faccessat (AT_FDCWD, ".", X_OK, AT_EACCESS) == 0 || errno != EACCES)
    return;
  directory = g_get_current_dir ();
  g_printerr (_ ("bothy: %s is closed to who is root inside, for it is another user: go where others may "
                 "enter, such as "
                 "/var/tmp, or let them (chmod o+x)\n"),
              directory);
}

static int
execute (const CliNamespaces *how, char **command)
{
  if (how->mount_proc && mount ("proc", "/proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL) < 0)
    return fail (_ ("/proc can not be mounted"));
  if (how->remount && !mount_anew (how))
    return CLI_EXIT_OWN;
  explain_directory ();
  execvp (command[0], command);
  fail (command[0]);
  return errno == ENOENT ? CLI_EXIT_NOT_FOUND : CLI_EXIT_NOT_EXECUTABLE;
}

static pid_t first; /* of the PID namespace */

static void
pass_on (int number)
{
  kill (first, number);
}

/* Who makes a PID namespace does not enter it: its first process is the next child. */
static int
execute_as_first (const CliNamespaces *how, char **command)
{
  int status;

  first = fork ();
  if (first < 0)
    return fail (_ ("No process can be made"));
  if (first == 0) {
    if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0)
      _exit (fail (_ ("No process can be made")));
    _exit (execute (how, command));
  }
  /* A terminal sends these to both. */
  signal (SIGINT, SIG_IGN);
  signal (SIGQUIT, SIG_IGN);
  signal (SIGTERM, pass_on);
  signal (SIGHUP, pass_on);
  while (waitpid (first, &status, 0) < 0)
    if (errno != EINTR)
      return fail (_ ("No process can be made"));
  return exit_code (status);
}

static int
enter_rest (const CliNamespaces *how, char **command)
{
  int flags = how->flags & ~CLONE_NEWUSER;

  if (!become_root (how))
    return fail (_ ("The map has no such ids"));
  if (flags && unshare (flags) < 0)
    return fail (_ ("No namespaces can be made"));
  if ((flags & CLONE_NEWNS) && mount (NULL, "/", NULL, MS_REC | how->propagation, NULL) < 0)
    return fail ("/");
  return flags & CLONE_NEWPID ? execute_as_first (how, command) : execute (how, command);
}

/*
 * Whether ids are mapped already, and root of that map asks: then no service is needed, and none would take a call, for its ids
 * are nobody's account.
 */
static gboolean
is_root_of_a_map (void)
{
  g_autofree char *map = NULL;
  g_auto (GStrv) words = NULL;

  if (geteuid () != 0 || !g_file_get_contents ("/proc/self/uid_map", &map, NULL, NULL))
    return FALSE;
  words = g_regex_split_simple ("\\s+", g_strstrip (map), 0, 0);
  return g_strv_length (words) != 3 || !g_str_equal (words[1], "0") || !g_str_equal (words[2], "4294967295");
}

/* -H: this program runs there, before anything is made here. */
static int
run_there (Cli *cli)
{
  g_autoptr (GError) error = NULL;

  cli_connect (cli, &error);
  return cli_fail_command (error);
}

int
cli_namespaces_run (Cli *cli, CliNamespaces *how, char **command)
{
  const char *shell = g_getenv ("SHELL");
  char *fallback[] = { (char *)(shell && *shell ? shell : "/bin/sh"), NULL };
  int pidfd = (int)syscall (SYS_pidfd_open, getpid (), 0);
  int sockets[2];
  pid_t talker;
  int code;

  if (cli->host)
    return run_there (cli);
  if (how->extents->len == 0 && !how->keep && is_root_of_a_map ()) {
    how->flags &= ~CLONE_NEWUSER;
    return enter_rest (how, command[0] ? command : fallback);
  }
  if (pidfd < 0 || socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
    return fail (_ ("No file descriptor is free"));
  talker = fork ();
  if (talker < 0)
    return fail (_ ("No process can be made"));
  if (talker == 0) {
    const CliTalk talk = { how->extents, how->keep, (how->flags & CLONE_NEWCGROUP) != 0 };

    close (sockets[0]);
    _exit (cli_talk (cli, &talk, pidfd, sockets[1]));
  }
  close (sockets[1]);
  close (pidfd);
  code = enter_namespace (how, talker, sockets[0]);
  return code ? code : enter_rest (how, command[0] ? command : fallback);
}

/* ---- command lines ---- */

gboolean
cli_namespaces_take_map (Cli *cli, CliNamespaces *self, char **texts)
{
  const char *bad = NULL;
  g_autoptr (GArray) extents = cli_extents_parse (texts, &bad);

  if (extents == NULL) {
    g_autofree char *shown = cli_escape (bad, -1, CLI_ESCAPE_LINE);

    cli_usage (cli, _ ("'%s' is not [u|g|b]:INSIDE:OUTSIDE:COUNT"), shown);
  } else if (extents->len > 10) {
    cli_usage (cli, "%s", _ ("A map has at most 5 parts for uids, and 5 for gids"));
  } else
    self->extents = g_steal_pointer (&extents);
  return self->extents != NULL;
}

char **
cli_namespaces_parse_command (Cli *cli, const GOptionEntry *entries, char **words)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) names = NULL;
  g_auto (GStrv) command = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_STRICT, words, &names, &command))
    return NULL;
  g_strv_builder_addv (builder, (const char **)names);
  g_strv_builder_addv (builder, (const char **)command);
  return g_strv_builder_end (builder);
}
