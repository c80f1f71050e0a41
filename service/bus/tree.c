/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* OpenTree, MountTree and UnmountTree of org.bothy.Bothy1.Container */
#include "bus/handlers.h"

#include "base/error.h"
#include "bus/options.h"
#include "core/registry/registry.h"

typedef struct {
  char nothing; /* no option is there yet */
} OpenTreeRequest;

static gpointer
parse_open_tree (BothyArguments *arguments, GError **error)
{
  const BothyOption table[] = { { NULL, NULL, NULL } };
  g_autoptr (GVariant) options = NULL;

  bothy_arguments_get (arguments, "(@a{sv})", &options);
  return bothy_options_parse (options, table, error) ? g_new0 (OpenTreeRequest, 1) : NULL;
}

const BothyRequestType bothy_container_open_tree_request = { parse_open_tree, g_free };

/* The files become the owner's own; for nobody else. */
gboolean
bothy_container_check_open_tree (BothyCall *call, GError **error)
{
  const BothyContainer *container = BOTHY_CONTAINER (call->node->target);

  if (call->user != container->owner) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
                 "Only its owner has the files of container %s shown: they are shown as the owner's",
                 container->spec->name);
    return FALSE;
  }
  polkit_details_insert (call->details, "container", container->spec->name);
  return TRUE;
}

static BothyTrees *
trees_of (BothyCall *call)
{
  return bothy_runner_get_trees (bothy_registry_get_runner (call->registry));
}

static void
on_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (GUnixFDList) mount = bothy_trees_open_finish (BOTHY_TREES (source), result, &error);

  if (mount)
    bothy_call_return_with_fds (call, g_variant_new ("(h)", 0), mount);
  else
    bothy_call_return_error (call, error);
}

void
bothy_container_handle_open_tree (BothyCall *call)
{
  bothy_trees_open (trees_of (call), BOTHY_CONTAINER (call->node->target), on_opened, bothy_call_ref (call));
}

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (GUnixFDList) mount = bothy_trees_open_finish (BOTHY_TREES (source), result, &error);

  if (mount)
    bothy_call_return (call, g_variant_new ("(s)", BOTHY_CONTAINER (call->about)->tree));
  else
    bothy_call_return_error (call, error);
}

void
bothy_container_handle_mount_tree (BothyCall *call)
{
  bothy_trees_open (trees_of (call), BOTHY_CONTAINER (call->node->target), on_mounted, bothy_call_ref (call));
}

static void
on_closed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  if (bothy_trees_close_finish (BOTHY_TREES (source), result, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

void
bothy_container_handle_unmount_tree (BothyCall *call)
{
  bothy_trees_unmount (trees_of (call), BOTHY_CONTAINER (call->node->target), on_closed,
                       bothy_call_ref (call));
}
