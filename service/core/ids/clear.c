/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ids/clear.h"

#include "base/fd.h"
#include "base/validate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PREFIX ".clear-" /* and a base: an empty file */

struct _BothyClear {
  int dirfd;
  guint32 first;
  guint64 end;
  GHashTable *bases; /* base → whether it has a file */
};

/* What a thread is told. */
typedef struct {
  guint32 base;
  int dirfd;
} Note;

BothyClear *
bothy_clear_new (int dirfd, guint32 first, guint64 end)
{
  BothyClear *self = g_new0 (BothyClear, 1);

  self->dirfd = dirfd;
  self->first = first;
  self->end = end;
  self->bases = g_hash_table_new (NULL, NULL);
  return self;
}

void
bothy_clear_free (BothyClear *self)
{
  g_hash_table_unref (self->bases);
  g_free (self);
}

gboolean
bothy_clear_load (BothyClear *self, const char *name)
{
  guint64 base;

  if (!g_str_has_prefix (name, PREFIX) || !bothy_parse_number (name + strlen (PREFIX), 0, G_MAXUINT32, &base))
    return FALSE;
  /* A power cut may still take the file away: the earlier bothyd ended before it was on the disk. */
  bothy_clear_add (self, (guint32)base);
  return TRUE;
}

void
bothy_clear_add (BothyClear *self, guint32 base)
{
  if (!bothy_clear_has (self, base))
    g_hash_table_insert (self->bases, GUINT_TO_POINTER (base), GINT_TO_POINTER (FALSE));
}

gboolean
bothy_clear_has (BothyClear *self, guint32 base)
{
  return g_hash_table_contains (self->bases, GUINT_TO_POINTER (base));
}

static void
write_note (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const Note *note = task_data;
  g_autofree char *name = g_strdup_printf (PREFIX "%u", note->base);
  autofd fd = openat (note->dirfd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd >= 0 && fsync (fd) == 0 && fsync (note->dirfd) == 0) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", g_strerror (errno));
}

void
bothy_clear_note (BothyClear *self, guint32 base, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  gboolean noted = GPOINTER_TO_INT (g_hash_table_lookup (self->bases, GUINT_TO_POINTER (base)));
  Note *note = g_new0 (Note, 1);

  bothy_clear_add (self, base);
  *note = (Note){ base, self->dirfd };
  g_task_set_task_data (task, note, g_free);
  if (noted || base < self->first || base >= self->end)
    g_task_return_boolean (task, TRUE);
  else
    g_task_run_in_thread (task, write_note);
}

gboolean
bothy_clear_note_finish (BothyClear *self, GAsyncResult *result)
{
  const Note *note = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error)) {
    g_hash_table_insert (self->bases, GUINT_TO_POINTER (note->base), GINT_TO_POINTER (TRUE));
    return TRUE;
  }
  g_warning ("Ranges: that %u is kept clear can not be noted: %s", note->base, error->message);
  return FALSE;
}
