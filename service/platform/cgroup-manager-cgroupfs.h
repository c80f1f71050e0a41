/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "platform/cgroup-manager.h"

/* Groups as directories bothy/u<uid>/<name> of the cgroup2 mount, for a machine without systemd. (transfer full) */
BothyCgroupManager *bothy_cgroup_manager_cgroupfs_new (BothyHelperClient *helper);
