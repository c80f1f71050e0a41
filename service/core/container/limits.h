/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/configuration.h"
#include "platform/cgroup-limits.h"

G_BEGIN_DECLS

/* Change SELF as CHANGES, an a{sv} of SetLimits, says. RET_CHANGED (or NULL): 1 << BothyCgroupLimit.
   FALSE with INVALID_ARGS, which names the key; then nothing is changed. */
gboolean bothy_limits_change (BothyCgroupLimits *self, GVariant *changes, guint *ret_changed, GError **error);

/* The a{sv} that the bus shows: what is limited, in the form that bothy_limits_change() takes. */
GVariant *bothy_limits_to_variant (const BothyCgroupLimits *self);

/* Write SELF into the group [Limits] of a container's record. */
void bothy_limits_to_record (const BothyCgroupLimits *self, GKeyFile *record);

/* Read SELF from there. FALSE with DEGRADED when one makes no sense. */
gboolean bothy_limits_from_record (BothyCgroupLimits *self, GKeyFile *record, GError **error);

/* The limits of CHANGED that are above what the administrator gives one container;
   ERROR (QUOTA_EXCEEDED) and RET_KEY (or NULL) name the first. */
guint bothy_limits_exceeding (const BothyCgroupLimits *self,
                              guint changed,
                              const BothyConfiguration *configuration,
                              const char **ret_key,
                              GError **error);

/* What holds for a container: what its owner said within the ceilings, presets where he said nothing. */
void bothy_limits_effective (const BothyCgroupLimits *self,
                             const BothyConfiguration *configuration,
                             BothyCgroupLimits *ret_effective);

/* What holds for all containers of one user together. */
void bothy_limits_of_user (const BothyConfiguration *configuration, BothyCgroupLimits *ret_limits);

G_END_DECLS
