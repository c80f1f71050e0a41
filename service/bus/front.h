/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Connect this process to the system bus, through a thread of ours that stands before GDBus.
 *
 * GDBus builds a GVariant for each value of a message before anybody can say that nobody wants it: a
 * message of five megabytes that is full of small variants becomes three hundred megabytes of memory, and
 * anybody may send one. The thread reads only the header of what comes from the bus, and lets through what
 * an honest caller could have sent: calls and signals of up to BOTHY_FRONT_MAX_CALL bytes, calls whose
 * arguments are few, or of a signature that some method of ours takes, signals without file descriptors. Whoever
 * calls with something else gets LimitsExceeded from the thread; none of it is ever in memory as a whole.
 *
 * All that asks for the system bus in this process afterwards, such as polkit's and NetworkManager's
 * libraries, gets this connection.
 *
 * Returns: (transfer full): the connection, or NULL with ERROR.
 */
GDBusConnection *bothy_front_connect (GError **error);

/* How large a call or a signal may be, in bytes with its header. The largest honest one is an Exec with as
   many arguments and variables as the kernel takes from us. */
#define BOTHY_FRONT_MAX_CALL (256 * 1024)

G_END_DECLS
