/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "platform/cgroup-manager.h"

/* Groups as directories bothy/u<uid>/<name> of the cgroup2 mount, for a machine without systemd. */
BothyCgroups *bothy_cgroupfs_new (void);
