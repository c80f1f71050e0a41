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

/* DIRFD stays the caller's. If the record makes no sense, nobody has anything, and nothing is changed. */
BothyDelegations *bothy_delegations_new (int dirfd);
void bothy_delegations_free (BothyDelegations *self);

/* (element-type BothyDelegation) (transfer container): those on BRIDGE, users first, by name. */
GPtrArray *bothy_delegations_list (BothyDelegations *self, const char *bridge);

/* Waits for the disk. */
gboolean bothy_delegations_set (BothyDelegations *self,
                                const char *bridge,
                                const char *principal,
                                guint32 id,
                                guint quota,
                                GError **error);
/* INVALID_ARGS: there is nothing to take back. */
gboolean
bothy_delegations_remove (BothyDelegations *self, const char *bridge, const char *principal, GError **error);

G_END_DECLS
