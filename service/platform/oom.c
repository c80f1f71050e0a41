/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/oom.h"

#include "platform/cgroup-manager.h"
#include "base/fd.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#define EVENTS "memory.events"

struct _BothyOom {
  int events; /* fd of memory.events, which stays readable when the group has been removed */
  int watch;
  guint64 seen;
  BothyOomFunc func;
  gpointer user_data;
};

/* One inotify instance for all: a user may have only 128 of them. */
static int instance = -1;
static GHashTable *watches; /* watch descriptor → BothyOom */

/* Line "oom_kill N"; it counts the groups below, too. */
static guint64
read_kills (int fd)
{
  char text[512];
  ssize_t size = fd < 0 ? -1 : pread (fd, text, sizeof text - 1, 0);
  const char *line;

  if (size <= 0)
    return 0;
  text[size] = '\0';
  line = strstr (text, "oom_kill ");
  return line ? strtoull (line + strlen ("oom_kill "), NULL, 10) : 0;
}

void
bothy_oom_check (BothyOom *self)
{
  guint64 now = self ? read_kills (self->events) : 0;
  guint64 before;

  if (!self || now <= self->seen)
    return;
  before = self->seen;
  self->seen = now;
  self->func (now - before, self->user_data);
}

static gboolean
on_event (int fd, GIOCondition condition, gpointer user_data)
{
  union {
    struct inotify_event event;
    char bytes[4096];
  } buffer;
  ssize_t size = read (fd, &buffer, sizeof buffer);

  for (ssize_t at = 0; at + (ssize_t)sizeof (struct inotify_event) <= size;) {
    const struct inotify_event *event = (const void *)(buffer.bytes + at);

    bothy_oom_check (g_hash_table_lookup (watches, GINT_TO_POINTER (event->wd)));
    at += (ssize_t)(sizeof *event + event->len);
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
open_instance (void)
{
  if (instance >= 0)
    return TRUE;
  instance = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (instance < 0)
    return FALSE;
  watches = g_hash_table_new (NULL, NULL);
  g_unix_fd_add (instance, G_IO_IN, on_event, NULL);
  return TRUE;
}

BothyOom *
bothy_oom_new (const char *group, BothyOomFunc func, gpointer user_data)
{
  autofd dir = bothy_cgroup_manager_open (group);
  autofd events = dir < 0 ? -1 : openat (dir, EVENTS, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", events);
  BothyOom *self;
  int watch;

  if (events < 0 || !open_instance ())
    return NULL;
  watch = inotify_add_watch (instance, path, IN_MODIFY);
  if (watch < 0)
    return NULL;
  self = g_new0 (BothyOom, 1);
  self->watch = watch;
  self->events = g_steal_fd (&events);
  self->seen = read_kills (self->events);
  self->func = func;
  self->user_data = user_data;
  g_hash_table_insert (watches, GINT_TO_POINTER (watch), self);
  return self;
}

void
bothy_oom_free (BothyOom *self)
{
  /* It may have gone with the group. */
  inotify_rm_watch (instance, self->watch);
  if (g_hash_table_lookup (watches, GINT_TO_POINTER (self->watch)) == self)
    g_hash_table_remove (watches, GINT_TO_POINTER (self->watch));
  bothy_clear_fd (&self->events);
  g_free (self);
}
