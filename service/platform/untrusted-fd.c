/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/untrusted-fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_CLOSERS 32 /* threads; what they wait for keeps no place in the table of fds */

static void
close_one (gpointer data, gpointer user_data)
{
  close (GPOINTER_TO_INT (data) - 1);
}

void
bothy_untrusted_fd_close (int fd)
{
  static gsize pool;

  if (fd < 0)
    return;
  if (g_once_init_enter (&pool))
    g_once_init_leave (&pool, (gsize)g_thread_pool_new (close_one, NULL, MAX_CLOSERS, FALSE, NULL));
  /* Without a new thread it waits for one of those that are there. */
  g_thread_pool_push ((GThreadPool *)pool, GINT_TO_POINTER (fd + 1), NULL);
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
