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

/* The records are in the directory DIRFD (STATE/accounts), which stays the caller's. Free it with
   bothy_owners_free(). */
BothyOwners *bothy_owners_new (int dirfd);

/* The records stay. */
void bothy_owners_free (BothyOwners *self);

/* UID gets something that stays: write down whose it is, if that is not known yet. FALSE and an error when it can not
   be written down. */
gboolean bothy_owners_note (BothyOwners *self, guint32 uid, GError **error);

/* Whether the account of UID is the one that it was. FALSE and NOT_AUTHORIZED if not, or why that can not be read. What
   was found holds until /etc/passwd or the records change. */
gboolean bothy_owners_check (BothyOwners *self, guint32 uid, GError **error);

G_END_DECLS
