/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "platform/cgroup-manager.h"

/* Groups as delegated scope units; see org.freedesktop.systemd1(5). */
BothyCgroupManager *bothy_cgroup_manager_systemd_new (GDBusConnection *system_bus, BothyHelperClient *helper);
