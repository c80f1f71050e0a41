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
  GArray *gids;       /* guint32: all of them, if they were asked for */
} BothyAccount;

/* SELF may not be NULL. */
void bothy_account_free (BothyAccount *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyAccount, bothy_account_free)

/* Look up the account of UID, and which of GROUPS (names, which end with NULL) it is in. It never fails: who has no
   account has no name. */
void bothy_account_look_up (guint32 uid,
                            const char *const *groups,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
/* Look up the account of UID, and the gids of all its groups. It never fails either. */
void bothy_account_look_up_groups (guint32 uid, GAsyncReadyCallback callback, gpointer user_data);

/* For both. (transfer full) */
BothyAccount *bothy_account_look_up_finish (GAsyncResult *result);

/* Look up the uid of the user PRINCIPAL, or the gid of "@GROUP". Fails with NO_SUCH_ACCOUNT. */
void bothy_account_resolve (const char *principal, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_account_resolve_finish (GAsyncResult *result, guint32 *ret_id, GError **error);

/* Look up the uids of those of USERS, names that end with NULL, that have accounts. It never fails. */
void bothy_account_resolve_all (char **users, GAsyncReadyCallback callback, gpointer user_data);
/* (element-type guint32) (transfer full) */
GArray *bothy_account_resolve_all_finish (GAsyncResult *result);

/* Whether TEXT is USER or @GROUP: 1 to 64 of the characters that names of accounts are made of, those of directory
   servers too. FALSE and INVALID_ARGS if not. */
gboolean bothy_account_check_principal (const char *text, GError **error);

G_END_DECLS
