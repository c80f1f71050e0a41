/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * The sockets at which supervisors wait for the next bothyd, in the directory DIRFD (RUNTIME/supervisors), each
 * called by the ID of its container.
 */

/* Make the socket for the supervisor of the container ID to listen at, in place of one that an earlier run left.
   Returns an fd that is the caller's, or -1 with errno. */
int bothy_supervisor_socket_listen (int dirfd, const char *id);

/* Connect to the supervisor of the container ID. (transfer full); NULL: nobody listens. */
GSocket *bothy_supervisor_socket_connect (int dirfd, const char *id);

/* Whether the container ID has a socket, though perhaps nobody listens at it. */
gboolean bothy_supervisor_socket_exists (int dirfd, const char *id);

/* Remove the socket of the container ID, if there is one. */
void bothy_supervisor_socket_remove (int dirfd, const char *id);

G_END_DECLS
