/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "platform/cgroup-limits.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define BOTHY_SYSTEMD_NAME    "org.freedesktop.systemd1"
#define BOTHY_SYSTEMD_PATH    "/org/freedesktop/systemd1"
#define BOTHY_SYSTEMD_MANAGER BOTHY_SYSTEMD_NAME ".Manager"
#define BOTHY_SYSTEMD_TIMEOUT 20000 /* ms for systemd to answer */

/* Makes delegated scopes in users' slices, and waits for their jobs. */
#define BOTHY_TYPE_SCOPES (bothy_scopes_get_type ())
G_DECLARE_FINAL_TYPE (BothyScopes, bothy_scopes, BOTHY, SCOPES, GObject)

typedef struct {
  const char *name; /* of the unit, without ".scope" */
  const char *description;
  guint32 owner;                   /* in whose slice it is, and whose process PIDFD is */
  gboolean nested;                 /* in the slice of his containers, below his own */
  guint32 user;                    /* to whom the group is given; 0: nobody */
  int pid;                         /* which process is put into it: one of ours, which can not go */
  int pidfd;                       /* or -1: in place of PID */
  const BothyCgroupLimits *limits; /* NULL: none */
} BothyScope;

/* Makes units by way of SYSTEM_BUS. (transfer full) */
BothyScopes *bothy_scopes_new (GDBusConnection *system_bus);

/* Make SCOPE, which is copied, and wait for systemd's job. Fails with START_FAILED, and NOT_YOURS for a PIDFD of
   somebody else's. */
void bothy_scopes_make (BothyScopes *self,
                        const BothyScope *scope,
                        GAsyncReadyCallback callback,
                        gpointer user_data);

/* The path of its group below the cgroup2 mount (transfer full), or NULL and an error. */
char *bothy_scopes_make_finish (BothyScopes *self, GAsyncResult *result, GError **error);

/* The name of the slice that OWNER's scopes are in, NESTED as in BothyScope. (transfer full) */
char *bothy_scopes_slice (guint32 owner, gboolean nested);

/*
 * Ask systemd to stop the scopes of DESCRIPTION that there are now: an earlier broker's. Their holders have ended
 * with it, but systemd keeps a scope whose process died while it was put in. Call it before the first scope is
 * made: systemd answers a connection in order. KEPT is a set of groups (paths) whose scopes are needed, though
 * their descriptions may not have been changed yet.
 */
void bothy_scopes_sweep (BothyScopes *self, const char *description, GHashTable *kept);

G_END_DECLS
