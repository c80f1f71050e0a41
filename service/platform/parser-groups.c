/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/parser-groups.h"

#include "base/error.h"
#include "base/fd.h"
#include "wire/groups.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define KEEP_SECONDS 10 /* after the last parser */
#define MAX_MEMORY   (G_GUINT64_CONSTANT (1) << 30)
#define MAX_TASKS                                                                                            \
  64 /* a user's operations have some five each, and what hangs in a file of his stays for a while */
#define WEIGHT 50 /* of processors and disks: half of what his containers have */

struct _BothyParserGroups {
  BothyCgroupManager *manager;
  GHashTable *users; /* uid → User */
  BothyParserLimits of_user;
  gpointer data; /* of OF_USER */
};

/* One user's group. */
typedef struct {
  grefcount references;
  BothyParserGroups *groups; /* which has us; NULL: it let go of us */
  guint32 uid;
  BothyCgroup *group; /* NULL: it is being made */
  GPtrArray *waiting; /* GTask, of who waits for that */
  guint expiry;       /* timer */
} User;

static void
user_unref (User *self)
{
  if (!g_ref_count_dec (&self->references))
    return;
  g_clear_pointer (&self->group, bothy_cgroup_free);
  g_ptr_array_unref (self->waiting);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (User, user_unref)

static void
let_go (User *self)
{
  BothyParserGroups *groups = g_steal_pointer (&self->groups);

  g_clear_handle_id (&self->expiry, g_source_remove);
  if (self->group) {
    g_autofree char *path = g_strdup (self->group->path);

    g_clear_pointer (&self->group, bothy_cgroup_free);
    bothy_cgroup_manager_remove (groups->manager, path);
  }
  user_unref (self);
}

/* Where its programs are: not the group itself, which hands its controllers on. -1: it is gone. */
static int
open_inner (const User *self)
{
  g_autofree char *path = g_strconcat (self->group->path, "/" GROUPS_SUPERVISOR, NULL);

  return bothy_cgroup_manager_open (path);
}

/* Whether there is a process in it but for its holder. */
static gboolean
is_used (const User *self)
{
  char text[512];
  autofd group = open_inner (self);
  autofd file = group < 0 ? -1 : openat (group, "cgroup.procs", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  ssize_t length = file < 0 ? 0 : read (file, text, sizeof text);
  guint n = 0;

  for (ssize_t i = 0; i < length; i++)
    n += text[i] == '\n';
  return n > (self->group->holder ? 1 : 0);
}

static gboolean
on_expired (gpointer user_data)
{
  User *self = user_data;

  if (is_used (self))
    return G_SOURCE_CONTINUE;
  self->expiry = 0;
  g_hash_table_remove (self->groups->users, GUINT_TO_POINTER (self->uid));
  return G_SOURCE_REMOVE;
}

/* Anew with each parser: who opened the group has put nothing into it yet. */
static void
expect_expiry (User *self)
{
  g_clear_handle_id (&self->expiry, g_source_remove);
  self->expiry = g_timeout_add_seconds (KEEP_SECONDS, on_expired, self);
}

static void
answer (User *self, GTask *task)
{
  GError *error = NULL;
  int fd = open_inner (self);

  if (fd >= 0) {
    g_task_return_int (task, fd);
    return;
  }
  bothy_error_set_errno (&error, errno, "Opening the control group of your parsers");
  g_task_return_error (task, error);
}

static void
on_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (User) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) waiting = g_steal_pointer (&self->waiting);

  self->group = bothy_cgroup_manager_start_finish (BOTHY_CGROUP_MANAGER (source), result, &error);
  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  if (self->group)
    bothy_cgroup_manager_describe (BOTHY_CGROUP_MANAGER (source), self->group->path,
                                   BOTHY_CGROUP_MANAGER_PARSERS);
  for (guint i = 0; i < waiting->len; i++) {
    if (self->group)
      answer (self, waiting->pdata[i]);
    else
      g_task_return_error (waiting->pdata[i], g_error_copy (error));
  }
  if (self->groups && self->group)
    expect_expiry (self);
  else if (self->groups)
    g_hash_table_remove (self->groups->users, GUINT_TO_POINTER (self->uid));
}

static void
bound (BothyCgroupLimits *limits, BothyCgroupLimit limit, guint64 value)
{
  /* Where a machine has no such controller, it goes without: each parser bounds itself as well. */
  limits->preset |= 1u << limit;
  limits->values[limit] = value;
}

static User *
user_new (BothyParserGroups *groups, guint32 uid)
{
  BothyCgroupSpec spec = { .owner = uid, .id = BOTHY_CGROUP_MANAGER_PARSERS, .is_fresh = TRUE };
  User *self = g_new0 (User, 1);

  g_ref_count_init (&self->references);
  self->groups = groups;
  self->uid = uid;
  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  groups->of_user (uid, &spec.of_user, groups->data);
  bound (&spec.limits, BOTHY_LIMIT_MEMORY, MAX_MEMORY);
  bound (&spec.limits, BOTHY_LIMIT_SWAP, 0);
  bound (&spec.limits, BOTHY_LIMIT_CPU_WEIGHT, WEIGHT);
  bound (&spec.limits, BOTHY_LIMIT_IO_WEIGHT, WEIGHT);
  bound (&spec.limits, BOTHY_LIMIT_PIDS, MAX_TASKS);
  g_hash_table_insert (groups->users, GUINT_TO_POINTER (uid), self);
  g_ref_count_inc (&self->references);
  bothy_cgroup_manager_start (groups->manager, &spec, on_made, self);
  return self;
}

void
bothy_parser_groups_open (gpointer groups, guint32 user, GAsyncReadyCallback callback, gpointer user_data)
{
  BothyParserGroups *self = groups;
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  User *known = g_hash_table_lookup (self->users, GUINT_TO_POINTER (user));
  autofd there = known && known->group ? open_inner (known) : -1;

  /* Somebody else may have ended it: with his session, say. */
  if (known && known->group && there < 0) {
    g_hash_table_remove (self->users, GUINT_TO_POINTER (user));
    known = NULL;
  }
  if (!known)
    known = user_new (self, user);
  if (known->group) {
    expect_expiry (known);
    g_task_return_int (task, g_steal_fd (&there));
  } else
    g_ptr_array_add (known->waiting, g_steal_pointer (&task));
}

BothyParserGroups *
bothy_parser_groups_new (BothyCgroupManager *manager, BothyParserLimits of_user, gpointer data)
{
  BothyParserGroups *self = g_new0 (BothyParserGroups, 1);

  self->manager = g_object_ref (manager);
  self->of_user = of_user;
  self->data = data;
  self->users = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)let_go);
  return self;
}

void
bothy_parser_groups_free (BothyParserGroups *self)
{
  g_hash_table_unref (self->users);
  g_object_unref (self->manager);
  g_free (self);
}
