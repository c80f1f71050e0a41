/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether PIDFD is of a process that runs as USER in all of its ids, and what its pid is now. A process
   keeps its pid as long as it lives, and it is looked at again at the end, so the answer is about no
   other. FALSE with NOT_YOURS. */
gboolean bothy_pidfd_check (int pidfd, guint32 user, int *ret_pid, GError **error);

/* A pidfd of the process PID, which is the caller's; -1: there is none. */
int bothy_pidfd_open (guint32 pid);

/* Whether the process of PIDFD has ended. As long as it has not, nobody else has its number. */
gboolean bothy_pidfd_has_ended (int pidfd);

G_END_DECLS
