/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/per-user.h"
#include "core/container/runner.h"

/* What start.c, stop.c and reconnect.c, which do the long work of a runner, share with runner.c. */

struct _BothyRunner {
  GObject parent;
  BothyHelperClient *helper;
  BothyCgroupManager *cgroups;
  BothyNetwork *network;
  BothyAdmission *admission;
  BothyNetworkRepair *repair;
  BothyCeilings *ceilings;
  BothyImageStore *images;
  BothyUppers *uppers;
  BothyVolumes *volumes;
  BothyPlugs *plugs;
  BothyPerUser *starts; /* under way */
  GHashTable *queued;   /* BothyContainer → the start that waits for its turn among them */
  BothyTrees *trees;
  int containers_fd;
  int sockets_fd;        /* where supervisors listen */
  int filter_fd;         /* the system call filter, compiled when Bothy was built */
  int nesting_filter_fd; /* the one that lets user namespaces be made */
};

/* Write CONTAINER's record, without waiting for the disk; when that fails, it is only logged. */
void bothy_runner_save (BothyRunner *self, BothyContainer *container);

/* What CONTAINER's control group has to be like; good as long as CONTAINER is. */
BothyCgroupSpec bothy_runner_group_spec (BothyRunner *self, const BothyContainer *container);

/* Kill what is in CONTAINER's control group, and have the group removed. CONTAINER still says that it has it.
   */
void bothy_runner_kill_group (BothyRunner *self, BothyContainer *container);

/* CONTAINER runs under SUPERVISOR: follow what that tells, until it is gone. LEADER is the pid of the first
   process
   (0: not known), SHUTDOWN_SIGNAL what asks it to end. */
void bothy_runner_follow (BothyRunner *self,
                          BothyContainer *container,
                          BothySupervisor *supervisor,
                          int leader,
                          int shutdown_signal);

/* In two seconds, name CONTAINER in the description of its control group's unit (systemctl status). A
   container that has ended by then is not worth the call. */
void bothy_runner_describe_group (BothyRunner *self, BothyContainer *container);
