/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Prove, from the fd alone, that NETNS_FD is a network namespace of a user namespace that USER made. In a
   thread: the file could be one whose file system does not answer. NETNS_FD stays the caller's. */
void bothy_netns_check (int netns_fd, guint32 user, GAsyncReadyCallback callback, gpointer user_data);

/* FALSE with INVALID_ARGS or NOT_YOURS. */
gboolean bothy_netns_check_finish (GAsyncResult *result, GError **error);

G_END_DECLS
