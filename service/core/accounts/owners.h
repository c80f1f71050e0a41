/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Whose uids are. A uid outlives its account: when the account is deleted and the next one gets the same uid,
 * that is somebody else. So the account's name is written down when its uid gets its first range, in a record of
 * its own that an administrator can remove: STATE/accounts/<uid>.
 */
typedef struct _BothyOwners BothyOwners;

/* DIRFD (STATE/accounts) stays the caller's. */
BothyOwners *bothy_owners_new (int dirfd);
void bothy_owners_free (BothyOwners *self);

/* UID gets something that stays: write down whose it is, if that is not known. */
gboolean bothy_owners_note (BothyOwners *self, guint32 uid, GError **error);

/* FALSE with NOT_AUTHORIZED when the account of UID is another one than it was. */
gboolean bothy_owners_check (BothyOwners *self, guint32 uid, GError **error);

G_END_DECLS
