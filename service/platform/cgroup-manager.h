/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "platform/helper-client.h"
#include "platform/cgroup-limits.h"

G_BEGIN_DECLS

/*
 * A control group for each running container, given to the container's root: a delegated
 * scope of systemd's in the owner's slice, or one in the plain cgroup2 tree. "Group"
 * below is the path under the cgroup2 mount, such as
 * /user.slice/user-1000.slice/bothy-NONCE.scope.
 *
 * Signals: "settled" (): no group waits for its last process any more.
 */
#define BOTHY_TYPE_CGROUP_MANAGER (bothy_cgroup_manager_get_type ())
G_DECLARE_DERIVABLE_TYPE (BothyCgroupManager, bothy_cgroup_manager, BOTHY, CGROUP_MANAGER, GObject)

/* What the names of groups begin with, and how those of groups that are no container's go on. */
#define BOTHY_CGROUP_MANAGER_PREFIX  "bothy-"
#define BOTHY_CGROUP_MANAGER_HAND    "hand-"
#define BOTHY_CGROUP_MANAGER_PARSERS "parsers"

/* What a group is made for. */
typedef struct {
  guint32 owner;
  guint32 base;              /* the uid that it is given to */
  const char *id;            /* the container's, or BOTHY_CGROUP_MANAGER_PARSERS */
  BothyCgroupLimits limits;  /* of the group, or of what is likely to be asked for */
  BothyCgroupLimits of_user; /* of all groups of the owner together */
  gboolean is_fresh;         /* it is no container's: none that is kept ready for one is taken */
} BothyCgroupSpec;

/* A group that no container is in yet. It goes when it is freed and no process is in it. */
typedef struct {
  char *path;
  GUnixFDList
      *fds; /* that are given to the container's root: the first is where its supervisor is to be born */
  BothyCgroupLimits limits; /* that hold in it already */
  gpointer holder;          /* who keeps it, or NULL */
  GDestroyNotify let_go;
} BothyCgroup;

/* Frees what is known of the control group; the group itself stays. */
void bothy_cgroup_free (BothyCgroup *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyCgroup, bothy_cgroup_free)

struct _BothyCgroupManagerClass {
  GObjectClass parent_class;
  /* NULL: nothing can be done ahead. */
  void (*prepare) (BothyCgroupManager *self, const BothyCgroupSpec *spec);
  /* Return a BothyCgroup through TASK. */
  void (*start) (BothyCgroupManager *self, const BothyCgroupSpec *spec, GTask *task);
  /* Let the limits of SPEC hold in GROUP; return TRUE through TASK. */
  void (*bound) (BothyCgroupManager *self,
                 const BothyCgroup *group,
                 const BothyCgroupSpec *spec,
                 GTask *task);
  /* Say to people that GROUP is that of the container ID; NULL: nobody asks. */
  void (*describe) (BothyCgroupManager *self, const char *group, const char *id);
  /* Remove what was made ahead, or left, and is in none of the groups KEPT; NULL: nothing is. */
  void (*sweep) (BothyCgroupManager *self, GHashTable *kept);
  /* Whether GROUP is one that USER's own processes are in, and no service of the machine's. */
  gboolean (*is_of_user) (BothyCgroupManager *self, const char *group, guint32 user);
  /* Make the group NAME for USER with his process PIDFD in it, given to the uid OWNER; return its path through TASK. */
  void (*delegate) (
      BothyCgroupManager *self, const char *name, guint32 user, guint32 owner, int pidfd, GTask *task);
  /* Return TRUE through TASK. */
  void (*limit) (BothyCgroupManager *self, const char *group, const BothyCgroupLimits *limits, GTask *task);
  void (*kill) (BothyCgroupManager *self, const char *group);
  void (*remove) (BothyCgroupManager *self, const char *group);
};

/* For subclasses: a new manager of the class TYPE, (transfer full), and the helper that it was given (transfer none). */
BothyCgroupManager *bothy_cgroup_manager_construct (GType type, BothyHelperClient *helper);

/* Returns (transfer none): the helper that the manager was given. */
BothyHelperClient *bothy_cgroup_manager_get_helper (BothyCgroupManager *self);

/* For subclasses: the removal of a group, which waits for its last process, has begun (BY 1) or ended (BY -1). */
void bothy_cgroup_manager_count_removal (BothyCgroupManager *self, int by);

/* Whether no group waits to be removed: nobody else would do it. */
gboolean bothy_cgroup_manager_is_idle (BothyCgroupManager *self);

/* Whether systemd is PID 1, so that control groups are its to make. */
gboolean bothy_cgroup_manager_is_systemd (void);

/* Where cgroup2 is mounted, or NULL if it is not. */
const char *bothy_cgroup_manager_mount (void);

/* The part of GROUP, a container's, for what works on its files from outside: groups.h. An fd, -1 with an error. */
int bothy_cgroup_manager_open_copies (const char *group, GError **error);

/* Whether cgroup2 has the controller NAME on this machine, looked at once. Where it is NULL, nothing is wanted of it. */
gboolean bothy_cgroup_manager_has_controller (const char *name);

/* Remove what an earlier broker made ahead and had no use for, or did not come to remove. KEPT: a set of groups that containers have. */
void bothy_cgroup_manager_sweep (BothyCgroupManager *self, GHashTable *kept);

/* A container as SPEC says is likely to be started soon. SPEC's owner and limits are looked at. */
void bothy_cgroup_manager_prepare (BothyCgroupManager *self, const BothyCgroupSpec *spec);

/* Make a new group for a container. SPEC is copied. */
void bothy_cgroup_manager_start (BothyCgroupManager *self,
                                 const BothyCgroupSpec *spec,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);

/* The group, or NULL. */
BothyCgroup *
bothy_cgroup_manager_start_finish (BothyCgroupManager *self, GAsyncResult *result, GError **error);

/* The container's supervisor is in GROUP: give that to the container's root, and see to it that the limits
   hold before the container itself goes in. */
void bothy_cgroup_manager_settle (BothyCgroupManager *self,
                                  const BothyCgroup *group,
                                  const BothyCgroupSpec *spec,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
gboolean bothy_cgroup_manager_settle_finish (BothyCgroupManager *self, GAsyncResult *result, GError **error);

/* From now on GROUP is shown to be that of the container ID. Who answers for that does so when there is time. */
void bothy_cgroup_manager_describe (BothyCgroupManager *self, const char *group, const char *id);

/* Whether GROUP, a path, is one that USER's own processes are in: with systemd his slice, or what is below. Elsewhere a
   service of the machine's may be, and what bounds that is not his to leave. */
gboolean bothy_cgroup_manager_is_of_user (BothyCgroupManager *self, const char *group, guint32 user);

/* Put the process PIDFD, which has to be USER's, into a new group that belongs to the uid OWNER and is his to
   fill: nobody removes it but systemd, or the next call of USER's. Its result is the group's path (transfer full). */
void bothy_cgroup_manager_delegate (BothyCgroupManager *self,
                                    guint32 user,
                                    guint32 owner,
                                    int pidfd,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);

/* From now on LIMITS hold for GROUP; what they do not limit is not limited any more. */
void bothy_cgroup_manager_limit (BothyCgroupManager *self,
                                 const char *group,
                                 const BothyCgroupLimits *limits,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
gboolean bothy_cgroup_manager_limit_finish (BothyCgroupManager *self, GAsyncResult *result, GError **error);

/* Open GROUP's directory, or -1. */
int bothy_cgroup_manager_open (const char *group);

/* Kill whatever is in GROUP; does not wait. */
void bothy_cgroup_manager_kill (BothyCgroupManager *self, const char *group);

/* Tidy up after the last process of GROUP is gone. */
void bothy_cgroup_manager_remove (BothyCgroupManager *self, const char *group);

/* The group that PID is in; NULL: none. */
char *bothy_cgroup_manager_of_process (guint32 pid);

/* Whether GROUP is WITHIN or below it. */
gboolean bothy_cgroup_manager_is_within (const char *group, const char *within);

G_END_DECLS
