/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Who may have how many nics on which bridge without being asked: one record for the
 * machine, written anew as a whole. Bridges are named by their interface, as in
 * lxc-usernet(5), and need not be there.
 */
typedef struct _BothyDelegations BothyDelegations;

#define BOTHY_MAX_DELEGATION 1023u /* a bridge has no more ports */

typedef struct {
  char *bridge;
  char *principal; /* USER, or @GROUP: all its members together */
  guint32 id;      /* the uid or gid that it had; another account of that name has another */
  guint quota;
} BothyDelegation;

/* Read the record in the directory DIRFD, which stays the caller's. If it makes no sense, nobody has anything, and
   nothing is changed. Free it with bothy_delegations_free(). */
BothyDelegations *bothy_delegations_new (int dirfd);

/* The record stays. */
void bothy_delegations_free (BothyDelegations *self);

/* Those on BRIDGE, users first, by name. (element-type BothyDelegation) (transfer container) */
GPtrArray *bothy_delegations_list (BothyDelegations *self, const char *bridge);

/* Let PRINCIPAL, whose uid or gid is ID now, have QUOTA (1 to BOTHY_MAX_DELEGATION) nics on BRIDGE in place of what he
   had. It waits for the disk. FALSE and LIMITS_EXCEEDED, DEGRADED, or why it could not be written; then all is as
   before. */
gboolean bothy_delegations_set (BothyDelegations *self,
                                const char *bridge,
                                const char *principal,
                                guint32 id,
                                guint quota,
                                GError **error);

/* PRINCIPAL has nothing on BRIDGE from now on. It waits for the disk. FALSE and INVALID_ARGS when he had nothing, or as
   above. */
gboolean
bothy_delegations_remove (BothyDelegations *self, const char *bridge, const char *principal, GError **error);

G_END_DECLS
