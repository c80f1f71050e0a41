/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/byhand/nics.h"

G_BEGIN_DECLS

/* Put nics into network namespaces that users made, and take them out again. */

/* What a nic by hand got. */
typedef struct {
  char *mac;        /* as in 02:00:00:12:34:56 */
  char **addresses; /* with prefix lengths; empty when the bridge has none to give */
} BothyByhandNic;

/* SELF may not be NULL. */
void bothy_byhand_nic_free (BothyByhandNic *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyByhandNic, bothy_byhand_nic_free)

/* Give USER a nic called INSIDE on BRIDGE, in the network namespace NETNS_FD (which stays the caller's).
   ALLOWED: an administrator agreed, so that he needs no delegation. CONFIGURE: bring it up in the namespace,
   with its addresses and routes where the bridge has some. Fails with INVALID_ARGS or NOT_YOURS for a
   namespace that USER did not make, and as bothy_admission_enter() does; nothing is left then. */
void bothy_byhand_attach_nic (BothyByhandNics *nics,
                              guint32 user,
                              const char *bridge,
                              int netns_fd,
                              const char *inside,
                              gboolean allowed,
                              gboolean configure,
                              GAsyncReadyCallback callback,
                              gpointer user_data);

/* (transfer full), or NULL and an error. */
BothyByhandNic *bothy_byhand_attach_nic_finish (BothyByhandNics *nics, GAsyncResult *result, GError **error);

/* Take away USER's nic on BRIDGE that is called INSIDE in the network namespace NETNS_FD (which stays the
   caller's) by now. Fails with NOT_YOURS when that is none that he attached there. */
void bothy_byhand_detach_nic (BothyByhandNics *nics,
                              guint32 user,
                              const char *bridge,
                              int netns_fd,
                              const char *inside,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
gboolean bothy_byhand_detach_nic_finish (BothyByhandNics *nics, GAsyncResult *result, GError **error);

/* Whether an interface in a namespace may be called NAME. FALSE and INVALID_ARGS if not. */
gboolean bothy_byhand_check_interface (const char *name, GError **error);

G_END_DECLS
