/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Container: Snapshot, Restore, RemoveSnapshot and DiffSnapshot */
#include "bus/handlers.h"

#include "bus/operation.h"
#include "bus/options.h"
#include "bus/paths.h"
#include "base/error.h"
#include "base/validate.h"
#include "core/registry/diff.h"
#include "core/registry/snapshots.h"
#include "platform/untrusted-fd.h"

typedef struct {
  char *name;   /* "": one that says when it was made */
  guint32 keep; /* how many of those may be there then; 0: all */
} SnapshotRequest;

static void
snapshot_request_free (SnapshotRequest *request)
{
  g_free (request->name);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SnapshotRequest, snapshot_request_free)

static gpointer
parse_snapshot (BothyArguments *arguments, GError **error)
{
  g_autoptr (SnapshotRequest) request = g_new0 (SnapshotRequest, 1);
  g_autoptr (GVariant) options = NULL;
  const BothyOption table[] = { { "keep", "u", &request->keep }, { NULL, NULL, NULL } };

  bothy_arguments_get (arguments, "(s@a{sv})", &request->name, &options);
  if (!bothy_options_parse (options, table, error) ||
      (*request->name && !bothy_validate_name (request->name, "The name of a snapshot", error)))
    return NULL;
  if (!*request->name || request->keep == 0)
    return g_steal_pointer (&request);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"keep\" is about snapshots without a name of their own, and this one has one");
  return NULL;
}

const BothyRequestType bothy_container_snapshot_request = { parse_snapshot,
                                                            (GDestroyNotify)snapshot_request_free };

/* The name. */
static gpointer
parse_restore (BothyArguments *arguments, GError **error)
{
  g_autofree char *name = NULL;

  bothy_arguments_get (arguments, "(s)", &name);
  return bothy_validate_name (name, "The name of a snapshot", error) ? g_steal_pointer (&name) : NULL;
}

const BothyRequestType bothy_container_restore_request = { parse_restore, g_free };

static void
on_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyOperation) operation = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  g_autoptr (BothyContainer) container =
      bothy_registry_snapshot_finish (BOTHY_REGISTRY (source), result, &error);

  if (container)
    path = bothy_path_of_container (container->owner, container->spec->name);
  bothy_operation_complete (operation, path, error);
}

static void
make_snapshot (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  const SnapshotRequest *request = data;

  bothy_registry_snapshot (registry, BOTHY_CONTAINER (target), request->name, request->keep, on_done,
                           operation);
}

static void
restore_snapshot (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer request)
{
  bothy_registry_restore (registry, BOTHY_CONTAINER (target), request, on_done, operation);
}

static void
remove_snapshot (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer request)
{
  bothy_registry_remove_snapshot (registry, BOTHY_CONTAINER (target), request, on_done, operation);
}

void
bothy_container_handle_snapshot (BothyCall *call)
{
  const SnapshotRequest *request = call->request;

  polkit_details_insert (call->details, "snapshot", request->name);
  bothy_call_return_operation (call, "create-snapshot", BOTHY_CONTAINER (call->node->target)->spec->name,
                               "snapshotting", make_snapshot);
}

void
bothy_container_handle_restore (BothyCall *call)
{
  polkit_details_insert (call->details, "snapshot", call->request);
  bothy_call_return_operation (call, "restore-snapshot", BOTHY_CONTAINER (call->node->target)->spec->name,
                               "restoring", restore_snapshot);
}

void
bothy_container_handle_remove_snapshot (BothyCall *call)
{
  polkit_details_insert (call->details, "snapshot", call->request);
  bothy_call_return_operation (call, "remove-snapshot", BOTHY_CONTAINER (call->node->target)->spec->name,
                               "removing", remove_snapshot);
}

/* ---- what changed ---- */

typedef struct {
  int output_fd;
  char *from, *to; /* "": the image, and now */
} DiffRequest;

static void
diff_request_free (DiffRequest *request)
{
  bothy_untrusted_fd_close (request->output_fd);
  g_free (request->from);
  g_free (request->to);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DiffRequest, diff_request_free)

static gpointer
parse_diff_snapshot (BothyArguments *arguments, GError **error)
{
  g_autoptr (DiffRequest) request = g_new0 (DiffRequest, 1);
  g_autoptr (GVariant) options = NULL;
  const BothyOption table[] = { { NULL, NULL, NULL } };
  gint32 handle;

  request->output_fd = -1;
  bothy_arguments_get (arguments, "(hss@a{sv})", &handle, &request->from, &request->to, &options);
  if (!bothy_options_parse (options, table, error) ||
      (*request->from && !bothy_validate_name (request->from, "The name of a snapshot", error)) ||
      (*request->to && !bothy_validate_name (request->to, "The name of a snapshot", error)))
    return NULL;
  request->output_fd = bothy_arguments_dup_stream (arguments, handle, TRUE, "output", error);
  return request->output_fd >= 0 ? g_steal_pointer (&request) : NULL;
}

const BothyRequestType bothy_container_diff_snapshot_request = { parse_diff_snapshot,
                                                                 (GDestroyNotify)diff_request_free };

static void
on_diff (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyOperation) operation = user_data;
  g_autoptr (GError) error = NULL;

  bothy_registry_diff_finish (BOTHY_REGISTRY (source), result, &error);
  bothy_operation_complete (operation, NULL, error);
}

static void
diff_snapshot (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  const DiffRequest *request = data;

  bothy_registry_diff (registry, BOTHY_CONTAINER (target), request->from, request->to, request->output_fd,
                       operation->cancellable, on_diff, operation);
}

void
bothy_container_handle_diff_snapshot (BothyCall *call)
{
  bothy_call_return_operation (call, "diff-snapshot", BOTHY_CONTAINER (call->node->target)->spec->name,
                               "comparing", diff_snapshot);
}
