/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/byhand/netns.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/per-user.h"
#include "platform/untrusted-fd.h"

#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Of one user at once: files that do not answer keep threads. */
#define MAX_CHECKS 4

typedef struct {
  int fd;
  guint32 user;
  void (*next) (GTask *task);
  GTask *task;
} Check;

static BothyPerUser *checks;

static void
check_free (Check *check)
{
  bothy_untrusted_fd_clear (&check->fd);
  g_object_unref (check->task);
  g_free (check);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Check, check_free)

static gboolean
is_network_namespace (int fd)
{
  struct statfs file_system;

  /* First what file system it is: an ioctl means something else to other files. */
  return fstatfs (fd, &file_system) == 0 && file_system.f_type == NSFS_MAGIC &&
         ioctl (fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

/* The host's own namespaces, and those that root made without a user namespace, belong to the host's. */
static gboolean
belongs_to (int fd, guint32 user)
{
  autofd namespace = ioctl (fd, NS_GET_USERNS);
  struct stat theirs, ours;
  uid_t owner;

  return namespace >= 0 && fstat (namespace, &theirs) == 0 && stat ("/proc/self/ns/user", &ours) == 0 &&
         (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev) &&
         ioctl (namespace, NS_GET_OWNER_UID, &owner) == 0 && owner == user;
}

static void
check (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const Check *wanted = task_data;

  if (!is_network_namespace (wanted->fd))
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                             "netns: an fd of a network namespace is wanted, such as /proc/PID/ns/net");
  else if (!belongs_to (wanted->fd, wanted->user))
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
                             "This network namespace is of no user namespace that you made");
  else
    g_task_return_boolean (task, TRUE);
}

static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Check) wanted = user_data;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    wanted->next (wanted->task);
  else
    g_task_return_error (wanted->task, error);
  bothy_per_user_release (checks, wanted->user);
}

/* It is the user's turn. */
static void
run_check (gpointer wanted)
{
  g_autoptr (GTask) thread = g_task_new (NULL, NULL, on_checked, wanted);

  g_task_set_task_data (thread, wanted, NULL);
  g_task_run_in_thread (thread, check);
}

void
bothy_netns_prove (int netns_fd, guint32 user, void (*next) (GTask *task), GTask *task)
{
  GError *error = NULL;
  int copy = bothy_untrusted_fd_dup (netns_fd, &error);
  Check *wanted;

  if (copy < 0) {
    g_task_return_error (task, error);
    return;
  }
  wanted = g_new0 (Check, 1);
  wanted->fd = copy;
  wanted->user = user;
  wanted->next = next;
  wanted->task = g_object_ref (task);
  if (!checks)
    checks = bothy_per_user_new (MAX_CHECKS, 0);
  bothy_per_user_wait (checks, user, run_check, wanted);
}
