/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/untrusted-fd.h"

#include "base/error.h"
#include "base/fd.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAX_CLOSERS 32 /* threads; what they wait for keeps no place in the table of fds */
#define MAX_EACH    2  /* of these, for one user */
#define MAX_UNKNOWN 4  /* of these, for all of whom nobody knows who they are */
#define NO_USER     G_MAXUINT32

/* What waits for a closer has a place in the table of fds, which has 65,536 (LimitNOFILE= of the unit). An honest user's
   are closed at once. */
#define MAX_STUCK     256
#define MAX_PARKED    64 /* of one connection, before it is known whose it is */
#define MAX_ALL_STUCK 32768
#define MANY_STUCK    8192 /* of all users; from there on each may have a few only */
#define FEW_STUCK     8
#define MAX_NOTED     4096 /* senders; no name on the bus is ever another's */
#define MANY_PARKED   8    /* connections that nobody knows yet and that have sent something */

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

/* What is being closed of one user's. */
typedef struct {
  guint busy;     /* closers at work for him */
  GQueue waiting; /* Closing, for which there is none yet */
} Account;

static GMutex mutex;
static GThreadPool *closers;
static GHashTable *users;    /* fd → whose it is */
static GHashTable *accounts; /* uid → Account, of who has something in it */
static GHashTable *senders;  /* unique name on the bus → uid, of who is known */
static GHashTable *noted;    /* the same, of who was asked about because something hung, and may have left */
static GHashTable *parked;   /* unique name on the bus → GArray of fds, of who is not known yet */
static guint n_stuck;        /* that wait in all accounts */
static BothyUntrustedOverrun overrun;
static gpointer overrun_data;
static gboolean is_overrun; /* and somebody was told */

static void
account_free (gpointer data)
{
  Account *account = data;

  g_queue_clear_full (&account->waiting, g_free);
  g_free (account);
}

static void
array_free (gpointer data)
{
  g_array_unref (data);
}

static Account *
get_account (guint32 user)
{
  Account *account = g_hash_table_lookup (accounts, GUINT_TO_POINTER (user));

  if (!account) {
    account = g_new0 (Account, 1);
    g_hash_table_insert (accounts, GUINT_TO_POINTER (user), account);
  }
  return account;
}

static void
begin_closing (Account *account, Closing *closing)
{
  account->busy++;
  /* Without a new thread it waits for one of those that are there. */
  g_thread_pool_push (closers, closing, NULL);
}

static void
close_one (gpointer data, gpointer user_data)
{
  g_autofree Closing *closing = data;
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = NULL;
  Account *account;
  Closing *next;

  close (closing->fd);
  locker = g_mutex_locker_new (&mutex);
  account = get_account (closing->user);
  account->busy--;
  next = g_queue_pop_head (&account->waiting);
  if (next) {
    n_stuck--;
    begin_closing (account, next);
  } else if (account->busy == 0)
    g_hash_table_remove (accounts, GUINT_TO_POINTER (closing->user));
}

static gboolean
is_terminal (const struct statx *found)
{
  return S_ISCHR (found->stx_mode) &&
         ((found->stx_rdev_major >= PTY_FIRST && found->stx_rdev_major <= PTY_LAST) ||
          (found->stx_rdev_major == TTY_DEVICES && found->stx_rdev_minor == PTMX_DEVICE));
}

/* What is on the kernel's own file system of namespaces may be asked: that one answers. */
gboolean
bothy_untrusted_fd_is_net_namespace (int fd)
{
  struct stat own;
  mode_t mode;
  guint64 device, inode;

  return stat ("/proc/self/ns/net", &own) == 0 && bothy_untrusted_fd_identify (fd, &mode, &device, &inode) &&
         device == own.st_dev && ioctl (fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

/*
 * Whether closing FD waits for nobody, so that it needs no thread: a pipe, a terminal, /dev/null, a network namespace, which the
 * kernel takes down later. What is left may be on a
 * file system that a user serves, a deleted file whose space is given back first, a connection that he lets linger, or
 * a socket that has such ones in its queue. Asking does not wait either: the kernel answers from what it has.
 */
static gboolean
closes_at_once (int fd)
{
  struct statx found;

  if (statx (fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &found) < 0)
    return FALSE;
  if (S_ISFIFO (found.stx_mode) || is_terminal (&found) || bothy_untrusted_fd_is_net_namespace (fd))
    return TRUE;
  return S_ISCHR (found.stx_mode) && found.stx_rdev_major == MEMORY_DEVICES &&
         found.stx_rdev_minor == NULL_DEVICE;
}

gboolean
bothy_untrusted_fd_is_terminal (int fd)
{
  struct statx found;

  return statx (fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &found) == 0 && is_terminal (&found);
}

/* With the mutex. */
static void
ensure_tables (void)
{
  if (closers)
    return;
  closers = g_thread_pool_new (close_one, NULL, MAX_CLOSERS, FALSE, NULL);
  users = g_hash_table_new (NULL, NULL);
  accounts = g_hash_table_new_full (NULL, NULL, NULL, account_free);
  senders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  noted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  parked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, array_free);
}

static gboolean
tell_overrun (gpointer user_data)
{
  overrun (overrun_data);
  return G_SOURCE_REMOVE;
}

/* With the mutex. However they came: who sends what hangs makes no call that gets as far as the router. */
static void
note_stuck (void)
{
  n_stuck++;
  if (n_stuck <= MAX_ALL_STUCK || is_overrun || !overrun)
    return;
  is_overrun = TRUE;
  g_idle_add_full (G_PRIORITY_DEFAULT, tell_overrun, NULL, NULL);
}

/* With the mutex. */
static void
close_for (guint32 user, int fd)
{
  /* What nobody is known to have sent shares a few of the closers; as soon as any of it waits, senders are asked about. */
  guint max = user == NO_USER ? MAX_UNKNOWN : MAX_EACH;
  Account *account = get_account (user);
  Closing *closing = g_new0 (Closing, 1);

  closing->fd = fd;
  closing->user = user;
  if (account->busy < max)
    begin_closing (account, closing);
  else {
    g_queue_push_tail (&account->waiting, closing);
    note_stuck ();
  }
}

void
bothy_untrusted_fd_close (int fd)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = NULL;
  gpointer user = GUINT_TO_POINTER (NO_USER);

  if (fd < 0)
    return;
  locker = g_mutex_locker_new (&mutex);
  ensure_tables ();
  g_hash_table_steal_extended (users, GINT_TO_POINTER (fd), NULL, &user);
  if (!closes_at_once (fd)) {
    close_for (GPOINTER_TO_UINT (user), fd);
    return;
  }
  g_clear_pointer (&locker, g_mutex_locker_free);
  close (fd);
}

static void
park (const char *sender, int fd)
{
  GArray *fds = g_hash_table_lookup (parked, sender);

  if (!fds) {
    fds = g_array_new (FALSE, FALSE, sizeof (int));
    g_hash_table_insert (parked, g_strdup (sender), fds);
  }
  g_array_append_val (fds, fd);
}

/* With the mutex. */
static gboolean
find_sender (const char *sender, gpointer *ret_user)
{
  return sender && (g_hash_table_lookup_extended (senders, sender, NULL, ret_user) ||
                    g_hash_table_lookup_extended (noted, sender, NULL, ret_user));
}

void
bothy_untrusted_fd_close_of (int fd, const char *sender, gboolean expected)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&mutex);
  gpointer user = GUINT_TO_POINTER (NO_USER);
  gboolean known;

  ensure_tables ();
  known = find_sender (sender, &user);
  if (closes_at_once (fd)) {
    g_clear_pointer (&locker, g_mutex_locker_free);
    close (fd);
  } else if (sender && !known && expected)
    park (sender, fd);
  else
    close_for (GPOINTER_TO_UINT (user), fd);
}

/* With the mutex. */
static void
close_parked (const char *sender, guint32 user)
{
  g_autofree char *name = NULL;
  g_autoptr (GArray) fds = NULL;

  if (!g_hash_table_steal_extended (parked, sender, (gpointer *)&name, (gpointer *)&fds))
    return;
  for (guint i = 0; i < fds->len; i++)
    close_for (user, g_array_index (fds, int, i));
}

void
bothy_untrusted_fds_introduce (const char *sender, guint32 user)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&mutex);

  ensure_tables ();
  g_hash_table_insert (senders, g_strdup (sender), GUINT_TO_POINTER (user));
  close_parked (sender, user);
}

void
bothy_untrusted_fds_forget (const char *sender)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&mutex);
  gpointer user = GUINT_TO_POINTER (NO_USER);

  ensure_tables ();
  find_sender (sender, &user);
  g_hash_table_remove (senders, sender);
  close_parked (sender, GPOINTER_TO_UINT (user));
}

void
bothy_untrusted_fds_note (const char *sender, guint32 user)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&mutex);

  ensure_tables ();
  if (g_hash_table_size (noted) >= MAX_NOTED)
    g_hash_table_remove_all (noted);
  g_hash_table_insert (noted, g_strdup (sender), GUINT_TO_POINTER (user));
}

/* ACCOUNT may be NULL. */
static gboolean
is_stuck (const Account *account)
{
  return account && (account->waiting.length >= MAX_STUCK ||
                     (n_stuck >= MANY_STUCK && account->waiting.length >= FEW_STUCK));
}

static gboolean
is_anybody_stuck (void)
{
  GHashTableIter iter;
  gpointer account;

  g_hash_table_iter_init (&iter, accounts);
  while (g_hash_table_iter_next (&iter, NULL, &account)) {
    if (is_stuck (account))
      return TRUE;
  }
  return FALSE;
}

gboolean
bothy_untrusted_fds_check (guint32 user, GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&mutex);
  const Account *account;

  ensure_tables ();
  account = g_hash_table_lookup (accounts, GUINT_TO_POINTER (user));
  if (!is_stuck (account))
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED,
      "%u files that you sent can not be closed: the file system that they are on does not answer; end "
      "or unmount it",
      account->waiting.length);
  return FALSE;
}

gboolean
bothy_untrusted_fds_may_take (GUnixFDList *list, guint32 user)
{
  const int *fds = g_unix_fd_list_peek_fds (list, NULL);

  for (int i = 0; fds[i] >= 0; i++) {
    if (!closes_at_once (fds[i]))
      return bothy_untrusted_fds_check (user, NULL);
  }
  return TRUE;
}

gboolean
bothy_untrusted_fds_may_send (const char *sender, gboolean *ret_ask)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&mutex);
  const GArray *fds;
  gpointer user;

  ensure_tables ();
  *ret_ask = FALSE;
  if (find_sender (sender, &user))
    return !is_stuck (g_hash_table_lookup (accounts, user));
  fds = sender ? g_hash_table_lookup (parked, sender) : NULL;
  if (fds && fds->len >= MAX_PARKED)
    return FALSE;
  *ret_ask = g_hash_table_contains (accounts, GUINT_TO_POINTER (NO_USER)) || is_anybody_stuck () ||
             g_hash_table_size (parked) >= MANY_PARKED;
  return !*ret_ask;
}

void
bothy_untrusted_fds_set_overrun (BothyUntrustedOverrun function, gpointer data)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&mutex);

  overrun = function;
  overrun_data = data;
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

void
bothy_untrusted_fds_set_sender (GUnixFDList *list, const char *sender)
{
  gpointer user = NULL;
  gboolean known;

  g_mutex_lock (&mutex);
  ensure_tables ();
  known = find_sender (sender, &user);
  g_mutex_unlock (&mutex);
  if (known)
    bothy_untrusted_fds_set_user (list, GPOINTER_TO_UINT (user));
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

GUnixFDList *
bothy_untrusted_fds_take (GUnixFDList *list, guint32 user)
{
  GUnixFDList *taken = bothy_untrusted_fds_new ();
  int n;
  const int *fds = g_unix_fd_list_peek_fds (list, &n);

  for (int i = 0; i < n; i++)
    g_unix_fd_list_append (taken, fds[i], NULL);
  bothy_untrusted_fds_set_user (list, user);
  bothy_untrusted_fds_set_user (taken, user);
  bothy_untrusted_fds_free (list);
  return taken;
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

gboolean
bothy_untrusted_fd_identify (int fd, mode_t *ret_mode, guint64 *ret_device, guint64 *ret_inode)
{
  struct statx found;

  if (statx (fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &found) < 0)
    return FALSE;
  *ret_mode = found.stx_mode;
  *ret_device = makedev (found.stx_dev_major, found.stx_dev_minor);
  *ret_inode = found.stx_ino;
  return TRUE;
}

gboolean
bothy_untrusted_fd_owner (int fd, guint32 *ret_uid, guint32 *ret_gid)
{
  struct statx found;

  if (statx (fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_UID | STATX_GID, &found) < 0)
    return FALSE;
  *ret_uid = found.stx_uid;
  *ret_gid = found.stx_gid;
  return TRUE;
}
