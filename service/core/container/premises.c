/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a container is born in: its namespaces, its group, its layers, its nic, and a supervisor among them.
 */
#include "core/container/start-private.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/container/network.h"
#include "core/ids/ranges.h"
#include "base/fd.h"

#include <string.h>

static void
call_helper (BothyStart *start,
             const struct helper_request *request,
             GUnixFDList *fds,
             GAsyncReadyCallback callback)
{
  start->pending++;
  bothy_helper_client_call (start->runner->helper, request, fds, callback, start);
}

static void
on_grouped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyStart *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->group = bothy_cgroup_manager_start_finish (BOTHY_CGROUP_MANAGER (source), result, &error);
  if (!start->group)
    bothy_start_fail (start, error);
  BOTHY_FAULT_POINT ("start.grouped");
  bothy_start_advance (start);
}

void
bothy_start_request_group (BothyStart *start)
{
  const BothyCgroupSpec spec = bothy_runner_group_spec (start->runner, start->container);

  start->pending++;
  bothy_cgroup_manager_start (start->runner->cgroups, &spec, on_grouped, start);
}

static void
on_settled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyStart *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->settled = bothy_cgroup_manager_settle_finish (BOTHY_CGROUP_MANAGER (source), result, &error);
  if (!start->settled)
    bothy_start_fail (start, error);
  BOTHY_FAULT_POINT ("start.settled");
  bothy_start_advance (start);
}

static void
settle_group (BothyStart *start)
{
  const BothyCgroupSpec spec = bothy_runner_group_spec (start->runner, start->container);

  start->pending++;
  bothy_cgroup_manager_settle (start->runner->cgroups, start->group, &spec, on_settled, start);
}

static void
on_spawned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyStart *start = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  start->pending--;
  bothy_clear_fd (&start->their_fd);
  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!fds)
    bothy_start_fail (start, error);
  else if (!start->error) {
    start->spawned = TRUE;
    BOTHY_FAULT_POINT ("start.spawned");
    settle_group (start);
  }
  bothy_start_advance (start);
}

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyStart *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->layers = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!start->layers)
    bothy_start_fail (start, error);
  else if ((guint)g_unix_fd_list_get_length (start->layers) != start->n_lower + 1)
    bothy_start_fail (start, g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED,
                                          "bothy-helper: a layer is missing in its reply"));
  bothy_start_advance (start);
}

static void
on_joined (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyStart *start = user_data;

  start->pending--;
  bothy_container_network_finish (result);
  start->networked = TRUE;
  BOTHY_FAULT_POINT ("start.networked");
  bothy_start_advance (start);
}

/* Making a nic takes as long as making the root. */
static void
join_network (BothyStart *start)
{
  start->networked = !bothy_container_wants_network (start->container);
  if (start->networked)
    return;
  start->pending++;
  start->join = bothy_container_network_ahead (
      start->runner->network, start->runner->admission, start->container, start->supervisor,
      g_unix_fd_list_get (start->namespaces, BOTHY_START_NETNS, NULL), on_joined, start);
}

/* The nic first: that is the longer way. */
static void
on_namespaces (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyStart *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->namespaces = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!start->namespaces)
    bothy_start_fail (start, error);
  else if (g_unix_fd_list_get_length (start->namespaces) != BOTHY_START_N_NAMESPACES)
    bothy_start_fail (start, g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED,
                                          "bothy-helper: a namespace is missing in its reply"));
  else if (!start->error)
    join_network (start);
  bothy_start_advance (start);
}

/* The image's, the topmost first, and the container's own. */
static gboolean
list_layers (BothyStart *start, struct helper_request *request, GError **error)
{
  const BothyContainer *container = start->container;
  const BothyImage *image = bothy_image_store_lookup (start->runner->images, container->spec->image);
  guint n = image ? g_strv_length (image->layers) : 0;

  if (n == 0 || n >= HELPER_MAX_LAYERS) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE, "The image that it stands on is gone: %.12s",
                 container->spec->image);
    return FALSE;
  }
  for (guint i = 0; i < n; i++) {
    request->layers[i].kind = HELPER_LAYER_IMAGE;
    g_strlcpy (request->layers[i].id, image->layers[n - 1 - i], sizeof request->layers[i].id);
  }
  request->layers[n].kind = HELPER_LAYER_CONTAINER;
  g_strlcpy (request->layers[n].id, container->id, sizeof request->layers[n].id);
  start->n_lower = n;
  request->n_layers = n + 1;
  return TRUE;
}

void
bothy_start_pass_on (GUnixFDList *list, GUnixFDList *from, int index, GError **error)
{
  autofd fd = *error ? -1 : g_unix_fd_list_get (from, index, error);

  if (fd >= 0)
    g_unix_fd_list_append (list, fd, error);
}

/* fds: the user namespace, the group, the connection. */
void
bothy_start_spawn (BothyStart *start)
{
  const struct helper_request request = { .op = HELPER_SPAWN,
                                          .program = HELPER_PROGRAM_SUPERVISOR,
                                          .into_group = 1 };
  BothyContainer *container = start->container;
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GError *error = NULL;

  start->spawn_sent = TRUE;
  bothy_start_pass_on (fds, start->namespaces, BOTHY_START_USERNS, &error);
  bothy_start_pass_on (fds, start->group->fds, 0, &error);
  if (!error)
    g_unix_fd_list_append (fds, start->their_fd, &error);
  if (error) {
    bothy_start_fail (start, error);
    return;
  }
  call_helper (start, &request, fds, on_spawned);
  container->group = (g_free (container->group), g_strdup (start->group->path));
}

static void
on_idmap_namespace (GObject *source, GAsyncResult *result, gpointer user_data)
{
  struct helper_request request = { .op = HELPER_MOUNT };
  BothyStart *start = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  start->pending--;
  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!fds || !list_layers (start, &request, &error))
    bothy_start_fail (start, error);
  else if (!start->error)
    call_helper (start, &request, fds, on_mounted);
  bothy_start_advance (start);
}

void
bothy_start_request_namespaces (BothyStart *start)
{
  guint32 base = start->container->range_base;
  struct helper_request request = {
    .op = HELPER_NETNS, .owner = base, .n_extents = 1, .extents = { { 0, base, BOTHY_RANGE_SIZE } }
  };

  call_helper (start, &request, NULL, on_namespaces);
  request.op = HELPER_USERNS;
  request.extents[0].inside = BOTHY_NEUTRAL_BASE;
  call_helper (start, &request, NULL, on_idmap_namespace);
}
