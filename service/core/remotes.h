/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "storage/fetcher.h"

G_BEGIN_DECLS

/* A server that images come from. */
typedef struct {
  char *name;
  char *url;
  char *key;    /* path of the keys that may sign, "" for none */
  char *proxy;  /* URL, or "" */
  char *origin; /* the file that says it, or "record" */
  enum fetch_catalogue protocol;
  enum fetch_policy policy;
  guint timeout;
  gboolean enabled;
} BothyRemote;

void bothy_remote_free (BothyRemote *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyRemote, bothy_remote_free)

const char *bothy_remote_protocol_name (enum fetch_catalogue protocol);
const char *bothy_remote_policy_name (enum fetch_policy policy);

/* 1 to 32 of [a-z0-9-], a letter first. */
gboolean bothy_remote_check_name (const char *name, GError **error);

/*
 * The remotes of this machine: files that Bothy comes with, those of the administrator in place of
 * them, and records of AddRemote. They are read anew at each question, so that what is edited counts.
 */
typedef struct _BothyRemotes BothyRemotes;

/* DIRFD: STATE/remotes, which stays the caller's. */
BothyRemotes *bothy_remotes_new (int dirfd);
void bothy_remotes_free (BothyRemotes *self);

/* By name. (element-type BothyRemote) (transfer full) */
GPtrArray *bothy_remotes_list (BothyRemotes *self);

/* PROTOCOL, POLICY and PROXY: texts, or NULL. KEY: OpenPGP keys, or NULL. Checks all of it. */
BothyRemote *bothy_remote_parse (const char *name,
                                 const char *url,
                                 const char *protocol,
                                 const char *policy,
                                 const char *proxy,
                                 guint timeout,
                                 GBytes *key,
                                 GError **error);
gboolean bothy_remotes_add (BothyRemotes *self, const BothyRemote *remote, GBytes *key, GError **error);
gboolean bothy_remotes_remove (BothyRemotes *self, const char *name, GError **error);

/* Of the keys of REMOTE; -1 and no error: it has none. */
int bothy_remotes_open_key (BothyRemotes *self, const BothyRemote *remote, GError **error);

/* FALSE with NOT_VERIFIED: REMOTE has shown a newer version of PRODUCT before, or VERSION is of the future.
 */
gboolean bothy_remotes_check_version (
    BothyRemotes *self, const BothyRemote *remote, const char *product, const char *version, GError **error);

/* It was seen, and nothing older is taken from now on. */
void bothy_remotes_note_version (BothyRemotes *self,
                                 const BothyRemote *remote,
                                 const char *product,
                                 const char *version);

G_END_DECLS
