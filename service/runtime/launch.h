/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "confine.h"
#include "fault.h"

#include <sys/types.h>

/* A program to run inside, as a message asked for it. */
struct launch {
  const char *user;
  const char *directory; /* "": the user's home, or / where HOME_BY_DEFAULT is off */
  char **argv;
  char **env;
  const struct filter *filter; /* NULL: is loaded already */
  bool home_by_default;
  bool login;    /* argv[0] "" stands for the user's shell */
  uint16_t rows; /* of the terminal, 0: not known */
  uint16_t columns;
  bool tty; /* the standard streams are a new terminal, to be the user's and the session's */
};

/*
 * Becomes the program: user, capabilities, seccomp, directory, environment, exec(3). The process must be
 * inside, leader of its session, with its standard streams in place and all else close-on-exec.
 * Returns only on failure: STEP_USER, STEP_TTY, STEP_SECCOMP, STEP_DIRECTORY, STEP_EXEC.
 */
struct fault launch_become (const struct launch *launch);

/*
 * Takes the user and the environment of the program LAUNCH, for a process that stays beside it. The process must be inside.
 * STEP_USER or STEP_EXEC if that failed.
 */
struct fault launch_stand_beside (const struct launch *launch);

/* A default of the environment; VALUE NULL: none. */
struct variable {
  const char *name;
  const char *value;
};

/* Where programs are looked for if nobody says. */
#define LAUNCH_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define LAUNCH_HOSTNAME 65 /* bytes that a host name takes at most, with its end */

/* Fills NAME with the container's host name, which docker puts into HOSTNAME. Returns it, or NULL. */
const char *launch_hostname (char name[LAUNCH_HOSTNAME]);

/*
 * The environment ENV with NAME=VALUE for each of the N DEFAULTS that it lacks. NAME alone in ENV is no variable, and
 * keeps off that default.
 * Memory is never given back: exec(2) does that. NULL without memory.
 */
char **launch_environment (char **env, const struct variable *defaults, size_t n);

/*
 * Opens PATH of the container that this process is in already, by whatever links the image has, but not by one of /proc to
 * an open file: until exec(2) this process has some that are the host's, such as the control group. FLAGS and MODE (0
 * without O_CREAT) as for open(2). Returns an fd, which is close-on-exec, or a negative errno value.
 */
int launch_open (const char *path, int flags, mode_t mode);

/* Makes PATH the working directory, in the same way. 0 or a negative errno value. */
int launch_change_directory (const char *path);

/* Undoes what a supervisor does to signals, umask and its name for what it starts. */
void launch_reset_process (void);
