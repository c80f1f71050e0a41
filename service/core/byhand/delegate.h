/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/ids/idmap.h"
#include "platform/cgroup-manager.h"
#include "platform/helper-client.h"

G_BEGIN_DECLS

/* What users build containers with who do it without us: see bothy-by-hand(7). FDs stay the caller's. */

/* Write MAP for the user namespace FD, or that of the process of the pidfd FD, which USER made. HELPER writes it, and
   RANGES says which ids are his. Fails with LIMITS_EXCEEDED when he has too many under way, NO_SUCH_USER, and as
   bothy_id_map_check() and bothy-helper do. */
void bothy_byhand_map (BothyRanges *ranges,
                       BothyHelperClient *helper,
                       guint32 user,
                       int fd,
                       const BothyIdMap *map,
                       GAsyncReadyCallback callback,
                       gpointer user_data);
gboolean bothy_byhand_map_finish (BothyRanges *ranges, GAsyncResult *result, GError **error);

/*
 * Which control group the process PIDFD of USER's would leave when it gets one for OWNER, if that is none of his own but,
 * say, a service of the machine's, whose bounds it would leave with it: RET_GROUP is its path (transfer full), or NULL.
 * FALSE with NOT_YOURS: OWNER or the process is not his, or its group can not be read now.
 */
gboolean bothy_byhand_find_left_group (BothyRanges *ranges,
                                       BothyCgroupManager *cgroups,
                                       guint32 user,
                                       int pidfd,
                                       guint32 owner,
                                       char **ret_group,
                                       GError **error);

/* Put USER's process PIDFD into a control group that belongs to OWNER: USER, or an id that he holds by hand. ALLOWED: an
   administrator agreed that it leaves a group that is not USER's. Fails with NOT_YOURS, START_FAILED, and NOT_AUTHORIZED
   for such a group unless ALLOWED. */
void bothy_byhand_delegate (BothyRanges *ranges,
                            BothyCgroupManager *cgroups,
                            guint32 user,
                            int pidfd,
                            guint32 owner,
                            gboolean allowed,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* The group's path (transfer full), or NULL and an error. */
char *bothy_byhand_delegate_finish (BothyRanges *ranges, GAsyncResult *result, GError **error);

G_END_DECLS
