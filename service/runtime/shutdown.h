/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <signal.h>
#include <sys/types.h>

#define SHUTDOWN_OF_SYSTEMD (SIGRTMIN + 3) /* systemd(1), SIGNALS: power off; it is known by it */

/*
 * How the first process of a container is asked to power off: by a signal that it understands, or in one of two other
 * ways, which have numbers that no signal has. sysvinit is told through its FIFO. runit looks at the mode of a file when
 * it gets SIGCONT.
 */
enum {
  SHUTDOWN_BY_INITCTL = NSIG,
  SHUTDOWN_BY_STOPIT,
};

/* How the program PATH wants to be asked, as far as its name tells; else OTHERWISE. To be called in the container. */
int shutdown_find (const char *path, int otherwise);

/* Sends PID the signal HOW; or asks it, which is the first process of the container whose root is this process', in one of
   the other ways. 0 or a negative errno value. */
int shutdown_ask (pid_t pid, int how);
