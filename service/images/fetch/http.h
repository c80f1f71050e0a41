/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "channel.h"

/* Requests to a remote, under its policy. */
typedef struct _Http Http;

/* For the remote that CHANNEL's request is about; CHANNEL stays the caller's. (transfer full) NULL with FETCH_REFUSED:
   its policy does not allow a remote there; or FETCH_FAILED. */
Http *http_new (Channel *channel, GError **error);

/* Free it; the channel stays. */
void http_free (Http *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Http, http_free)

/* What URL says, at most MAX bytes. NULL with FETCH_MISSING: the server has no such file. ELSEWHERE: it may
 * send us to another host. */
GBytes *http_get_url (Http *self, const char *url, gboolean elsewhere, gsize max, GError **error);

/* The file URL of SIZE bytes (0: not known) into FD. RET_SHA256 is that of the bytes. */
gboolean http_download (Http *self, const char *url, guint64 size, int fd, char **ret_sha256, GError **error);

/* ---- what a cache needs ---- */

/* For all that is asked from now on: the ETag of what is there already; NULL: nothing is. */
void http_set_tag (Http *self, const char *tag);

/* Whether what is there already is what the last answer would have been. */
gboolean http_is_unchanged (Http *self);

/* The ETag of the last answer, "" if it has none. (transfer none) */
const char *http_get_tag (Http *self);

/* For how many seconds the last answer need not be asked for again. */
gint64 http_get_max_age (Http *self);

/* ---- who asks ---- */

/* Whether a name and a password came with the request. */
gboolean http_has_login (Http *self);

/* From now on they are shown to URL's host and port, or to the remote itself if it is NULL, and to no other.
 */
gboolean http_show_login (Http *self, const char *url, GError **error);

/* ---- what registries need ---- */

/* For all that is asked from now on: a header. */
void http_set_accept (Http *self, const char *header);

/* Shown to the remote itself, and to no host or port that it sends us to. */
void http_set_token (Http *self, const char *token);

/* The one that is shown, or NULL. */
const char *http_get_token (Http *self);

/* What the remote's 401 CHALLENGEs us to is done by AUTHORIZE; then it is asked once more. */
typedef gboolean (*HttpAuthorize) (Http *self, const char *challenge, gpointer data, GError **error);

/* Let AUTHORIZE, with DATA, do what a challenge wants. */
void http_set_authorize (Http *self, HttpAuthorize authorize, gpointer data);

/* Of the last answer: Content-Type, "" if there was none; Docker-Content-Digest, or NULL. */
const char *http_get_type (Http *self);
const char *http_get_digest (Http *self);

/* For questions in between, to whom OTHER's remote sends us; it has no token. */
Http *http_new_beside (Http *other, GError **error);

/* Whether the remote may name URL as where to go for something. */
gboolean http_check_elsewhere (Http *self, const char *url, GError **error);
