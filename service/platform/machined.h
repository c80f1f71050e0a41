/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * What systemd-machined knows of containers, for machinectl and journalctl -M. It is told where it runs, and whenever it begins
 * to; it is not started for that: a container is there without it, and it would stay as long as there is one.
 */
typedef struct _BothyMachined BothyMachined;

/* Watch, by way of SYSTEM_BUS, until the process ends; APPEARED is called with DATA when there is a machined to tell, which knows
   of nothing. (transfer full) */
BothyMachined *
bothy_machined_new (GDBusConnection *system_bus, void (*appeared) (gpointer data), gpointer data);

/* Whether there is one. */
gboolean bothy_machined_is_there (BothyMachined *self);

/* The machine NAME, whose first process has the pid LEADER, is the container ID (a uuid). What machined does not take is told in
   the log. */
void bothy_machined_register (BothyMachined *self, const char *name, const char *id, guint32 leader);

/* There is no machine NAME any more. */
void bothy_machined_unregister (BothyMachined *self, const char *name);

G_END_DECLS
