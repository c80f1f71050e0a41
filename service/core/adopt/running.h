/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/adopt/plan.h"

G_BEGIN_DECLS

/*
 * Find out whether the container SOURCE of KIND, whose tree has MAP, runs under the tool that made it, as far as that shows:
 * by the control groups of processes, which both tools call by its name, and by who is root in their user namespaces; where
 * that is no range of its own, by whose they are. Reads all of /proc, in a thread. Fails with WRONG_STATE, which says how to stop
 * it.
 */
void bothy_adopt_check_stopped (BothyAdoptKind kind,
                                const char *source,
                                const BothyAdoptMap *map,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean bothy_adopt_check_stopped_finish (GAsyncResult *result, GError **error);

/* What a process shows of where it belongs. */
typedef struct {
  guint32 uid;  /* its real one */
  char *groups; /* /proc/PID/cgroup; of root's without those of a user's session, where names say nothing */
} BothyAdoptProcess;

/* Fill in SELF from GROUPS and STATUS, which are /proc/PID/cgroup and /proc/PID/status. FALSE: that is no status. */
gboolean bothy_adopt_process_parse (BothyAdoptProcess *self, const char *groups, const char *status);

/* The same for PID. FALSE: it has ended. */
gboolean bothy_adopt_process_read (BothyAdoptProcess *self, const char *pid);

/* Safe for one that is all 0. */
void bothy_adopt_process_clear (BothyAdoptProcess *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BothyAdoptProcess, bothy_adopt_process_clear)

/* Whether it is one of the container SOURCE of KIND, in which ROOT (as a uid of the host's) is root, that has this uid. */
gboolean bothy_adopt_process_is_of (const BothyAdoptProcess *self,
                                    BothyAdoptKind kind,
                                    const char *source,
                                    guint32 root);

/* Whether GROUPS, /proc/PID/cgroup of some process, says that it is in the container SOURCE of KIND. */
gboolean bothy_adopt_is_group_of (BothyAdoptKind kind, const char *source, const char *groups);

/* Whether MAP, /proc/PID/uid_map of some process, says that it is in a user namespace in which UID is root. */
gboolean bothy_adopt_is_map_of (guint32 uid, const char *map);

G_END_DECLS
