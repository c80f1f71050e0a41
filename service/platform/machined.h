/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * What systemd-machined knows of containers, for machinectl and journalctl -M. It is told where it runs, and whenever it begins
 * to; it is not started for that: a container is there without it, and it would stay as long as there is one.
 */
typedef struct _BothyMachined BothyMachined;

/* What the watcher of machined's hears, with the DATA that it gave: there is a machined to tell, which knows of nothing; and the
   machine NAME is there no more, whoever took it away. */
typedef struct {
  void (*appeared) (gpointer data);
  void (*removed) (const char *name, gpointer data);
} BothyMachinedEvents;

/* Watch, by way of SYSTEM_BUS, until the process ends; EVENTS (copied) is called with DATA. (transfer full) */
BothyMachined *
bothy_machined_new (GDBusConnection *system_bus, const BothyMachinedEvents *events, gpointer data);

/* Whether there is one. */
gboolean bothy_machined_is_there (BothyMachined *self);

/* The machine NAME, whose first process has the pid LEADER and is in the control group GROUP, is the container ID (a uuid). One
   that machined knows already is taken for it if id and leader are the same: an earlier bothyd told of it. */
void bothy_machined_register (BothyMachined *self,
                              const char *name,
                              const char *id,
                              guint32 leader,
                              const char *group,
                              GAsyncReadyCallback callback,
                              gpointer user_data);

/* Whether machined has the machine NAME, and it is ours. FALSE: it has none of ours; why is told in the log. */
gboolean bothy_machined_register_finish (BothyMachined *self, GAsyncResult *result);

/* There is no machine NAME any more, which was registered with success: machined would take away anybody's. */
void bothy_machined_unregister (BothyMachined *self, const char *name);

G_END_DECLS
