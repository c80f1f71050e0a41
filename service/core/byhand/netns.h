/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Prove, from the fd alone, that NETNS_FD is a network namespace of a user namespace that USER made. Then call NEXT
   with TASK in the main loop, else fail TASK with INVALID_ARGS or NOT_YOURS. It is looked at in a thread, since the
   file could be one whose file system does not answer. NETNS_FD and TASK stay the caller's. */
void bothy_netns_prove (int netns_fd, guint32 user, void (*next) (GTask *task), GTask *task);

G_END_DECLS
