/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Export of org.bothy.Bothy1.Image */
#include "bus/handlers.h"

#include "bus/options.h"
#include "bus/publisher.h"
#include "base/error.h"
#include "core/images/export.h"
#include "platform/untrusted-fd.h"

#include <fcntl.h>
#include <sys/stat.h>

static gboolean
check_fd (int fd, GError **error)
{
  int flags = fd >= 0 ? fcntl (fd, F_GETFL) : -1;
  guint64 size;
  mode_t mode;

  if (fd < 0)
    return FALSE;
  if (flags >= 0 && !(flags & O_PATH) && (flags & O_ACCMODE) != O_RDONLY &&
      bothy_untrusted_fd_stat (fd, &mode, &size) && (S_ISREG (mode) || S_ISFIFO (mode) || S_ISSOCK (mode)))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "archive: a file, pipe or socket that is open for writing is wanted");
  return FALSE;
}

static gboolean
parse_compression (const char *name, enum unpack_compression *ret, GError **error)
{
  static const char *const names[] = {
    [UNPACK_PLAIN] = "none", [UNPACK_GZIP] = "gzip", [UNPACK_XZ] = "xz", [UNPACK_ZSTD] = "zstd"
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    if (!name || g_str_equal (name, names[i])) {
      *ret = i;
      return TRUE;
    }
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"compression\": none, gzip, xz or zstd is wanted");
  return FALSE;
}

static gboolean
parse (BothyCall *call, int *ret_fd, enum unpack_compression *ret_compression, GError **error)
{
  g_autoptr (GVariant) options = NULL;
  g_autofree char *compression = NULL;
  const BothyOption table[] = { { "compression", "s", &compression }, { NULL, NULL, NULL } };
  gint32 handle;

  g_variant_get (call->args, "(h@a{sv})", &handle, &options);
  if (!bothy_options_parse (options, table, error) ||
      !parse_compression (compression, ret_compression, error))
    return FALSE;
  *ret_fd = bothy_call_get_fd (call, handle, error);
  return check_fd (*ret_fd, error);
}

gboolean
bothy_image_check_export (BothyCall *call, GError **error)
{
  enum unpack_compression compression;
  int fd;

  return parse (call, &fd, &compression, error);
}

typedef struct {
  BothyOperation *operation;
  BothyImage *image;
  guint64 size;
} Watch;

static void
on_progress (guint64 bytes_in, guint64 bytes_out, gpointer user_data)
{
  Watch *watch = user_data;

  bothy_operation_set_progress (
      watch->operation, watch->size > 0 ? MIN (1.0, (double)bytes_out / (double)watch->size) : -1, bytes_out);
}

static void
on_exported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Watch *watch = user_data;
  g_autoptr (BothyOperation) operation = watch->operation;
  g_autoptr (BothyImage) image = watch->image;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = bothy_publisher_image_path (image);

  if (bothy_image_export_finish (result, &error))
    bothy_operation_complete (operation, path, NULL);
  else
    bothy_operation_complete (operation, NULL, error);
}

void
bothy_image_handle_export (BothyCall *call)
{
  BothyImage *image = BOTHY_IMAGE (call->node->target);
  GError *error = NULL;
  BothyOperation *operation = bothy_operations_add (bothy_registry_get_operations (call->registry),
                                                    call->user, "export-image", "packing", &error);
  g_autofree char *path = NULL;
  enum unpack_compression compression = UNPACK_PLAIN;
  Watch *watch;
  int fd = -1;

  parse (call, &fd, &compression, NULL);
  if (!operation) {
    bothy_call_return_error (call, error);
    return;
  }
  path = bothy_publisher_operation_path (operation);
  bothy_call_return (call, g_variant_new ("(o)", path));
  watch = g_new0 (Watch, 1);
  watch->operation = operation;
  watch->image = g_object_ref (image);
  watch->size = image->size;
  bothy_image_export (bothy_registry_get_images (call->registry), image, call->user, fd, compression,
                      on_progress, watch, operation->cancellable, on_exported, watch);
}
