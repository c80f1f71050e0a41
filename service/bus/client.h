/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/per-user.h"

G_BEGIN_DECLS

/*
 * A connection that has called us, for as long as it is on the bus. Who it is, the bus
 * itself says (GetConnectionCredentials), once: a unique name is never used again.
 */
typedef struct {
  gatomicrefcount references;
  GDBusConnection *bus;
  char *name;         /* its unique name */
  guint32 user;       /* uid, BOTHY_NO_USER as long as it is not known */
  gboolean inspects;  /* was authorized to see others' containers when it last asked */
  GQueue waiting;     /* GDBusMessage: came before it was known who it is */
  GCancellable *gone; /* cancelled when it leaves the bus */
} BothyClient;

/* The connection with the unique name NAME, of which nothing is known yet; with one reference. */
BothyClient *bothy_client_new (GDBusConnection *bus, const char *name);

/* Take a reference. (transfer full) */
BothyClient *bothy_client_ref (BothyClient *self);

/* Let go of one; the last one frees it and the messages that still wait. */
void bothy_client_unref (BothyClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyClient, bothy_client_unref)

/* Ask the bus which user SELF is; CALLBACK gets the connection as its source. */
void bothy_client_identify (BothyClient *self, GAsyncReadyCallback callback, gpointer user_data);

/* RET_USER is his uid. FALSE unless the answer is one up to 2^31-1; what is above, some programs take for an error. */
gboolean bothy_client_identify_finish (GDBusConnection *bus, GAsyncResult *result, guint32 *ret_user);

G_END_DECLS
