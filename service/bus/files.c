/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CopyFrom and CopyTo of org.bothy.Bothy1.Container */
#include "bus/handlers.h"

#include "base/validate.h"
#include "bus/operation.h"
#include "bus/options.h"
#include "core/container/files.h"
#include "core/registry/registry.h"
#include "platform/untrusted-fd.h"

#include <sys/stat.h>

typedef struct {
  char *path; /* inside */
  int archive_fd;
  BothyCopyWay way;
} CopyRequest;

static void
copy_request_free (CopyRequest *request)
{
  bothy_untrusted_fd_close (request->archive_fd);
  g_free (request->path);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CopyRequest, copy_request_free)

static gpointer
parse_copy (BothyArguments *arguments, BothyCopyWay way, GError **error)
{
  g_autoptr (CopyRequest) request = g_new0 (CopyRequest, 1);
  g_autoptr (GVariant) options = NULL;
  const BothyOption table[] = { { "path", BOTHY_OPTION_BYTES, &request->path }, { NULL, NULL, NULL } };
  gint32 handle;

  request->archive_fd = -1;
  request->way = way;
  bothy_arguments_get (arguments, "(sh@a{sv})", &request->path, &handle, &options);
  if (!bothy_options_parse (options, table, error) || !bothy_validate_path (request->path, error))
    return NULL;
  request->archive_fd =
      bothy_arguments_dup_stream (arguments, handle, way == BOTHY_COPY_FROM, "archive", error);
  return request->archive_fd >= 0 ? g_steal_pointer (&request) : NULL;
}

static gpointer
parse_copy_from (BothyArguments *arguments, GError **error)
{
  return parse_copy (arguments, BOTHY_COPY_FROM, error);
}

static gpointer
parse_copy_to (BothyArguments *arguments, GError **error)
{
  return parse_copy (arguments, BOTHY_COPY_TO, error);
}

const BothyRequestType bothy_container_copy_from_request = { parse_copy_from,
                                                             (GDestroyNotify)copy_request_free };
const BothyRequestType bothy_container_copy_to_request = { parse_copy_to, (GDestroyNotify)copy_request_free };

typedef struct {
  BothyOperation *operation;
  guint64 total; /* of the archive that is read, 0: not known */
} CopyWatch;

static void
on_progress (guint64 bytes_in, guint64 bytes_out, gpointer user_data)
{
  CopyWatch *watch = user_data;

  bothy_operation_set_progress (watch->operation,
                                watch->total > 0 ? MIN (1.0, (double)bytes_in / (double)watch->total) : -1,
                                bytes_out);
}

static void
on_copied (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree CopyWatch *watch = user_data;
  g_autoptr (BothyOperation) operation = watch->operation;
  g_autoptr (GError) error = NULL;

  bothy_container_copy_finish (BOTHY_CONTAINER (source), result, &error);
  bothy_operation_complete (operation, NULL, error);
}

static void
copy_files (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  const CopyRequest *request = data;
  CopyWatch *watch = g_new0 (CopyWatch, 1);
  guint64 size;
  mode_t mode;

  watch->operation = operation;
  if (request->way == BOTHY_COPY_TO && bothy_untrusted_fd_stat (request->archive_fd, &mode, &size) &&
      S_ISREG (mode))
    watch->total = size;
  bothy_container_copy (BOTHY_CONTAINER (target), bothy_registry_get_helper (registry), request->way,
                        request->path, request->archive_fd, on_progress, watch, operation->cancellable,
                        on_copied, watch);
}

void
bothy_container_handle_copy_from (BothyCall *call)
{
  bothy_call_return_operation (call, "copy-from", BOTHY_CONTAINER (call->node->target)->spec->name, "packing",
                               copy_files);
}

void
bothy_container_handle_copy_to (BothyCall *call)
{
  bothy_call_return_operation (call, "copy-to", BOTHY_CONTAINER (call->node->target)->spec->name, "unpacking",
                               copy_files);
}
