/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/call.h"
#include "platform/cgroup-limits.h"

G_BEGIN_DECLS

/* For the check of a CALL that asks for LIMITS: what of them is above the administrator's ceilings becomes their
   "granted", and the call "exceeds" then, which is answered unless polkit authorizes it. polkit is told "owner" (the
   uid OWNER), "limits" (all such values) and "ceilings" (what users may have of the same). */
void bothy_limits_ask_to_exceed (BothyCall *call, BothyCgroupLimits *limits, guint32 owner);

/* The call takes an id range for the caller. When he has as many as a user may have, the call "exceeds" as well,
   "limits" and "ceilings" say so besides what they said before, and how many he would have is returned: up to that
   number what is done may go. Else 0. */
guint bothy_limits_ask_for_range (BothyCall *call);

G_END_DECLS
