/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Only one service may use the state of a machine. The one that has the lock says in it who it is: a process may have
 * ended for everybody but one of its threads, which closes a file on a file system that never answers, and keeps all
 * that the process had open. Nothing can end that, so it is not waited for.
 */

/* Take the lock in the directory DIRFD, which stays the caller's. The lock itself (to be released with
   bothy_lock_release(), or by the end of the process), or -1 and an error when another service runs. */
int bothy_lock_take (int dirfd, GError **error);

/* Let another service have the lock FD, which is closed, though this process may not be able to end. */
void bothy_lock_release (int fd);

G_END_DECLS
