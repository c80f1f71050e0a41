/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Container: Commit */
#include "bus/handlers.h"

#include "bus/operation.h"
#include "bus/options.h"
#include "bus/paths.h"
#include "base/validate.h"
#include "core/images/reference.h"
#include "core/registry/commit.h"

typedef struct {
  char *alias;
  char *snapshot; /* or NULL: as it is now */
} CommitRequest;

static void
commit_request_free (CommitRequest *request)
{
  g_free (request->alias);
  g_free (request->snapshot);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CommitRequest, commit_request_free)

static gpointer
parse_commit (BothyArguments *arguments, GError **error)
{
  g_autoptr (CommitRequest) request = g_new0 (CommitRequest, 1);
  g_autoptr (GVariant) options = NULL;
  const BothyOption table[] = { { "snapshot", "s", &request->snapshot }, { NULL, NULL, NULL } };

  bothy_arguments_get (arguments, "(s@a{sv})", &request->alias, &options);
  if (!bothy_options_parse (options, table, error) || !bothy_reference_check_alias (request->alias, error) ||
      (request->snapshot && !bothy_validate_name (request->snapshot, "The name of a snapshot", error)))
    return NULL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_container_commit_request = { parse_commit, (GDestroyNotify)commit_request_free };

gboolean
bothy_container_check_commit (BothyCall *call, GError **error)
{
  const CommitRequest *request = call->request;

  polkit_details_insert (call->details, "alias", request->alias);
  if (request->snapshot)
    polkit_details_insert (call->details, "snapshot", request->snapshot);
  return TRUE;
}

/* It is a new image. */
void
bothy_container_weigh_commit (BothyCall *call)
{
  bothy_call_weighed (call, TRUE);
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyOperation) operation = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  g_autoptr (BothyImage) image = bothy_registry_commit_finish (BOTHY_REGISTRY (source), result, &error);

  if (image)
    path = bothy_path_of_image (image->fingerprint);
  bothy_operation_complete (operation, path, error);
}

static void
commit_container (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  const CommitRequest *request = data;

  bothy_registry_commit (registry, BOTHY_CONTAINER (target), request->snapshot, request->alias,
                         operation->cancellable, on_committed, operation);
}

void
bothy_container_handle_commit (BothyCall *call)
{
  bothy_call_return_operation (call, "commit-container", BOTHY_CONTAINER (call->node->target)->spec->name,
                               "packing", commit_container);
}
