/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Manager: what there is for containers that are built by hand. */
#include "bus/handlers.h"

#include "bus/limits.h"
#include "bus/options.h"
#include "base/error.h"
#include "core/byhand/delegate.h"
#include "platform/untrusted-fd.h"

/* ---- ranges ---- */

typedef struct {
  guint32 count; /* of ids that are wanted */
  guint granted; /* how many ranges polkit was asked for, more than users may have; or 0 */
} AllocateRequest;

static gpointer
parse_allocate_range (BothyArguments *arguments, GError **error)
{
  const BothyOption none[] = { { NULL, NULL, NULL } };
  g_autofree AllocateRequest *request = g_new0 (AllocateRequest, 1);
  g_autoptr (GVariant) options = NULL;

  bothy_arguments_get (arguments, "(u@a{sv})", &request->count, &options);
  if (request->count < 1 || request->count > BOTHY_RANGE_SIZE) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "count: 1 to %u ids can be had at once, not %u", BOTHY_RANGE_SIZE, request->count);
    return NULL;
  }
  return bothy_options_parse (options, none, error) ? g_steal_pointer (&request) : NULL;
}

const BothyRequestType bothy_manager_allocate_range_request = { parse_allocate_range, g_free };

gboolean
bothy_manager_check_allocate_range (BothyCall *call, GError **error)
{
  AllocateRequest *request = call->request;
  g_autofree char *text = g_strdup_printf ("%u", request->count);

  /* No answer of an administrator's would help: he is not asked. */
  if (!bothy_ranges_check_by_hand (bothy_registry_get_ranges (call->registry), call->user,
                                   bothy_registry_get_configuration (call->registry)->max_ranges, error))
    return FALSE;
  polkit_details_insert (call->details, "count", text);
  request->granted = bothy_limits_ask_for_range (call);
  /* For the dialog; no container has such a name. */
  if (request->granted > 0)
    polkit_details_insert (call->details, "container", "(built by hand)");
  return TRUE;
}

static void
on_taken_back (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_ranges_release_by_hand_finish (BOTHY_RANGES (source), result, &error))
    g_warning ("Ranges: one that nobody was told of stays held: %s", error->message);
}

static void
on_allocated (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  guint32 base = bothy_ranges_take_finish (BOTHY_RANGES (source), result, &error);

  /* A range is his for ever, so it has to be known who he is. */
  if (base && !bothy_owners_note (bothy_registry_get_owners (call->registry), call->user, &error))
    bothy_ranges_release_by_hand (BOTHY_RANGES (source), call->user, base, on_taken_back, NULL);
  if (!error)
    bothy_call_return (call, g_variant_new ("(uu)", base, base));
  else
    bothy_call_return_error (call, error);
}

void
bothy_manager_handle_allocate_range (BothyCall *call)
{
  const AllocateRequest *request = call->request;

  bothy_ranges_take_by_hand (bothy_registry_get_ranges (call->registry), call->user,
                             bothy_registry_get_configuration (call->registry)->max_ranges, request->granted,
                             on_allocated, bothy_call_ref (call));
}

static void
on_released (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_ranges_release_by_hand_finish (BOTHY_RANGES (source), result, &error);
  bothy_call_return_done (call, error);
}

void
bothy_manager_handle_release_range (BothyCall *call)
{
  const guint32 *base = call->request;

  bothy_ranges_release_by_hand (bothy_registry_get_ranges (call->registry), call->user, *base, on_released,
                                bothy_call_ref (call));
}

/* Whose it is would tell a stranger who asks for a dialog. */
gboolean
bothy_manager_check_reclaim_range (BothyCall *call, GError **error)
{
  const guint32 *base = call->request;
  g_autofree char *text = g_strdup_printf ("%u", *base);

  polkit_details_insert (call->details, "range", text);
  return TRUE;
}

static void
on_reclaimed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  BothyReclaim done = bothy_ranges_reclaim_finish (BOTHY_RANGES (source), result, &error);

  if (done == BOTHY_RECLAIM_FAILED)
    bothy_call_return_error (call, error);
  else
    bothy_call_return (call, g_variant_new ("(b)", done == BOTHY_RECLAIM_GIVEN));
}

void
bothy_manager_handle_reclaim_range (BothyCall *call)
{
  const guint32 *base = call->request;

  bothy_ranges_reclaim (bothy_registry_get_ranges (call->registry), *base, on_reclaimed,
                        bothy_call_ref (call));
}

/* ---- MapUserNamespace ---- */

typedef struct {
  int fd; /* of the namespace or of a process in it */
  BothyIdMap map;
} MapRequest;

static void
map_request_free (MapRequest *request)
{
  bothy_untrusted_fd_close (request->fd);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MapRequest, map_request_free)

static gpointer
parse_map_user_namespace (BothyArguments *arguments, GError **error)
{
  g_autoptr (MapRequest) request = g_new0 (MapRequest, 1);
  g_autoptr (GVariant) extents = NULL;
  gint32 handle;

  bothy_arguments_get (arguments, "(h@a(suuu))", &handle, &extents);
  request->fd = bothy_arguments_dup_fd (arguments, handle, error);
  if (request->fd < 0 || !bothy_id_map_parse (extents, &request->map, error))
    return NULL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_manager_map_user_namespace_request = { parse_map_user_namespace,
                                                                    (GDestroyNotify)map_request_free };

static void
on_mapped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_byhand_map_finish (BOTHY_RANGES (source), result, &error);
  bothy_call_return_done (call, error);
}

void
bothy_manager_handle_map_user_namespace (BothyCall *call)
{
  const MapRequest *request = call->request;

  bothy_byhand_map (bothy_registry_get_ranges (call->registry), bothy_registry_get_helper (call->registry),
                    call->user, request->fd, &request->map, on_mapped, bothy_call_ref (call));
}

/* ---- DelegateCgroup ---- */

typedef struct {
  int pidfd;
  guint32 owner; /* uid that the group will belong to */
} DelegateRequest;

static void
delegate_request_free (DelegateRequest *request)
{
  bothy_untrusted_fd_close (request->pidfd);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DelegateRequest, delegate_request_free)

static gpointer
parse_delegate_cgroup (BothyArguments *arguments, GError **error)
{
  g_autoptr (DelegateRequest) request = g_new0 (DelegateRequest, 1);
  const BothyOption table[] = { { "uid", "u", &request->owner }, { NULL, NULL, NULL } };
  g_autoptr (GVariant) options = NULL;
  gint32 handle;

  request->owner = bothy_arguments_get_user (arguments);
  bothy_arguments_get (arguments, "(h@a{sv})", &handle, &options);
  request->pidfd = bothy_arguments_dup_fd (arguments, handle, error);
  if (request->pidfd < 0 || !bothy_options_parse (options, table, error))
    return NULL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_manager_delegate_cgroup_request = { parse_delegate_cgroup,
                                                                 (GDestroyNotify)delegate_request_free };

gboolean
bothy_manager_check_delegate_cgroup (BothyCall *call, GError **error)
{
  const DelegateRequest *request = call->request;
  g_autofree char *text = g_strdup_printf ("%u", request->owner);

  polkit_details_insert (call->details, "uid", text);
  return TRUE;
}

/* To leave a group that is not the caller's, such as a service's, is an administrator's to allow. */
void
bothy_manager_weigh_delegate_cgroup (BothyCall *call)
{
  const DelegateRequest *request = call->request;
  g_autofree char *group = NULL;
  g_autofree char *shown = NULL;
  GError *error = NULL;

  if (!bothy_byhand_find_left_group (bothy_registry_get_ranges (call->registry),
                                     bothy_registry_get_cgroups (call->registry), call->user, request->pidfd,
                                     request->owner, &group, &error)) {
    bothy_call_return_error (call, error);
    return;
  }
  shown = group ? g_strescape (group, NULL) : NULL;
  if (shown)
    polkit_details_insert (call->details, "group", shown);
  bothy_call_weighed (call, group != NULL);
}

static void
on_delegated (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autofree char *group = bothy_byhand_delegate_finish (BOTHY_RANGES (source), result, &error);

  if (group)
    bothy_call_return (call, g_variant_new ("(s)", group));
  else
    bothy_call_return_error (call, error);
}

void
bothy_manager_handle_delegate_cgroup (BothyCall *call)
{
  const DelegateRequest *request = call->request;

  bothy_byhand_delegate (bothy_registry_get_ranges (call->registry),
                         bothy_registry_get_cgroups (call->registry), call->user, request->pidfd,
                         request->owner, call->may_use, on_delegated, bothy_call_ref (call));
}
