/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bridges/bridges.h"
#include "base/configuration.h"
#include "network/nic.h"

G_BEGIN_DECLS

/*
 * Who may have one more nic on a bridge. Nics are counted from the links that the kernel has; nobody else is
 * let in until the one who was let in has his, so that two never share the last place.
 */
typedef struct _BothyAdmission BothyAdmission;

/* All stay the caller's. */
BothyAdmission *
bothy_admission_new (BothyBridges *bridges, BothyNetwork *network, const BothyConfiguration *configuration);
void bothy_admission_free (BothyAdmission *self);

/* Whether USER may have nics on BRIDGE (any number) without an administrator's word. */
void bothy_admission_weigh (BothyAdmission *self,
                            guint32 user,
                            BothyKnownBridge *bridge,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
gboolean bothy_admission_weigh_finish (BothyAdmission *self, GAsyncResult *result);

/* A place for one nic, to be freed when the nic is there, or will not be. */
typedef struct {
  BothyAdmission *admission;
  BothyNic *place;
  guint32 gid; /* the account's */
} BothyTicket;

void bothy_ticket_free (BothyTicket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyTicket, bothy_ticket_free)

/* Let USER have a nic called NAME (NULL: one by hand) on the bridge called BRIDGE. ALLOWED: an administrator
   said yes. NO_SUCH_BRIDGE, NOT_AUTHORIZED, QUOTA_EXCEEDED, BUSY (it is being deleted). */
void bothy_admission_enter (BothyAdmission *self,
                            guint32 user,
                            const char *bridge,
                            const char *name,
                            gboolean allowed,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
BothyTicket *bothy_admission_enter_finish (BothyAdmission *self, GAsyncResult *result, GError **error);

/* Let nobody in on BRIDGE, because it is about to go; it is done when everybody who was let in has his nic,
   or will have none. BUSY: somebody else closed it. What has its name later, with another profile, is open.
 */
void bothy_admission_close (BothyAdmission *self,
                            const char *bridge,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
gboolean bothy_admission_close_finish (BothyAdmission *self, GAsyncResult *result, GError **error);

/* It stays after all. */
void bothy_admission_open (BothyAdmission *self, const char *bridge);

G_END_DECLS
