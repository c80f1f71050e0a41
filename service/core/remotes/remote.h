/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "workers/fetch.h"

G_BEGIN_DECLS

/* Of a remote that is in no file. */
#define BOTHY_REMOTE_RECORD "record"

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

/* Free it and its strings. */
void bothy_remote_free (BothyRemote *self);

/* (transfer full) */
BothyRemote *bothy_remote_copy (const BothyRemote *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyRemote, bothy_remote_free)

/* As files and the bus call it: "simplestreams", "lxc" or "oci". */
const char *bothy_remote_protocol_name (enum fetch_catalogue protocol);

/* As files and the bus call it: "signature", "checksum" or "tls". */
const char *bothy_remote_policy_name (enum fetch_policy policy);

/* Let ERROR, which has to be set, say that it is of this remote; that of a cancelled call stays as it is. */
void bothy_remote_prefix_error (const BothyRemote *self, GError **error);

/*
 * The remote that is called NAME and is at URL, with every one of these checked. PROTOCOL, POLICY and PROXY are texts, or
 * NULL for what is usual; TIMEOUT is in seconds, or 0 for that; KEY is OpenPGP keys, or NULL. (transfer full) NULL with
 * INVALID_ARGS.
 */
BothyRemote *bothy_remote_parse (const char *name,
                                 const char *url,
                                 const char *protocol,
                                 const char *policy,
                                 const char *proxy,
                                 guint timeout,
                                 GBytes *key,
                                 GError **error);

G_END_DECLS
