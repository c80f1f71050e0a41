/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "network/nm.h"

G_BEGIN_DECLS

/* Profiles of bridges that an administrator has NetworkManager make through us. */

typedef struct {
  char *name;
  gboolean nat;
  char *port;   /* of a LAN bridge: the interface that leads to the LAN; NULL: none yet */
  char *subnet; /* of a NAT bridge: its own address with prefix length; NULL: NetworkManager chooses */
  gboolean stp; /* the spanning tree protocol */
} BothyBridgeProfile;

/* Frees the profile with all that it holds. */
void bothy_bridge_profile_free (BothyBridgeProfile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyBridgeProfile, bothy_bridge_profile_free)

/* INVALID_ARGS unless all of it makes sense. */
gboolean bothy_bridge_profile_check (const BothyBridgeProfile *self, GError **error);

/* Have it made, saved, and brought up. Whatever fails, nothing stays. */
void bothy_bridge_profile_create (BothyNm *nm,
                                  const BothyBridgeProfile *profile,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
gboolean bothy_bridge_profile_create_finish (BothyNm *nm, GAsyncResult *result, GError **error);

/* Remove the bridge NAME, its profile and that of its port, which were made so. NOT_MANAGED: it was not. */
void
bothy_bridge_profile_remove (BothyNm *nm, const char *name, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_bridge_profile_remove_finish (BothyNm *nm, GAsyncResult *result, GError **error);

/* Remove what a broker left that was killed while it made one. */
void bothy_bridge_profile_tidy (BothyNm *nm);

/* Whether CONNECTION is such a profile. */
gboolean bothy_bridge_profile_is_ours (NMConnection *connection);

G_END_DECLS
