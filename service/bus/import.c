/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ImportImage of org.bothy.Bothy1.Manager */
#include "bus/handlers.h"

#include "bus/operation.h"
#include "bus/options.h"
#include "bus/paths.h"
#include "base/error.h"
#include "core/images/import.h"
#include "base/validate.h"
#include "core/images/reference.h"
#include "platform/untrusted-fd.h"

#include <sys/stat.h>

typedef struct {
  char *alias;       /* or NULL */
  char *fingerprint; /* or NULL */
  int archive_fd;
  int metadata_fd; /* or -1 */
  gboolean squash_owners;
} ImportRequest;

static void
import_request_free (ImportRequest *request)
{
  bothy_untrusted_fd_close (request->archive_fd);
  bothy_untrusted_fd_close (request->metadata_fd);
  g_free (request->alias);
  g_free (request->fingerprint);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ImportRequest, import_request_free)

static gpointer
parse_import_image (BothyArguments *arguments, GError **error)
{
  g_autoptr (ImportRequest) request = g_new0 (ImportRequest, 1);
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) metadata = NULL;
  const BothyOption table[] = { { "alias", "s", &request->alias },
                                { "fingerprint", "s", &request->fingerprint },
                                { "metadata", "h", &metadata },
                                { "squash-owners", "b", &request->squash_owners },
                                { NULL, NULL, NULL } };
  gint32 handle;

  request->archive_fd = request->metadata_fd = -1;
  bothy_arguments_get (arguments, "(h@a{sv})", &handle, &options);
  if (!bothy_options_parse (options, table, error))
    return NULL;
  request->archive_fd = bothy_arguments_dup_stream (arguments, handle, FALSE, "archive", error);
  if (request->archive_fd >= 0 && metadata)
    request->metadata_fd = bothy_arguments_dup_stream (arguments, g_variant_get_handle (metadata), FALSE,
                                                       "Option \"metadata\"", error);
  if (request->archive_fd < 0 || (metadata && request->metadata_fd < 0) ||
      (request->alias && !bothy_reference_check_alias (request->alias, error)))
    return NULL;
  if (!request->fingerprint || bothy_is_fingerprint (request->fingerprint))
    return g_steal_pointer (&request);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"fingerprint\": a SHA-256 of 64 hexadecimal digits is wanted");
  return NULL;
}

const BothyRequestType bothy_manager_import_image_request = { parse_import_image,
                                                              (GDestroyNotify)import_request_free };

gboolean
bothy_manager_check_import_image (BothyCall *call, GError **error)
{
  const ImportRequest *request = call->request;

  polkit_details_insert (call->details, "alias", request->alias ? request->alias : "");
  return TRUE;
}

typedef struct {
  BothyOperation *operation;
  guint64 total; /* bytes of the archive, 0: not known */
} ImportWatch;

static void
on_import_progress (guint64 bytes_in, guint64 bytes_out, gpointer user_data)
{
  ImportWatch *watch = user_data;

  bothy_operation_set_progress (
      watch->operation, watch->total > 0 ? MIN (1.0, (double)bytes_in / (double)watch->total) : -1, bytes_in);
}

static void
on_imported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree ImportWatch *watch = user_data;
  g_autoptr (BothyOperation) operation = watch->operation;
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyImage) image = bothy_image_store_import_finish (BOTHY_IMAGE_STORE (source), result, &error);
  g_autofree char *path = image ? bothy_path_of_image (image->fingerprint) : NULL;

  bothy_operation_complete (operation, path, error);
}

static void
import_image (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  const ImportRequest *request = data;
  BothyImportSource source = { .archive_fd = request->archive_fd,
                               .metadata_fd = request->metadata_fd,
                               .alias = request->alias,
                               .squash_owners = request->squash_owners,
                               .fingerprint = request->fingerprint };
  ImportWatch *watch = g_new0 (ImportWatch, 1);
  guint64 size;
  mode_t mode;

  watch->operation = operation;
  watch->total = bothy_untrusted_fd_stat (source.archive_fd, &mode, &size) && S_ISREG (mode) ? size : 0;
  bothy_image_store_import (bothy_registry_get_images (registry), operation->user, &source,
                            on_import_progress, watch, operation->cancellable, on_imported, watch);
}

void
bothy_manager_handle_import_image (BothyCall *call)
{
  const ImportRequest *request = call->request;

  bothy_call_return_operation (call, "import-image", request->alias, "unpacking", import_image);
}
