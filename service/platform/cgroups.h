/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "platform/helper.h"
#include "platform/limits.h"

G_BEGIN_DECLS

/*
 * A control group for each running container, given to the container's root: made by
 * systemd as a delegated scope in the owner's slice, or in the plain cgroup2 tree.
 * "Group" below is the path under the cgroup2 mount, such as
 * /user.slice/user-1000.slice/bothy-UUID-N.scope.
 */
#define BOTHY_TYPE_CGROUPS (bothy_cgroups_get_type ())
G_DECLARE_DERIVABLE_TYPE (BothyCgroups, bothy_cgroups, BOTHY, CGROUPS, GObject)

/* How the names of groups that are no container's go on. */
#define BOTHY_CGROUPS_HAND "hand-"

/* What a group is made for. */
typedef struct {
  guint32 owner;
  guint32 base;           /* the uid that it is given to */
  int pid;                /* a process of ours, which is put into it */
  BothyLimits limits;     /* of the group */
  BothyLimits of_user;    /* of all groups of the owner together */
} BothyCgroupSpec;

struct _BothyCgroupsClass {
  GObjectClass parent_class;
  /* Make the group NAME; return its path through TASK. */
  void (*start) (BothyCgroups *self, const char *name, const BothyCgroupSpec *spec, GTask *task);
  /* Make the group NAME for USER with his process PIDFD in it, given to the uid OWNER; return its path through TASK. */
  void (*delegate) (BothyCgroups *self, const char *name, guint32 user, guint32 owner, int pidfd, GTask *task);
  /* Return TRUE through TASK. */
  void (*limit) (BothyCgroups *self, const char *group, const BothyLimits *limits, GTask *task);
  void (*kill) (BothyCgroups *self, const char *group);
  void (*remove) (BothyCgroups *self, const char *group);
};

/* The one for this machine: systemd's where it is PID 1 (then SYSTEM_BUS is used), else plain. */
BothyCgroups *bothy_cgroups_new (GDBusConnection *system_bus, BothyHelper *helper);

gboolean bothy_cgroups_is_systemd (void);

/* Where cgroup2 is mounted; NULL: it is not. */
const char *bothy_cgroups_mount (void);

/* Make a new group for the container ID. SPEC is copied. */
void bothy_cgroups_start (BothyCgroups *self, const char *id, const BothyCgroupSpec *spec,
                          GAsyncReadyCallback callback, gpointer user_data);

/* The group's path, or NULL. */
char *bothy_cgroups_start_finish (BothyCgroups *self, GAsyncResult *result, GError **error);

/* Put the process PIDFD, which has to be USER's, into a new group that belongs to the uid OWNER and is his to
   fill: nobody removes it but systemd, or the next call of USER's. Finish with bothy_cgroups_start_finish(). */
void bothy_cgroups_delegate (BothyCgroups *self, guint32 user, guint32 owner, int pidfd,
                             GAsyncReadyCallback callback, gpointer user_data);

/* From now on LIMITS hold for GROUP; what they do not limit is not limited any more. */
void bothy_cgroups_limit (BothyCgroups *self, const char *group, const BothyLimits *limits,
                          GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_cgroups_limit_finish (BothyCgroups *self, GAsyncResult *result, GError **error);

/* Open GROUP's directory, or -1. */
int bothy_cgroups_open (const char *group);

/* Kill whatever is in GROUP; does not wait. */
void bothy_cgroups_kill (BothyCgroups *self, const char *group);

/* Tidy up after the last process of GROUP is gone. */
void bothy_cgroups_remove (BothyCgroups *self, const char *group);

/* The container whose group PID is in, as its uuid; NULL: none. */
char *bothy_cgroups_container_of (guint32 pid);

G_END_DECLS
