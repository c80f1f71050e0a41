/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launch.h"

#include "autofd.h"
#include "terminal.h"
#include "user.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void
launch_reset_process (void)
{
  sigset_t none;

  for (int i = 1; i < NSIG; i++)
    signal (i, SIG_DFL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  umask (022);
}

/* Also whether it is not to be there: NAME alone says so. */
static bool
has_variable (char **env, const char *name)
{
  size_t length = strlen (name);

  for (; *env; env++)
    if (strncmp (*env, name, length) == 0 && ((*env)[length] == '=' || (*env)[length] == '\0'))
      return true;
  return false;
}

const char *
launch_hostname (char name[LAUNCH_HOSTNAME])
{
  name[LAUNCH_HOSTNAME - 1] = '\0';
  return gethostname (name, LAUNCH_HOSTNAME - 1) == 0 && *name ? name : NULL;
}

char **
launch_environment (char **env, const struct variable *defaults, size_t n)
{
  size_t used = 0, given = 0;

  while (env[given])
    given++;
  char **all = calloc (given + n + 1, sizeof *all);
  if (!all)
    return NULL;
  for (size_t i = 0; i < given; i++)
    if (strchr (env[i], '='))
      all[used++] = env[i];
  for (size_t i = 0; i < n; i++) {
    if (!defaults[i].value || has_variable (env, defaults[i].name))
      continue;
    if (asprintf (&all[used], "%s=%s", defaults[i].name, defaults[i].value) < 0)
      return NULL;
    used++;
  }
  all[used] = NULL;
  return all;
}

static char **
user_environment (const struct launch *launch, const struct user *user)
{
  const char *name = user->name[0] ? user->name : NULL;
  char hostname[LAUNCH_HOSTNAME];
  const struct variable defaults[] = {
    { "PATH", LAUNCH_PATH },
    { "HOME", user->home[0] ? user->home : "/" },
    { "USER", name },
    { "LOGNAME", name },
    { "SHELL", user->shell[0] ? user->shell : "/bin/sh" },
    { "TERM", launch->tty ? "xterm-256color" : NULL },
    { "HOSTNAME", launch_hostname (hostname) },
    { "container", "bothy" },
  };

  return launch_environment (launch->env, defaults, sizeof defaults / sizeof *defaults);
}

/* Gives up what the user is not to have: groups first, the uid last. */
static int
change_identity (const struct user *user)
{
  if (setgroups (user->n_groups, user->groups) < 0)
    return -errno;
  if (setresgid (user->gid, user->gid, user->gid) < 0 || setresuid (user->uid, user->uid, user->uid) < 0)
    return -errno;
  return 0;
}

static struct fault
take_terminal (const struct launch *launch, const struct user *user)
{
  if (!launch->tty)
    return NO_FAULT;
  int r = terminal_control (STDIN_FILENO);
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_TTY, r);
  if (fchown (STDIN_FILENO, user->uid, (gid_t)-1) < 0)
    return fault_at (errno == EINVAL ? SUPERVISOR_STEP_USER : SUPERVISOR_STEP_TTY, errno);
  return NO_FAULT;
}

static struct fault
confine_program (const struct launch *launch)
{
  if (!launch->filter)
    return NO_FAULT;
  int r = capabilities_limit ();
  if (r == 0)
    r = filter_load (launch->filter);
  return r < 0 ? fault_at (SUPERVISOR_STEP_SECCOMP, r) : NO_FAULT;
}

int
launch_open (const char *path, int flags, mode_t mode)
{
  struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC),
                          .mode = mode,
                          .resolve = RESOLVE_NO_MAGICLINKS };
  long fd = syscall (SYS_openat2, AT_FDCWD, path, &how, sizeof how);

  return fd < 0 ? -errno : (int)fd;
}

int
launch_change_directory (const char *path)
{
  autofd fd = launch_open (path, O_PATH | O_DIRECTORY, 0);

  if (fd < 0)
    return fd;
  return fchdir (fd) < 0 ? -errno : 0;
}

/* As the user: a directory that is not his to enter is none. */
static struct fault
change_directory (const struct launch *launch, const struct user *user)
{
  if (chdir ("/") < 0)
    return fault_at (SUPERVISOR_STEP_DIRECTORY, errno);
  if (launch->directory[0]) {
    int r = launch_change_directory (launch->directory);
    return r < 0 ? fault_at (SUPERVISOR_STEP_DIRECTORY, r) : NO_FAULT;
  }
  /* Without a home, here. */
  if (launch->home_by_default && user->home[0])
    launch_change_directory (user->home);
  return NO_FAULT;
}

static struct fault
execute_program (const struct launch *launch, const struct user *user)
{
  const char *shell = user->shell[0] ? user->shell : "/bin/sh";
  char name[USER_MAX_PATH + 1];

  environ = user_environment (launch, user);
  if (!environ)
    return fault_at (SUPERVISOR_STEP_EXEC, ENOMEM);
  if (launch->login && launch->argv[0][0] == '\0') {
    /* A dash in front makes a login shell; see INVOCATION in bash(1). */
    const char *slash = strrchr (shell, '/');
    snprintf (name, sizeof name, "-%s", slash ? slash + 1 : shell);
    launch->argv[0] = name;
    execv (shell, launch->argv);
  } else {
    execvp (launch->argv[0], launch->argv);
  }
  return fault_at (SUPERVISOR_STEP_EXEC, errno);
}

struct fault
launch_stand_beside (const struct launch *launch)
{
  struct user user;
  int r = user_lookup (launch->user, "/etc/passwd", "/etc/group", &user);

  if (r == 0)
    r = change_identity (&user);
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_USER, r);
  environ = user_environment (launch, &user);
  return environ ? NO_FAULT : fault_at (SUPERVISOR_STEP_EXEC, ENOMEM);
}

struct fault
launch_become (const struct launch *launch)
{
  struct user user;
  int r = user_lookup (launch->user, "/etc/passwd", "/etc/group", &user);

  if (r < 0)
    return fault_at (SUPERVISOR_STEP_USER, r);
  struct fault fault = take_terminal (launch, &user);
  if (is_fault (fault))
    return fault;
  fault = confine_program (launch);
  if (is_fault (fault))
    return fault;
  r = change_identity (&user);
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_USER, r);
  fault = change_directory (launch, &user);
  return is_fault (fault) ? fault : execute_program (launch, &user);
}
