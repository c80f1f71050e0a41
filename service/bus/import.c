/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ImportImage of org.bothy.Bothy1.Manager */
#include "bus/handlers.h"

#include "bus/options.h"
#include "bus/publisher.h"
#include "base/error.h"
#include "core/images/import.h"
#include "base/validate.h"
#include "core/images/reference.h"
#include "platform/untrusted-fd.h"

#include <fcntl.h>
#include <sys/stat.h>

typedef struct {
  char *alias;
  char *fingerprint;
  GVariant *metadata;
  BothyImportSource source;
} ImportArgs;
#define IMPORT_ARGS                                                                                          \
  {                                                                                                          \
    .source = {.archive_fd = -1, .metadata_fd = -1 }                                                         \
  }

static void
import_args_clear (ImportArgs *args)
{
  g_free (args->alias);
  g_free (args->fingerprint);
  g_clear_pointer (&args->metadata, g_variant_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ImportArgs, import_args_clear)

/* The fd of HANDLE, something that is read from front to back: a file, a pipe or a socket. */
static gboolean
take_fd (BothyCall *call, gint32 handle, const char *name, int *ret_fd, GError **error)
{
  int fd = bothy_call_get_fd (call, handle, error);
  int flags = fd >= 0 ? fcntl (fd, F_GETFL) : -1;
  guint64 size;
  mode_t mode;

  if (fd < 0)
    return FALSE;
  if (flags >= 0 && !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY &&
      bothy_untrusted_fd_stat (fd, &mode, &size) && (S_ISREG (mode) || S_ISFIFO (mode) || S_ISSOCK (mode))) {
    *ret_fd = fd;
    return TRUE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "%s: a file, pipe or socket that is open for reading is wanted", name);
  return FALSE;
}

static gboolean
parse_import (BothyCall *call, ImportArgs *args, GError **error)
{
  g_autoptr (GVariant) options = NULL;
  const BothyOption table[] = { { "alias", "s", &args->alias },
                                { "fingerprint", "s", &args->fingerprint },
                                { "metadata", "h", &args->metadata },
                                { NULL, NULL, NULL } };

  gint32 handle;

  g_variant_get (call->args, "(h@a{sv})", &handle, &options);
  if (!bothy_options_parse (options, table, error) ||
      !take_fd (call, handle, "archive", &args->source.archive_fd, error) ||
      (args->metadata && !take_fd (call, g_variant_get_handle (args->metadata), "Option \"metadata\"",
                                   &args->source.metadata_fd, error)) ||
      (args->alias && !bothy_reference_check_alias (args->alias, error)))
    return FALSE;
  args->source.alias = args->alias;
  args->source.fingerprint = args->fingerprint;
  if (!args->fingerprint || bothy_is_fingerprint (args->fingerprint))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"fingerprint\": a SHA-256 of 64 hexadecimal digits is wanted");
  return FALSE;
}

gboolean
bothy_manager_check_import_image (BothyCall *call, GError **error)
{
  g_auto (ImportArgs) args = IMPORT_ARGS;

  if (!parse_import (call, &args, error))
    return FALSE;
  polkit_details_insert (call->details, "alias", args.alias ? args.alias : "");
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
  g_autofree char *path = image ? bothy_publisher_image_path (image) : NULL;

  bothy_operation_complete (operation, path, error);
}

void
bothy_manager_handle_import_image (BothyCall *call)
{
  g_auto (ImportArgs) args = IMPORT_ARGS;
  g_autofree char *path = NULL;
  ImportWatch *watch;
  BothyOperation *operation;
  GError *error = NULL;
  guint64 size;
  mode_t mode;

  parse_import (call, &args, NULL);
  operation = bothy_operations_add (bothy_registry_get_operations (call->registry), call->user,
                                    "import-image", "unpacking", &error);
  if (!operation) {
    bothy_call_return_error (call, error);
    return;
  }
  path = bothy_publisher_operation_path (operation);
  bothy_call_return (call, g_variant_new ("(o)", path));
  watch = g_new0 (ImportWatch, 1);
  watch->operation = operation;
  watch->total = bothy_untrusted_fd_stat (args.source.archive_fd, &mode, &size) && S_ISREG (mode) ? size : 0;
  bothy_image_store_import (bothy_registry_get_images (call->registry), call->user, &args.source,
                            on_import_progress, watch, operation->cancellable, on_imported, watch);
}
