/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Container: Clone */
#include "bus/handlers.h"

#include "bus/limits.h"
#include "bus/operation.h"
#include "bus/options.h"
#include "bus/paths.h"
#include "base/error.h"
#include "base/validate.h"
#include "core/registry/copy.h"

typedef struct {
  char *name;
  char *snapshot;           /* or NULL: as it is now */
  BothyContainerSpec *spec; /* what polkit was told about, and is made; NULL until it was checked */
} CloneRequest;

static void
clone_request_free (CloneRequest *request)
{
  g_clear_pointer (&request->spec, bothy_container_spec_free);
  g_free (request->name);
  g_free (request->snapshot);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CloneRequest, clone_request_free)

static gpointer
parse_clone (BothyArguments *arguments, GError **error)
{
  g_autoptr (CloneRequest) request = g_new0 (CloneRequest, 1);
  g_autoptr (GVariant) options = NULL;
  const BothyOption table[] = { { "snapshot", "s", &request->snapshot }, { NULL, NULL, NULL } };

  bothy_arguments_get (arguments, "(s@a{sv})", &request->name, &options);
  if (!bothy_options_parse (options, table, error) || !bothy_validate_name (request->name, "Name", error) ||
      (request->snapshot && !bothy_validate_name (request->snapshot, "The name of a snapshot", error)))
    return NULL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_container_clone_request = { parse_clone, (GDestroyNotify)clone_request_free };

/*
 * The copy is its source's owner's, whoever makes it. What an administrator let the source have holds for the source: a limit
 * above what users may have is asked for anew, and on a bridge of a LAN the copy may be as far as its owner may.
 */
gboolean
bothy_container_check_clone (BothyCall *call, GError **error)
{
  const BothyContainer *source = BOTHY_CONTAINER (call->node->target);
  CloneRequest *request = call->request;
  BothyContainerSpec *spec = bothy_container_spec_copy (source->spec, request->name);

  g_clear_pointer (&request->spec, bothy_container_spec_free);
  request->spec = spec;
  polkit_details_insert (call->details, "container", spec->name);
  polkit_details_insert (call->details, "source", source->spec->name);
  polkit_details_insert (call->details, "image", spec->image);
  if (request->snapshot)
    polkit_details_insert (call->details, "snapshot", request->snapshot);
  bothy_limits_ask_to_exceed (call, &spec->limits, source->owner);
  if (call->user == source->owner)
    spec->granted_ranges = bothy_limits_ask_for_range (call);
  return TRUE;
}

/* A copy is a new container. */
void
bothy_container_weigh_clone (BothyCall *call)
{
  bothy_call_weighed (call, TRUE);
}

static void
on_copied (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyOperation) operation = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  g_autoptr (BothyContainer) copy = bothy_registry_copy_finish (BOTHY_REGISTRY (source), result, &error);

  if (copy)
    path = bothy_path_of_container (copy->owner, copy->spec->name);
  bothy_operation_complete (operation, path, error);
}

static void
warn (BothyOperation *operation, const BothyContainerSpec *spec)
{
  if (spec->ports->len > 0)
    bothy_operation_warn (operation,
                          "No port of the machine leads into the copy: one leads into one container "
                          "(\"bothy port add\")");
  if (spec->network->address)
    bothy_operation_warn (operation,
                          "The copy does not have the same address on the LAN; there it asks for one");
  if (spec->autostart.mode != BOTHY_AUTOSTART_NO || spec->autostart.restart != BOTHY_RESTART_NO)
    bothy_operation_warn (operation, "The copy is not started by itself (\"bothy autostart\")");
}

static void
copy_container (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  CloneRequest *request = data;

  warn (operation, BOTHY_CONTAINER (target)->spec);
  bothy_registry_copy (registry, BOTHY_CONTAINER (target), request->snapshot,
                       g_steal_pointer (&request->spec), on_copied, operation);
}

void
bothy_container_handle_clone (BothyCall *call)
{
  bothy_call_return_operation (call, "copy-container", BOTHY_CONTAINER (call->node->target)->spec->name,
                               "copying", copy_container);
}
