/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Export of org.bothy.Bothy1.Image and of org.bothy.Bothy1.Container */
#include "bus/handlers.h"

#include "bus/operation.h"
#include "bus/options.h"
#include "bus/paths.h"
#include "base/error.h"
#include "base/validate.h"
#include "core/images/export.h"
#include "core/registry/commit.h"
#include "platform/untrusted-fd.h"

typedef struct {
  int archive_fd; /* what it is written into */
  gboolean as_oci;
  enum unpack_compression compression;
} ExportRequest;

static void
export_request_free (ExportRequest *request)
{
  bothy_untrusted_fd_close (request->archive_fd);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ExportRequest, export_request_free)

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
parse_image_format (const char *name, gboolean *ret_as_oci, GError **error)
{
  *ret_as_oci = name && g_str_equal (name, "oci");
  if (!name || *ret_as_oci || g_str_equal (name, "incus"))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Option \"format\": incus or oci is wanted");
  return FALSE;
}

static gpointer
parse_export (BothyArguments *arguments, GError **error)
{
  g_autoptr (ExportRequest) request = g_new0 (ExportRequest, 1);
  g_autoptr (GVariant) options = NULL;
  g_autofree char *compression = NULL;
  g_autofree char *format = NULL;
  const BothyOption table[] = { { "compression", "s", &compression },
                                { "format", "s", &format },
                                { NULL, NULL, NULL } };
  gint32 handle;

  request->archive_fd = -1;
  bothy_arguments_get (arguments, "(h@a{sv})", &handle, &options);
  if (!bothy_options_parse (options, table, error) ||
      !parse_compression (compression, &request->compression, error) ||
      !parse_image_format (format, &request->as_oci, error))
    return NULL;
  request->archive_fd = bothy_arguments_dup_stream (arguments, handle, TRUE, "archive", error);
  return request->archive_fd >= 0 ? g_steal_pointer (&request) : NULL;
}

const BothyRequestType bothy_image_export_request = { parse_export, (GDestroyNotify)export_request_free };

typedef struct {
  BothyOperation *operation;
  BothyImage *image;
  guint64 size;
} ExportWatch;

static void
on_export_progress (guint64 bytes_in, guint64 bytes_out, gpointer user_data)
{
  ExportWatch *watch = user_data;

  bothy_operation_set_progress (
      watch->operation, watch->size > 0 ? MIN (1.0, (double)bytes_out / (double)watch->size) : -1, bytes_out);
}

static void
on_exported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree ExportWatch *watch = user_data;
  g_autoptr (BothyOperation) operation = watch->operation;
  g_autoptr (BothyImage) image = watch->image;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = bothy_path_of_image (image->fingerprint);

  if (bothy_image_export_finish (result, &error))
    bothy_operation_complete (operation, path, NULL);
  else
    bothy_operation_complete (operation, NULL, error);
}

static void
export_image (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  const ExportRequest *request = data;
  ExportWatch *watch = g_new0 (ExportWatch, 1);

  watch->operation = operation;
  watch->image = BOTHY_IMAGE (g_object_ref (target));
  watch->size = watch->image->size;
  bothy_image_export (bothy_registry_get_images (registry), watch->image, operation->user,
                      request->archive_fd, request->as_oci, request->compression, on_export_progress, watch,
                      operation->cancellable, on_exported, watch);
}

void
bothy_image_handle_export (BothyCall *call)
{
  BothyImage *image = BOTHY_IMAGE (call->node->target);

  bothy_call_return_operation (call, "export-image", bothy_image_label (image, call->user), "packing",
                               export_image);
}

/* ---- of a container ---- */

typedef struct {
  int archive_fd;
  char *snapshot; /* or NULL: as it is now */
  guint32 format; /* see BothyExportTarget */
  enum unpack_compression compression;
} ContainerExportRequest;

static void
container_export_request_free (ContainerExportRequest *request)
{
  bothy_untrusted_fd_close (request->archive_fd);
  g_free (request->snapshot);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ContainerExportRequest, container_export_request_free)

static gboolean
parse_format (const char *name, guint32 *ret, GError **error)
{
  static const struct {
    const char *name;
    guint32 format;
  } known[] = { { "tar", UNPACK_AS_TREE }, { "oci", UNPACK_AS_OCI }, { "incus", 0 } };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    if (g_str_equal (name, known[i].name)) {
      *ret = known[i].format;
      return TRUE;
    }
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "The format: tar, oci or incus is wanted");
  return FALSE;
}

static gpointer
parse_export_container (BothyArguments *arguments, GError **error)
{
  g_autoptr (ContainerExportRequest) request = g_new0 (ContainerExportRequest, 1);
  g_autoptr (GVariant) options = NULL;
  g_autofree char *compression = NULL;
  const BothyOption table[] = { { "compression", "s", &compression },
                                { "snapshot", "s", &request->snapshot },
                                { NULL, NULL, NULL } };
  const char *format;
  gint32 handle;

  request->archive_fd = -1;
  bothy_arguments_get (arguments, "(h&s@a{sv})", &handle, &format, &options);
  if (!parse_format (format, &request->format, error) || !bothy_options_parse (options, table, error) ||
      !parse_compression (compression, &request->compression, error) ||
      (request->snapshot && !bothy_validate_name (request->snapshot, "The name of a snapshot", error)))
    return NULL;
  request->archive_fd = bothy_arguments_dup_stream (arguments, handle, TRUE, "archive", error);
  return request->archive_fd >= 0 ? g_steal_pointer (&request) : NULL;
}

const BothyRequestType bothy_container_export_request = { parse_export_container,
                                                          (GDestroyNotify)container_export_request_free };

static void
on_container_progress (guint64 bytes_in, guint64 bytes_out, gpointer user_data)
{
  bothy_operation_set_progress (user_data, -1, bytes_out);
}

static void
on_container_exported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyOperation) operation = user_data;
  g_autoptr (GError) error = NULL;

  bothy_registry_export_finish (BOTHY_REGISTRY (source), result, &error);
  bothy_operation_complete (operation, NULL, error);
}

static void
export_container (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  const ContainerExportRequest *request = data;
  const BothyExportTarget archive = { .archive_fd = request->archive_fd,
                                      .format = request->format,
                                      .compression = request->compression,
                                      .progress = on_container_progress,
                                      .progress_data = operation };

  bothy_registry_export (registry, BOTHY_CONTAINER (target), request->snapshot, &archive,
                         operation->cancellable, on_container_exported, operation);
}

void
bothy_container_handle_export (BothyCall *call)
{
  bothy_call_return_operation (call, "export-container", BOTHY_CONTAINER (call->node->target)->spec->name,
                               "packing", export_container);
}
