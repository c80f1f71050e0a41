/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "images/fetch/protocol.h"
#include "images/json/error.h"

/* Where a URL points to: only what the rules below need. */
typedef struct {
  char *scheme; /* "http" or "https" */
  char *host;   /* in lower case; IPv6 in brackets */
  char *port;
} UrlOrigin;

/* Free the strings. */
void url_origin_clear (UrlOrigin *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UrlOrigin, url_origin_clear)

/* Of a whole URL: http or https, a host, no user or password, no fragment. */
gboolean url_parse (const char *url, UrlOrigin *ret_origin, GError **error);

/* Whether a secret that one of them gave is the other's as well. */
gboolean url_is_same_origin (const UrlOrigin *one, const UrlOrigin *other);

/* Whether it is this machine by its name, so that nobody on the way could change anything. */
gboolean url_is_loopback (const UrlOrigin *origin);

/* Whether a remote may be there under POLICY: plain http only where a signature or nobody at all is on the
 * way. */
gboolean url_check_remote (const char *url, enum fetch_policy policy, GError **error);

/*
 * Whether FROM may send us on to TO. HOME is the remote; ELSEWHERE: another host than
 * that will do. Never from https to http.
 */
gboolean url_check_redirect (
    const UrlOrigin *from, const UrlOrigin *to, const UrlOrigin *home, gboolean elsewhere, GError **error);

/* The same for a registry, which may have its bytes and its tokens elsewhere: nothing but https, or on this
 * machine. */
gboolean url_check_registry (const UrlOrigin *to, GError **error);

/* A path of a catalogue: relative, without "..", of characters that need no quoting. */
gboolean url_check_path (const char *path);

/* BASE/PATH. */
char *url_join (const char *base, const char *path);
