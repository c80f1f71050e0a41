/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What NSS knows. It is asked in threads: a directory server may take its time. */

typedef struct {
  guint32 uid;
  guint32 gid;        /* the uid again where there is no account */
  char *name;         /* "": the uid has no account */
  GHashTable *groups; /* name → gid */
} BothyAccount;

void bothy_account_free (BothyAccount *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyAccount, bothy_account_free)

/* The account of UID, and which of GROUPS (names) it is in. */
void bothy_account_look_up (guint32 uid,
                            const char *const *groups,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
BothyAccount *bothy_account_look_up_finish (GAsyncResult *result);

/* The uid of PRINCIPAL, or the gid of "@GROUP". Fails with NO_SUCH_ACCOUNT. */
void bothy_account_resolve (const char *principal, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_account_resolve_finish (GAsyncResult *result, guint32 *ret_id, GError **error);

/* The uids (guint32) of those of USERS that have accounts. */
void bothy_account_resolve_all (char **users, GAsyncReadyCallback callback, gpointer user_data);
GArray *bothy_account_resolve_all_finish (GAsyncResult *result);

/* USER or @GROUP: 1 to 64 of what names of accounts are made of, those of directories too. */
gboolean bothy_account_check_principal (const char *text, GError **error);

G_END_DECLS
