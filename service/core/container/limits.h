/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/configuration.h"
#include "platform/cgroup-limits.h"

G_BEGIN_DECLS

/* What VALUES, an a{sv} of SetLimits, say: "given" of RET_CHANGES are the limits in it. FALSE with INVALID_ARGS, which
   names the key. */
gboolean bothy_limits_parse (GVariant *values, BothyCgroupLimits *ret_changes, GError **error);

/* Change SELF as CHANGES say: what is given there is given here, and granted if it is granted there. */
void bothy_limits_apply (BothyCgroupLimits *self, const BothyCgroupLimits *changes);

/* The a{sv} (floating) that the bus shows: what is limited, in the form that bothy_limits_parse() takes. */
GVariant *bothy_limits_to_variant (const BothyCgroupLimits *self);

/* The keys (as, floating) of those in SELF that nothing on this machine enforces. DISK_HOLDS: its file system keeps what is
   said of the disk. */
GVariant *bothy_limits_unenforced (const BothyCgroupLimits *self, gboolean disk_holds);

/* Write SELF into the group [Limits] of a container's record. */
void bothy_limits_to_record (const BothyCgroupLimits *self, GKeyFile *record);

/* Read SELF from there. FALSE with DEGRADED when one makes no sense. */
gboolean bothy_limits_from_record (BothyCgroupLimits *self, GKeyFile *record, GError **error);

/* Which of the given limits are above what the administrator gives one container: a set of 1 << BothyCgroupLimit. */
guint bothy_limits_exceeding (const BothyCgroupLimits *self, const BothyConfiguration *configuration);

/* The values of the limits in SET, as "memory=512M pids=501". Sizes have the largest unit in which they are whole.
   (transfer full) */
char *bothy_limits_describe (const BothyCgroupLimits *self, guint set);

/* What the administrator gives one container of the limits in SET, in the same order and form. (transfer full) */
char *bothy_limits_describe_ceilings (const BothyConfiguration *configuration, guint set);

/* What holds for a container: what its owner said within the ceilings, presets where he said nothing. */
void bothy_limits_effective (const BothyCgroupLimits *self,
                             const BothyConfiguration *configuration,
                             BothyCgroupLimits *ret_effective);

/* Forget the presets of disk and inodes, for a container whose file system keeps none. */
void bothy_limits_forget_disk (BothyCgroupLimits *effective);

/* What the administrator gives one container, of RET_LIMITS: those that he bounds. */
void bothy_limits_ceilings (const BothyConfiguration *configuration, BothyCgroupLimits *ret_limits);

/* The a{sv} (floating) of what was said, and nothing else: also that there is no limit, as SetLimits takes it. */
GVariant *bothy_limits_given_to_variant (const BothyCgroupLimits *self);

/* What holds for all containers of one user together. */
void bothy_limits_of_user (const BothyConfiguration *configuration, BothyCgroupLimits *ret_limits);

/* The same of the disk, where it is the limits of them all that count: no control group bounds it. */
void bothy_limits_of_user_disk (const BothyConfiguration *configuration, BothyCgroupLimits *ret_limits);

/* The greatest bound that a kernel takes, which counts in units of 1 KiB, rounded up. */
#define BOTHY_LIMITS_MAX_BOUND ((guint64)G_MAXINT64 & ~G_GUINT64_CONSTANT (1023))

/* What SELF says of LIMIT, DISK or INODES, as the file system takes it, which has 0 for no bound. */
guint64 bothy_limits_disk_bound (const BothyCgroupLimits *self, BothyCgroupLimit limit);

G_END_DECLS
