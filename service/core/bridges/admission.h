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

/* All stay the caller's. Free it with bothy_admission_free(), when nobody waits for it any more. */
BothyAdmission *
bothy_admission_new (BothyBridges *bridges, BothyNetwork *network, const BothyConfiguration *configuration);

/* Let go of SELF; it is told to nobody who still waits. */
void bothy_admission_free (BothyAdmission *self);

/* Find out whether USER may have nics on BRIDGE, however many, without an administrator's word. It never fails. */
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

/* The next one is let in. */
void bothy_ticket_free (BothyTicket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyTicket, bothy_ticket_free)

/* Let USER have a nic called NAME (NULL: one by hand, whose name is chosen) on the bridge called BRIDGE, when it is
   his turn. ALLOWED: an administrator agreed. Fails with NO_SUCH_BRIDGE, NOT_AUTHORIZED when nothing is delegated
   to him, QUOTA_EXCEEDED, and BUSY when the bridge is being deleted. */
void bothy_admission_enter (BothyAdmission *self,
                            guint32 user,
                            const char *bridge,
                            const char *name,
                            gboolean allowed,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
/* (transfer full), or NULL and an error. */
BothyTicket *bothy_admission_enter_finish (BothyAdmission *self, GAsyncResult *result, GError **error);

/* Let nobody in on BRIDGE any more, because it is about to go. It is done when everybody who was let in before has his
   nic, or will have none. Fails with BUSY when somebody else has closed it. A bridge of the same name but another
   profile, later, is open. */
void bothy_admission_close (BothyAdmission *self,
                            const char *bridge,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
gboolean bothy_admission_close_finish (BothyAdmission *self, GAsyncResult *result, GError **error);

/* BRIDGE, which bothy_admission_close() closed, stays after all: let people in again. */
void bothy_admission_open (BothyAdmission *self, const char *bridge);

G_END_DECLS
