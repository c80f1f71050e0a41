/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bridges/delegations.h"
#include "network/bridge-monitor.h"

G_BEGIN_DECLS

/*
 * A bridge that nics can be put on. Fields are read freely.
 *
 * Signal: "changed" ().
 */
#define BOTHY_TYPE_KNOWN_BRIDGE (bothy_known_bridge_get_type ())
G_DECLARE_FINAL_TYPE (BothyKnownBridge, bothy_known_bridge, BOTHY, KNOWN_BRIDGE, GObject)

struct _BothyKnownBridge {
  GObject parent;
  BothyBridgeFacts *facts;
  gboolean is_default;           /* Bothy's own, which is for everybody */
  GArray *uids;                  /* guint32: of facts->users, once they are known */
  struct _BothyBridges *bridges; /* which know it */
};

/* Whether USER may know of it: NetworkManager's connection.permissions do not leave him out. Root may always. */
gboolean bothy_known_bridge_is_visible (BothyKnownBridge *self, guint32 user);

/* What is delegated on it, users first, by name. (element-type BothyDelegation) (transfer container) */
GPtrArray *bothy_known_bridge_list_delegations (BothyKnownBridge *self);

/*
 * All bridges that NetworkManager knows, and the one that Bothy makes when it is needed.
 *
 * Signals: "added", "removed" (BothyKnownBridge *), also when others may know of it than before; "gone"
 * (BothyKnownBridge *), after "removed": NetworkManager has none of that name any more.
 */
#define BOTHY_TYPE_BRIDGES (bothy_bridges_get_type ())
G_DECLARE_FINAL_TYPE (BothyBridges, bothy_bridges, BOTHY, BRIDGES, GObject)

/* Look at NM's bridges. DELEGATIONS is taken over. SUBNET, as in "10.0.0.1/24", is what the default bridge has, or will
   have when it is made. (transfer full) */
BothyBridges *bothy_bridges_new (BothyNm *nm, BothyDelegations *delegations, const char *subnet);

/* What it hears of NetworkManager's bridges from. (transfer none) */
BothyBridgeMonitor *bothy_bridges_get_watch (BothyBridges *self);

/* Call back when all bridges are known, or NetworkManager took longer than three seconds. It never fails. */
void bothy_bridges_wait (BothyBridges *self, GAsyncReadyCallback callback, gpointer user_data);
void bothy_bridges_wait_finish (BothyBridges *self, GAsyncResult *result);

/* All, by name. (element-type BothyKnownBridge) (transfer container) */
GList *bothy_bridges_list (BothyBridges *self);

/* The bridge called NAME (transfer none), or NULL. */
BothyKnownBridge *bothy_bridges_find (BothyBridges *self, const char *name);

/* The bridge called NAME (transfer none), or NULL and NO_SUCH_BRIDGE, also for one that USER may not know of. */
BothyKnownBridge *bothy_bridges_find_for (BothyBridges *self, const char *name, guint32 user, GError **error);

/* Let PRINCIPAL, a user or @GROUP, have QUOTA nics on BRIDGE from now on. Fails with NO_SUCH_ACCOUNT, and with
   INVALID_ARGS for the default bridge, which is for everybody. */
void bothy_bridges_delegate (BothyBridges *self,
                             BothyKnownBridge *bridge,
                             const char *principal,
                             guint quota,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
gboolean bothy_bridges_delegate_finish (BothyBridges *self, GAsyncResult *result, GError **error);

/* Take back what PRINCIPAL may have on BRIDGE; nics that are there stay. FALSE and INVALID_ARGS when that is nothing. */
gboolean
bothy_bridges_revoke (BothyBridges *self, BothyKnownBridge *bridge, const char *principal, GError **error);

G_END_DECLS
