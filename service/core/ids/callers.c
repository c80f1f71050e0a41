/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ids/callers.h"

#include "base/error.h"
#include "core/ids/accounts.h"
#include "core/ids/conflicts.h"

#include <pwd.h>
#include <string.h>

#define BUFFER_SIZE  65536
#define KEEP_SECONDS 60   /* that a uid may call */
#define MAX_KNOWN    4096 /* uids; then all are looked at anew */

/*
 * What systemd keeps for users in containers and for those that come and go. Accounts of such ids are made up:
 * nss-mymachines(8) calls them vu-MACHINE-ID, and systemd-nsresourced(8), which gives any user namespaces with ids of
 * his own, ns-NAMESPACE-ID, by way of nss-systemd(8).
 */
#define CONTAINER_FIRST 524288u
#define CONTAINER_LAST  1879048191u
#define DYNAMIC_FIRST   61184u
#define DYNAMIC_LAST    65519u

/* The ids that files of containers have on disk, to systemd: nss-systemd(8) calls them foreign-ID. Nobody is one. */
#define FOREIGN_FIRST 2147352576u
#define FOREIGN_LAST  2147418111u

struct _BothyCallers {
  gatomicrefcount references;
  BothyRanges *ranges;
  GHashTable *good; /* uid → until when, in seconds of g_get_monotonic_time() */
};

static void
callers_unref (BothyCallers *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_hash_table_unref (self->good);
  g_object_unref (self->ranges);
  g_free (self);
}

BothyCallers *
bothy_callers_new (BothyRanges *ranges)
{
  BothyCallers *self = g_new0 (BothyCallers, 1);

  g_atomic_ref_count_init (&self->references);
  self->ranges = g_object_ref (ranges);
  self->good = g_hash_table_new (NULL, NULL);
  return self;
}

void
bothy_callers_free (BothyCallers *self)
{
  callers_unref (self);
}

static guint
now (void)
{
  return (guint)(g_get_monotonic_time () / G_USEC_PER_SEC);
}

static gboolean
is_made_up (guint32 uid, const char *name)
{
  const char *end = strrchr (name, '-');
  gboolean in_containers = uid >= CONTAINER_FIRST && uid <= CONTAINER_LAST;
  gboolean comes_and_goes = uid >= DYNAMIC_FIRST && uid <= DYNAMIC_LAST;

  if (bothy_accounts_is_ours (uid, name))
    return TRUE;
  if (!in_containers && !comes_and_goes)
    return FALSE;
  /* A directory server may have people in that range; none of them ends like that. */
  return (in_containers && g_str_has_prefix (name, "vu-")) ||
         (g_str_has_prefix (name, "ns-") && end[1] && strspn (end + 1, "0123456789") == strlen (end + 1));
}

/*
 * FALSE and NOT_AUTHORIZED, or why NSS does not say. Nobody else is asked: accounts that come from userdb
 * (systemd-homed's, say) are in NSS by way of nss-systemd(8), which asks each of userdb's services. Without that module
 * there is nobody to let in, for login, sshd and dbus-daemon know accounts from NSS alone.
 */
static gboolean
check_account (guint32 uid, GError **error)
{
  g_autofree char *buffer = g_malloc (BUFFER_SIZE);
  struct passwd entry, *found = NULL;
  int number = getpwuid_r (uid, &entry, buffer, BUFFER_SIZE, &found);

  if (found && !is_made_up (uid, found->pw_name))
    return TRUE;
  /* See getpwuid(3) for what "not found" looks like. */
  if (found || bothy_accounts_is_none (number))
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
                 "Only accounts of this machine may call, and uid %u has none", uid);
  else
    bothy_error_set_errno (error, number, "Looking for your account");
  return FALSE;
}

static void
check_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  guint32 uid = GPOINTER_TO_UINT (task_data);
  GError *error = NULL;

  if (bothy_conflicts_check_subordinate (uid, &error) && check_account (uid, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* UID is that of who may be a container's process; or else somebody got an account among ids that had been given out. */
static GError *
make_refusal (guint32 uid)
{
  guint32 first = uid - uid % BOTHY_RANGE_SIZE;

  return g_error_new (BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
                      "Only accounts of this machine may call, and uid %u is one of a container's, which has "
                      "the ids from %u to "
                      "%u; if it is an account's as well, an administrator has to free them (\"bothy range "
                      "reclaim %u\") and give "
                      "containers other ids (Base= in bothyd.conf)",
                      uid, first, first + BOTHY_RANGE_SIZE - 1, first);
}

typedef struct {
  BothyCallers *callers;
  GTask *task;
  guint32 uid;
} Check;

static void
check_free (Check *check)
{
  callers_unref (check->callers);
  g_object_unref (check->task);
  g_free (check);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Check, check_free)

static void
on_kept_clear (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Check) check = user_data;
  GHashTable *good = check->callers->good;

  if (!bothy_ranges_keep_clear_of_finish (BOTHY_RANGES (source), result)) {
    g_task_return_error (check->task, make_refusal (check->uid));
    return;
  }
  if (g_hash_table_size (good) >= MAX_KNOWN)
    g_hash_table_remove_all (good);
  g_hash_table_insert (good, GUINT_TO_POINTER (check->uid), GUINT_TO_POINTER (now () + KEEP_SECONDS));
  g_task_return_boolean (check->task, TRUE);
}

static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Check) check = user_data;
  BothyRanges *ranges = check->callers->ranges;
  guint32 uid = check->uid;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    bothy_ranges_keep_clear_of (ranges, uid, on_kept_clear, g_steal_pointer (&check));
  else
    g_task_return_error (check->task, error);
}

void
bothy_callers_check (BothyCallers *self, guint32 uid, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  g_autoptr (GTask) thread = NULL;
  Check *check;

  if (uid == 0 || GPOINTER_TO_UINT (g_hash_table_lookup (self->good, GUINT_TO_POINTER (uid))) > now ()) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  if (bothy_ranges_is_given (self->ranges, uid) || (uid >= FOREIGN_FIRST && uid <= FOREIGN_LAST)) {
    g_task_return_error (task, make_refusal (uid));
    return;
  }
  check = g_new0 (Check, 1);
  check->callers = self;
  g_atomic_ref_count_inc (&self->references);
  check->task = g_object_ref (task);
  check->uid = uid;
  thread = g_task_new (NULL, NULL, on_checked, check);
  g_task_set_task_data (thread, GUINT_TO_POINTER (uid), NULL);
  g_task_run_in_thread (thread, check_in_thread);
}

gboolean
bothy_callers_check_finish (BothyCallers *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
