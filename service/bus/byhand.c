/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Manager: what there is for containers that are built by hand. */
#include "bus/handlers.h"

#include "bus/door.h"
#include "bus/options.h"
#include "base/error.h"
#include "core/byhand/delegate.h"

/* ---- ranges ---- */

gboolean
bothy_manager_check_allocate_range (BothyCall *call, GError **error)
{
  const BothyOption none[] = { { NULL, NULL, NULL } };
  g_autoptr (GVariant) options = NULL;
  g_autofree char *text = NULL;
  guint32 count;

  g_variant_get (call->args, "(u@a{sv})", &count, &options);
  if (count < 1 || count > BOTHY_RANGE_SIZE) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "count: 1 to %u ids can be had at once, not %u", BOTHY_RANGE_SIZE, count);
    return FALSE;
  }
  text = g_strdup_printf ("%u", count);
  polkit_details_insert (call->details, "count", text);
  return bothy_options_parse (options, none, error);
}

static void
on_allocated (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  guint32 base = bothy_ranges_take_finish (BOTHY_RANGES (source), result, &error);

  if (base && bothy_owners_note (bothy_registry_get_owners (call->registry), call->user, &error))
    bothy_call_return (call, g_variant_new ("(uu)", base, base));
  else
    bothy_call_return_error (call, error);
}

void
bothy_manager_handle_allocate_range (BothyCall *call)
{
  bothy_ranges_take_by_hand (bothy_registry_get_ranges (call->registry), call->user,
                             bothy_registry_get_configuration (call->registry)->max_ranges, on_allocated,
                             bothy_call_ref (call));
}

static void
on_released (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  if (bothy_ranges_release_by_hand_finish (BOTHY_RANGES (source), result, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

void
bothy_manager_handle_release_range (BothyCall *call)
{
  guint32 base;

  g_variant_get (call->args, "(u)", &base);
  bothy_ranges_release_by_hand (bothy_registry_get_ranges (call->registry), call->user, base, on_released,
                                bothy_call_ref (call));
}

/* ---- MapUserNamespace ---- */

static gboolean
parse_map (BothyCall *call, int *ret_fd, BothyIdMap *ret_map, GError **error)
{
  g_autoptr (GVariant) extents = NULL;
  gint32 handle;

  g_variant_get (call->args, "(h@a(suuu))", &handle, &extents);
  *ret_fd = bothy_call_get_fd (call, handle, error);
  return *ret_fd >= 0 && bothy_id_map_parse (extents, ret_map, error);
}

gboolean
bothy_manager_check_map_user_namespace (BothyCall *call, GError **error)
{
  BothyIdMap map;
  int fd;

  return parse_map (call, &fd, &map, error);
}

static void
on_mapped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  if (bothy_byhand_map_finish (BOTHY_RANGES (source), result, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

void
bothy_manager_handle_map_user_namespace (BothyCall *call)
{
  BothyIdMap map;
  int fd;

  parse_map (call, &fd, &map, NULL);
  bothy_byhand_map (bothy_registry_get_ranges (call->registry), bothy_registry_get_helper (call->registry),
                    call->user, fd, &map, on_mapped, bothy_call_ref (call));
}

/* ---- DelegateCgroup ---- */

static gboolean
parse_delegate (BothyCall *call, int *ret_pidfd, guint32 *ret_owner, GError **error)
{
  const BothyOption table[] = { { "uid", "u", ret_owner }, { NULL, NULL, NULL } };
  g_autoptr (GVariant) options = NULL;
  gint32 handle;

  *ret_owner = call->user;
  g_variant_get (call->args, "(h@a{sv})", &handle, &options);
  *ret_pidfd = bothy_call_get_fd (call, handle, error);
  return *ret_pidfd >= 0 && bothy_options_parse (options, table, error);
}

gboolean
bothy_manager_check_delegate_cgroup (BothyCall *call, GError **error)
{
  g_autofree char *text = NULL;
  guint32 owner;
  int pidfd;

  if (!parse_delegate (call, &pidfd, &owner, error))
    return FALSE;
  text = g_strdup_printf ("%u", owner);
  polkit_details_insert (call->details, "uid", text);
  return TRUE;
}

/* To leave a group that is not the caller's, such as a service's, is an administrator's to allow. */
void
bothy_manager_weigh_delegate_cgroup (BothyCall *call)
{
  g_autofree char *group = NULL;
  g_autofree char *shown = NULL;
  guint32 owner;
  int pidfd;

  if (parse_delegate (call, &pidfd, &owner, NULL))
    group =
        bothy_byhand_find_left_group (bothy_registry_get_ranges (call->registry),
                                      bothy_registry_get_cgroups (call->registry), call->user, pidfd, owner);
  shown = group ? g_strescape (group, NULL) : NULL;
  if (shown)
    polkit_details_insert (call->details, "group", shown);
  bothy_door_weighed (call, group != NULL);
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
  guint32 owner;
  int pidfd;

  parse_delegate (call, &pidfd, &owner, NULL);
  bothy_byhand_delegate (bothy_registry_get_ranges (call->registry),
                         bothy_registry_get_cgroups (call->registry), call->user, pidfd, owner, call->may_use,
                         on_delegated, bothy_call_ref (call));
}
