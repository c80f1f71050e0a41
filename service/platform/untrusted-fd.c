/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/untrusted-fd.h"

#include "base/error.h"
#include "base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_CLOSERS 32 /* threads; what they wait for keeps no place in the table of fds */
#define MAX_EACH    2  /* of these, for one user */
#define MAX_UNKNOWN 16 /* of these, for all of whom nobody knows who they are */
#define NO_USER     G_MAXUINT32

/* Numbers of devices, as devices.txt of the kernel has them. */
#define MEMORY_DEVICES 1
#define NULL_DEVICE    3
#define TTY_DEVICES    5
#define PTMX_DEVICE    2
#define PTY_FIRST      136 /* the slaves of Unix98 */
#define PTY_LAST       143

typedef struct {
  int fd;
  guint32 user;
} Closing;

static GMutex mutex;
static GThreadPool *closers;
static GHashTable *users;             /* fd → whose it is */
static GHashTable *busy;              /* uid → how many closers he has */
static GQueue waiting = G_QUEUE_INIT; /* Closing, of those who have that many */

static void
add_busy (guint32 user, int by)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (busy, GUINT_TO_POINTER (user))) + (guint)by;

  if (n > 0)
    g_hash_table_insert (busy, GUINT_TO_POINTER (user), GUINT_TO_POINTER (n));
  else
    g_hash_table_remove (busy, GUINT_TO_POINTER (user));
}

static void
begin_closing (Closing *closing)
{
  add_busy (closing->user, 1);
  /* Without a new thread it waits for one of those that are there. */
  g_thread_pool_push (closers, closing, NULL);
}

static int
compare_users (gconstpointer closing, gconstpointer user)
{
  return ((const Closing *)closing)->user != GPOINTER_TO_UINT (user);
}

static void
close_one (gpointer data, gpointer user_data)
{
  g_autofree Closing *closing = data;
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = NULL;
  GList *next;

  close (closing->fd);
  locker = g_mutex_locker_new (&mutex);
  add_busy (closing->user, -1);
  next = g_queue_find_custom (&waiting, GUINT_TO_POINTER (closing->user), compare_users);
  if (next) {
    Closing *wanted = next->data;

    g_queue_delete_link (&waiting, next);
    begin_closing (wanted);
  }
}

/*
 * Whether closing FD waits for nobody, so that it needs no thread: a pipe, a terminal, /dev/null. What is left may be on a
 * file system that a user serves, a deleted file whose space is given back first, a connection that he lets linger, or
 * a socket that has such ones in its queue. Asking does not wait either: the kernel answers from what it has.
 */
static gboolean
closes_at_once (int fd)
{
  struct statx found;

  if (statx (fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &found) < 0)
    return FALSE;
  if (S_ISFIFO (found.stx_mode))
    return TRUE;
  return S_ISCHR (found.stx_mode) &&
         ((found.stx_rdev_major >= PTY_FIRST && found.stx_rdev_major <= PTY_LAST) ||
          (found.stx_rdev_major == TTY_DEVICES && found.stx_rdev_minor == PTMX_DEVICE) ||
          (found.stx_rdev_major == MEMORY_DEVICES && found.stx_rdev_minor == NULL_DEVICE));
}

/* With the mutex. */
static void
ensure_tables (void)
{
  if (closers)
    return;
  closers = g_thread_pool_new (close_one, NULL, MAX_CLOSERS, FALSE, NULL);
  users = g_hash_table_new (NULL, NULL);
  busy = g_hash_table_new (NULL, NULL);
}

void
bothy_untrusted_fd_close (int fd)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = NULL;
  gpointer user = GUINT_TO_POINTER (NO_USER);
  Closing *closing;

  if (fd < 0)
    return;
  locker = g_mutex_locker_new (&mutex);
  ensure_tables ();
  g_hash_table_steal_extended (users, GINT_TO_POINTER (fd), NULL, &user);
  if (closes_at_once (fd)) {
    g_clear_pointer (&locker, g_mutex_locker_free);
    close (fd);
    return;
  }
  closing = g_new0 (Closing, 1);
  closing->fd = fd;
  closing->user = GPOINTER_TO_UINT (user);
  /* What nobody is known to have sent shares half of the closers: two would keep everybody waiting, and all of them
     everybody who is known. */
  if (GPOINTER_TO_UINT (g_hash_table_lookup (busy, user)) <
      (closing->user == NO_USER ? MAX_UNKNOWN : MAX_EACH))
    begin_closing (closing);
  else
    g_queue_push_tail (&waiting, closing);
}

void
bothy_untrusted_fds_set_user (GUnixFDList *list, guint32 user)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&mutex);
  const int *fds = list ? g_unix_fd_list_peek_fds (list, NULL) : NULL;

  ensure_tables ();
  for (int i = 0; fds && fds[i] >= 0; i++)
    g_hash_table_insert (users, GINT_TO_POINTER (fds[i]), GUINT_TO_POINTER (user));
}

int
bothy_untrusted_fd_dup (int fd, GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&mutex);
  int copy = bothy_fd_dup (fd, error);
  gpointer user;

  ensure_tables ();
  if (copy >= 0 && g_hash_table_lookup_extended (users, GINT_TO_POINTER (fd), NULL, &user))
    g_hash_table_insert (users, GINT_TO_POINTER (copy), user);
  return copy;
}

static void
close_all (GUnixFDList *list)
{
  int n;
  g_autofree int *fds = g_unix_fd_list_steal_fds (list, &n);

  for (int i = 0; i < n; i++)
    bothy_untrusted_fd_close (fds[i]);
}

void
bothy_untrusted_fds_free (GUnixFDList *list)
{
  close_all (list);
  g_object_unref (list);
}

typedef GUnixFDList BothyUntrustedFdList;
typedef GUnixFDListClass BothyUntrustedFdListClass;

static GType bothy_untrusted_fd_list_get_type (void);
G_DEFINE_TYPE (BothyUntrustedFdList, bothy_untrusted_fd_list, G_TYPE_UNIX_FD_LIST)

static void
bothy_untrusted_fds_dispose (GObject *object)
{
  close_all (G_UNIX_FD_LIST (object));
  G_OBJECT_CLASS (bothy_untrusted_fd_list_parent_class)->dispose (object);
}

static void
bothy_untrusted_fd_list_class_init (BothyUntrustedFdListClass *class)
{
  G_OBJECT_CLASS (class)->dispose = bothy_untrusted_fds_dispose;
}

static void
bothy_untrusted_fd_list_init (BothyUntrustedFdList *self)
{
}

GUnixFDList *
bothy_untrusted_fds_new (void)
{
  return g_object_new (bothy_untrusted_fd_list_get_type (), NULL);
}

int
bothy_untrusted_fds_append (GUnixFDList *list, int fd, GError **error)
{
  int index = g_unix_fd_list_append (list, fd, error);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = NULL;
  gpointer user;

  if (index < 0) {
    bothy_error_adopt (error, "Keeping a file descriptor");
    return -1;
  }
  locker = g_mutex_locker_new (&mutex);
  ensure_tables ();
  if (g_hash_table_lookup_extended (users, GINT_TO_POINTER (fd), NULL, &user))
    g_hash_table_insert (users, GINT_TO_POINTER (g_unix_fd_list_peek_fds (list, NULL)[index]), user);
  return index;
}

gboolean
bothy_untrusted_fd_stat (int fd, mode_t *ret_mode, guint64 *ret_size)
{
  struct statx found;

  if (statx (fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_SIZE, &found) < 0)
    return FALSE;
  *ret_mode = found.stx_mode;
  *ret_size = found.stx_size;
  return TRUE;
}
