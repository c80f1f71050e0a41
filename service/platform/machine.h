/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * What systemd and its logind say of the machine: who is logged in, and whether it is going down. Signals are only the
 * occasion to ask: what they say themselves counts for nothing. Where nobody answers, nobody is logged in.
 */
typedef struct _BothyMachine BothyMachine;

/* What is told of a user's sessions; those of services, cron and greeters are none. */
typedef struct {
  void (*logged_in) (guint32 uid, gpointer data);  /* UID has a session, and had none that is known */
  void (*logged_out) (guint32 uid, gpointer data); /* UID's last one is over */
  void (*listed) (gpointer data); /* everybody who was logged in when this began has been told */
  void (*seated) (gpointer data); /* somebody else sits at the machine, or nobody, or somebody again */
} BothyMachineEvents;

/* Watch, by way of SYSTEM_BUS; EVENTS, which stay the caller's, are called with DATA. (transfer full) */
BothyMachine *
bothy_machine_new (GDBusConnection *system_bus, const BothyMachineEvents *events, gpointer data);

/* EVENTS are called no more. SELF may not be NULL. */
void bothy_machine_free (BothyMachine *self);

/* Whether UID is logged in, as far as is known. */
gboolean bothy_machine_is_logged_in (BothyMachine *self, guint32 uid);

/* Ask systemd whether the machine is going down. */
void bothy_machine_ask_is_stopping (BothyMachine *self, GAsyncReadyCallback callback, gpointer user_data);

/* It is; FALSE also when nobody answers. */
gboolean bothy_machine_is_stopping_finish (BothyMachine *self, GAsyncResult *result);

G_END_DECLS
