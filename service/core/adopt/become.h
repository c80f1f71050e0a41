/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/adopt/plan.h"

G_BEGIN_DECLS

/* What the keys of settings of the kernel's begin with in a configuration of LXC's. */
#define BOTHY_ADOPT_SYSCTL "lxc.sysctl."

/* What several lines together say. */
typedef struct {
  GPtrArray *environment; /* words */
  GPtrArray *sysctls;     /* lines of the plan */
} BothyAdoptReading;

/* One line, and the plan that it changes. */
typedef struct {
  BothyAdoptPlan *plan;
  BothyAdoptReading *reading;
  BothyAdoptLine *line;
  GError *error; /* set: a container with this can not be adopted */
} BothyAdoptTaking;

/* Lets T's line become what it becomes, with a text that says so; without one: nothing is in it. */
typedef void (*BothyAdoptTake) (BothyAdoptTaking *t);

/* What becomes of a key. */
typedef struct {
  const char *key;     /* one that ends with ".", "_" or "*": all that begin so */
  BothyAdoptTake take; /* NULL: TEXT says what becomes of it */
  const char *text;
  BothyAdoptOutcome outcome; /* of TEXT */
} BothyAdoptRule;

/* T's line becomes OUTCOME, and FORMAT says what that is. Once for each line. */
void bothy_adopt_become (BothyAdoptTaking *t, BothyAdoptOutcome outcome, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* Who has no nic among the devices of PLAN, which is of a configuration of Incus', has no network. */
void bothy_adopt_check_incus_nics (BothyAdoptPlan *plan);

/*
 * Each is a BothyAdoptTake, for lines that say what it is called after: it changes the plan and tells the outcome, or tells that
 * the value makes no sense; where nothing can be adopted with such a line, it sets T's error (INVALID_ARGS). Those that begin with
 * "incus" read what Incus and LXD write, all others what LXC and systemd-nspawn do.
 */
void bothy_adopt_take_bind (BothyAdoptTaking *t);
void bothy_adopt_take_boot (BothyAdoptTaking *t);
void bothy_adopt_take_command (BothyAdoptTaking *t);
void bothy_adopt_take_cpu_max (BothyAdoptTaking *t);
void bothy_adopt_take_cpu_period (BothyAdoptTaking *t);
void bothy_adopt_take_cpu_quota (BothyAdoptTaking *t);
void bothy_adopt_take_cpu_shares (BothyAdoptTaking *t);
void bothy_adopt_take_cpu_weight (BothyAdoptTaking *t);
void bothy_adopt_take_cpus (BothyAdoptTaking *t);
void bothy_adopt_take_devices (BothyAdoptTaking *t);
void bothy_adopt_take_directory (BothyAdoptTaking *t);
void bothy_adopt_take_halt_signal (BothyAdoptTaking *t);
void bothy_adopt_take_hostname (BothyAdoptTaking *t);
void bothy_adopt_take_idmap (BothyAdoptTaking *t);
void bothy_adopt_take_include (BothyAdoptTaking *t);
void bothy_adopt_take_incus_autostart (BothyAdoptTaking *t);
void bothy_adopt_take_incus_cpu (BothyAdoptTaking *t);
void bothy_adopt_take_incus_device (BothyAdoptTaking *t);
void bothy_adopt_take_incus_idmap (BothyAdoptTaking *t);
void bothy_adopt_take_incus_memory (BothyAdoptTaking *t);
void bothy_adopt_take_incus_variable (BothyAdoptTaking *t);
void bothy_adopt_take_init_gid (BothyAdoptTaking *t);
void bothy_adopt_take_init_uid (BothyAdoptTaking *t);
void bothy_adopt_take_io_weight (BothyAdoptTaking *t);
void bothy_adopt_take_memory (BothyAdoptTaking *t);
void bothy_adopt_take_memory_and_swap (BothyAdoptTaking *t);
void bothy_adopt_take_memory_high (BothyAdoptTaking *t);
void bothy_adopt_take_mount_entry (BothyAdoptTaking *t);
void bothy_adopt_take_network (BothyAdoptTaking *t);
void bothy_adopt_take_pids (BothyAdoptTaking *t);
void bothy_adopt_take_port (BothyAdoptTaking *t);
void bothy_adopt_take_private_users (BothyAdoptTaking *t);
void bothy_adopt_take_rootfs (BothyAdoptTaking *t);
void bothy_adopt_take_start_auto (BothyAdoptTaking *t);
void bothy_adopt_take_start_delay (BothyAdoptTaking *t);
void bothy_adopt_take_start_order (BothyAdoptTaking *t);
void bothy_adopt_take_swap (BothyAdoptTaking *t);
void bothy_adopt_take_sysctl (BothyAdoptTaking *t);
void bothy_adopt_take_user (BothyAdoptTaking *t);
void bothy_adopt_take_variable (BothyAdoptTaking *t);
void bothy_adopt_take_variables (BothyAdoptTaking *t);

G_END_DECLS
