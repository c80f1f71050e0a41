/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/runner.h"

struct _BothyRunner {
  GObject parent;
  BothyHelperClient *helper;
  BothyCgroupManager *cgroups;
  BothyNetwork *network;
  BothyAdmission *admission;
  const BothyConfiguration *configuration;
  BothyImageStore *images;
  int state_dirfd;
  int sockets_dirfd;     /* where supervisors listen */
  int filter_fd;         /* the system call filter, compiled when Bothy was built */
  int nesting_filter_fd; /* the one that lets user namespaces be made */
};

/* Write CONTAINER's record, without waiting for the disk. */
void bothy_runner_save (BothyRunner *self, BothyContainer *container);

/* What CONTAINER's control group has to be like; good as long as CONTAINER is. */
BothyCgroupSpec bothy_runner_group_spec (BothyRunner *self, const BothyContainer *container);

/* A socket, for CONTAINER's supervisor to listen at, in place of what an earlier run left. -1: errno says why. */
int bothy_runner_listen (BothyRunner *self, BothyContainer *container);

/* NULL: nobody listens. */
GSocket *bothy_runner_connect (BothyRunner *self, BothyContainer *container);

/* Whether it is there, though perhaps nobody listens. */
gboolean bothy_runner_has_socket (BothyRunner *self, BothyContainer *container);

void bothy_runner_forget_socket (BothyRunner *self, BothyContainer *container);

/* Follow what SUPERVISOR tells about CONTAINER until it is gone. */
void bothy_runner_follow (BothyRunner *self, BothyContainer *container, BothySupervisor *supervisor);

/* CONTAINER runs: what bothy_runner_join_network() was asked for before it did. */
void bothy_runner_catch_up (BothyRunner *self, BothyContainer *container);

/* Say to people whose CONTAINER's control group is, in a moment: what ends before is not worth the processors. */
void bothy_runner_describe_group (BothyRunner *self, BothyContainer *container);

/* CONTAINER has ended, or never began. */
void bothy_runner_leave_network (BothyRunner *self, BothyContainer *container);

/* The leader is PID: publish it. */
void bothy_runner_set_leader (BothyContainer *container, int pid);

/* CONTAINER does not run any more: how that came about is what it shows. */
void bothy_runner_set_outcome (BothyContainer *container);

/* The handler of SUPERVISOR's "exited"; USER_DATA is the container. */
void bothy_runner_note_exit (BothySupervisor *supervisor,
                             const struct supervisor_message *message,
                             gpointer user_data);
