/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/adopt/plan.h"

G_BEGIN_DECLS

/*
 * Find out whether the container SOURCE of KIND, whose tree has MAP, runs under the tool that made it, as far as that shows:
 * by the control groups of processes, which both tools call by its name, and by who is root in their user namespaces. Reads all of /proc, in a thread. Fails with WRONG_STATE, which says how to stop it.
 */
void bothy_adopt_check_stopped (BothyAdoptKind kind,
                                const char *source,
                                const BothyAdoptMap *map,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean bothy_adopt_check_stopped_finish (GAsyncResult *result, GError **error);

/* Whether GROUPS, /proc/PID/cgroup of some process, says that it is in the container SOURCE of KIND. */
gboolean bothy_adopt_is_group_of (BothyAdoptKind kind, const char *source, const char *groups);

/* Whether MAP, /proc/PID/uid_map of some process, says that it is in a user namespace in which UID is root. */
gboolean bothy_adopt_is_map_of (guint32 uid, const char *map);

G_END_DECLS
