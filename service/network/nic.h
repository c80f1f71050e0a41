/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "network/lanaddress.h"
#include "network/network.h"

G_BEGIN_DECLS

/*
 * Nics that are counted: those on bridges of the LAN, and those of namespaces that users made by hand.
 * All that has to be known of one later is in its alias, where only the broker can read it (network/alias.h), so that the
 * kernel alone keeps the count:
 *
 *   bothy:<uid>:<name>.<bridge>.<payer>
 *
 * NAME is a container's uuid without dashes, or "nic" and a number; PAYER says what it is counted against.
 */
typedef struct {
  guint32 owner;
  char *name;
  char *bridge; /* the interface's name */
  char *payer;
} BothyNic;

#define BOTHY_PAYER_USER    "u" /* what is delegated to the user; "g" and a gid: to a group */
#define BOTHY_PAYER_ALLOWED "a" /* nothing: it was allowed */
#define BOTHY_NIC_BY_HAND   "nic"

/* Numbers of nics by hand go from 1 to this. */
#define BOTHY_NIC_MAX_NUMBER 16000u

/* Returns (transfer full): a nic of the user OWNER on BRIDGE that counts for PAYER. The strings are copied. */
BothyNic *bothy_nic_new (guint32 owner, const char *name, const char *bridge, const char *payer);

/* Frees what is known of the nic; the nic itself stays. */
void bothy_nic_free (BothyNic *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyNic, bothy_nic_free)

/* NULL: it is not the alias of such a nic. */
BothyNic *bothy_nic_parse (const char *alias);

/* The same from bothy_nic_id() and an owner. */
BothyNic *bothy_nic_parse_id (guint32 owner, const char *id);

/* The number of a nic by hand, or 0. */
guint bothy_nic_number (const BothyNic *self);

/* What is behind the uid in its alias: what bothy_network_detach() takes. */
char *bothy_nic_id (const BothyNic *self);

/* A MAC address that is the same each time, and nobody else's on the LAN. */
void bothy_nic_mac (const BothyNic *self, guint8 mac[6]);

/* Make the nic, called INSIDE, in NETNS_FD. On the default bridge one by hand has addresses. EGRESS: what it
   may reach, NULL: all; ADDRESS: the only one that it may have, on a LAN, or NULL. */
void bothy_nic_attach (BothyNetwork *network,
                       const BothyNic *self,
                       const char *inside,
                       int netns_fd,
                       char **egress,
                       const BothyLanAddress *address,
                       GAsyncReadyCallback callback,
                       gpointer user_data);

/* Look after the nic that it has, as bothy_network_resume(). */
void bothy_nic_resume (BothyNetwork *network,
                       const BothyNic *self,
                       char **egress,
                       const BothyLanAddress *address,
                       GAsyncReadyCallback callback,
                       gpointer user_data);

/* Take the nic away; it is gone when that is done. */
void bothy_nic_detach (BothyNetwork *network,
                       const BothyNic *self,
                       GAsyncReadyCallback callback,
                       gpointer user_data);
gboolean bothy_nic_detach_finish (BothyNetwork *network, GAsyncResult *result, GError **error);

/* All its fields are "" where the LAN has to say. NULL with BOTHY_ERROR. */
BothyNetworkConfig *bothy_nic_attach_finish (BothyNetwork *network, GAsyncResult *result, GError **error);

G_END_DECLS
