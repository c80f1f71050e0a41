/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "channel.h"

/* Requests to a remote, under its policy. */
typedef struct _Http Http;

Http *http_new (Channel *channel, GError **error);
void http_free (Http *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Http, http_free)

/* What PATH below the remote says, at most MAX bytes. NULL with FETCH_MISSING: the server has no such file.
 */
GBytes *http_get (Http *self, const char *path, gsize max, GError **error);

/* The file URL of SIZE bytes (0: not known) into FD. RET_SHA256 is that of the bytes. */
gboolean http_download (Http *self, const char *url, guint64 size, int fd, char **ret_sha256, GError **error);
