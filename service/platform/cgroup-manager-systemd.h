/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "platform/cgroup-manager.h"

/* Groups as delegated scope units, see org.freedesktop.systemd1(5), made by way of SYSTEM_BUS. (transfer full) */
BothyCgroupManager *bothy_cgroup_manager_systemd_new (GDBusConnection *system_bus, BothyHelperClient *helper);
