/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/metadata.h"

#include "base/error.h"
#include "base/fd.h"
#include "workers/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_SIZE     (4 << 20)
#define READ_SECONDS 60

void
bothy_metadata_free (BothyMetadata *self)
{
  bothy_clear_fd (&self->fd);
  g_free (self->sha256);
  g_free (self->lines);
  g_free (self);
}

typedef struct {
  BothyHelperClient *helper;
  guint32 user;
  BothyMetadata *metadata;
} Read;

static void
read_free (Read *read)
{
  g_clear_pointer (&read->metadata, bothy_metadata_free);
  g_object_unref (read->helper);
  g_free (read);
}

static void
fail_reading (GTask *task, GError *error)
{
  g_prefix_error (&error, "The archive with the metadata: ");
  g_task_return_error (task, error);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Read *read = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (BothyUnpacked) unpacked = bothy_unpack_finish (result, &error);

  if (!unpacked) {
    fail_reading (task, error);
    return;
  }
  read->metadata->lines = g_steal_pointer (&unpacked->metadata);
  g_task_return_pointer (task, g_steal_pointer (&read->metadata), (GDestroyNotify)bothy_metadata_free);
}

/* From here on it is what was hashed, whatever becomes of the user's file, or of who parses it. */
static gboolean
seal (int fd, GError **error)
{
  if (fcntl (fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0 &&
      lseek (fd, 0, SEEK_SET) == 0)
    return TRUE;
  bothy_error_set_errno (error, errno, "Keeping a copy");
  return FALSE;
}

static void
on_copied (GObject *source, GAsyncResult *result, gpointer user_data)
{
  const struct unpack_request request = { .mode = UNPACK_METADATA, .max_seconds = READ_SECONDS };
  g_autoptr (GTask) task = user_data;
  Read *read = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (BothyUnpacked) copied = bothy_unpack_finish (result, &error);
  g_autoptr (GUnixFDList) sources = NULL;

  if (copied && seal (read->metadata->fd, &error))
    sources = bothy_unpack_sources (read->metadata->fd, -1, &error);
  if (!sources) {
    fail_reading (task, error);
    return;
  }
  read->metadata->sha256 = g_steal_pointer (&copied->sha256);
  bothy_unpack (read->helper, read->user, &request, -1, sources, NULL, NULL, g_task_get_cancellable (task),
                on_read, g_object_ref (task));
}

void
bothy_metadata_read (BothyHelperClient *helper,
                     guint32 user,
                     int archive_fd,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  const struct unpack_request request = { .mode = UNPACK_HASH,
                                          .max_bytes = MAX_SIZE,
                                          .max_seconds = READ_SECONDS };
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Read *read = g_new0 (Read, 1);
  g_autoptr (GUnixFDList) sources = NULL;
  GError *error = NULL;

  read->helper = g_object_ref (helper);
  read->user = user;
  read->metadata = g_new0 (BothyMetadata, 1);
  g_task_set_task_data (task, read, (GDestroyNotify)read_free);
  g_task_set_check_cancellable (task, FALSE);
  read->metadata->fd = memfd_create ("metadata", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (read->metadata->fd < 0)
    bothy_error_set_errno (&error, errno, "Making a copy");
  else
    sources = bothy_unpack_sources (archive_fd, -1, &error);
  if (sources)
    bothy_unpack (helper, user, &request, read->metadata->fd, sources, NULL, NULL, cancellable, on_copied,
                  g_object_ref (task));
  else
    fail_reading (task, error);
}

BothyMetadata *
bothy_metadata_read_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
