/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Bridge, and what org.bothy.Bothy1.Manager has for bridges */
#include "bus/handlers.h"

#include "bus/door.h"
#include "bus/options.h"
#include "bus/publisher.h"
#include "core/accounts/nss.h"
#include "base/error.h"
#include "core/byhand/attach.h"
#include "core/registry/delete-bridge.h"
#include "network/bridge-profile.h"

static BothyKnownBridge *
get_bridge (BothyCall *call)
{
  return BOTHY_KNOWN_BRIDGE (call->node->target);
}

static void
insert_details (BothyCall *call, const char *bridge)
{
  polkit_details_insert (call->details, "bridge", bridge);
  polkit_details_insert (call->details, "verb", call->member);
}

/* ---- CreateBridge and Delete ---- */

static gboolean
parse_kind (const char *kind, gboolean *ret_nat, GError **error)
{
  *ret_nat = !kind || g_str_equal (kind, "nat");
  if (*ret_nat || g_str_equal (kind, "lan"))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Option \"kind\": \"nat\" or \"lan\"");
  return FALSE;
}

static BothyBridgeProfile *
parse_create (BothyCall *call, GError **error)
{
  g_autoptr (BothyBridgeProfile) profile = g_new0 (BothyBridgeProfile, 1);
  g_autoptr (GVariant) options = NULL;
  g_autofree char *kind = NULL;
  const BothyOption table[] = { { "kind", "s", &kind },
                                { "port", "s", &profile->port },
                                { "subnet", "s", &profile->subnet },
                                { "stp", "b", &profile->stp },
                                { NULL, NULL, NULL } };

  g_variant_get (call->args, "(s@a{sv})", &profile->name, &options);
  if (!bothy_options_parse (options, table, error) || !parse_kind (kind, &profile->nat, error) ||
      !bothy_bridge_profile_check (profile, error))
    return NULL;
  return g_steal_pointer (&profile);
}

gboolean
bothy_manager_check_create_bridge (BothyCall *call, GError **error)
{
  g_autoptr (BothyBridgeProfile) profile = parse_create (call, error);

  if (profile)
    insert_details (call, profile->name);
  return profile != NULL;
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autofree char *path = NULL;
  const char *name;

  if (!bothy_bridge_profile_create_finish (BOTHY_NM (source), result, &error)) {
    bothy_call_return_error (call, error);
    return;
  }
  g_variant_get (call->args, "(&s@a{sv})", &name, NULL);
  path = bothy_publisher_bridge_path (name);
  bothy_call_return (call, g_variant_new ("(o)", path));
}

void
bothy_manager_handle_create_bridge (BothyCall *call)
{
  g_autoptr (BothyBridgeProfile) profile = parse_create (call, NULL);

  bothy_bridge_profile_create (bothy_registry_get_nm (call->registry), profile, on_created,
                               bothy_call_ref (call));
}

gboolean
bothy_bridge_check_delete (BothyCall *call, GError **error)
{
  BothyKnownBridge *bridge = get_bridge (call);

  insert_details (call, bridge->facts->name);
  if (bridge->facts->ours)
    return TRUE;
  if (bridge->is_default) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_MANAGED,
                 "The bridge %s goes by itself when nobody needs it any more", bridge->facts->name);
    return FALSE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_MANAGED,
               "The bridge %s was not made by Bothy; NetworkManager (nmcli connection delete) removes it",
               bridge->facts->name);
  return FALSE;
}

static void
on_deleted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  if (bothy_delete_bridge_finish (BOTHY_REGISTRY (source), result, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

void
bothy_bridge_handle_delete (BothyCall *call)
{
  bothy_delete_bridge (call->registry, get_bridge (call)->facts->name, on_deleted, bothy_call_ref (call));
}

/* ---- Delegate and Revoke ---- */

gboolean
bothy_bridge_check_delegate (BothyCall *call, GError **error)
{
  g_autofree char *text = NULL;
  const char *principal;
  guint32 quota;

  g_variant_get (call->args, "(&su)", &principal, &quota);
  if (!bothy_account_check_principal (principal, error))
    return FALSE;
  if (quota < 1 || quota > BOTHY_MAX_DELEGATION) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "quota: 1 to %u nics can be delegated, not %u; Revoke takes a delegation back",
                 BOTHY_MAX_DELEGATION, quota);
    return FALSE;
  }
  text = g_strdup_printf ("%u", quota);
  insert_details (call, get_bridge (call)->facts->name);
  polkit_details_insert (call->details, "principal", principal);
  polkit_details_insert (call->details, "quota", text);
  return TRUE;
}

static void
on_delegated (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  if (bothy_bridges_delegate_finish (BOTHY_BRIDGES (source), result, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

void
bothy_bridge_handle_delegate (BothyCall *call)
{
  const char *principal;
  guint32 quota;

  g_variant_get (call->args, "(&su)", &principal, &quota);
  bothy_bridges_delegate (bothy_registry_get_bridges (call->registry), get_bridge (call), principal, quota,
                          on_delegated, bothy_call_ref (call));
}

gboolean
bothy_bridge_check_revoke (BothyCall *call, GError **error)
{
  const char *principal;

  g_variant_get (call->args, "(&s)", &principal);
  if (!bothy_account_check_principal (principal, error))
    return FALSE;
  insert_details (call, get_bridge (call)->facts->name);
  polkit_details_insert (call->details, "principal", principal);
  return TRUE;
}

void
bothy_bridge_handle_revoke (BothyCall *call)
{
  const char *principal;
  GError *error = NULL;

  g_variant_get (call->args, "(&s)", &principal);
  if (bothy_bridges_revoke (bothy_registry_get_bridges (call->registry), get_bridge (call), principal,
                            &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

/* ---- AttachNic and DetachNic ---- */

static gboolean
parse_attach (
    BothyCall *call, int *ret_fd, const char **ret_interface, gboolean *ret_configure, GError **error)
{
  const BothyOption table[] = { { "configure", "b", ret_configure }, { NULL, NULL, NULL } };
  g_autoptr (GVariant) options = NULL;
  gint32 handle;

  *ret_configure = TRUE;
  g_variant_get (call->args, "(h&s@a{sv})", &handle, ret_interface, &options);
  *ret_fd = bothy_call_get_fd (call, handle, error);
  return *ret_fd >= 0 && bothy_options_parse (options, table, error) &&
         bothy_byhand_check_interface (*ret_interface, error);
}

gboolean
bothy_bridge_check_attach_nic (BothyCall *call, GError **error)
{
  const char *interface;
  gboolean configure;
  int fd;

  if (!parse_attach (call, &fd, &interface, &configure, error))
    return FALSE;
  insert_details (call, get_bridge (call)->facts->name);
  return TRUE;
}

static void
on_weighed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;

  bothy_door_weighed (call,
                      !bothy_admission_weigh_finish (bothy_registry_get_admission (call->registry), result));
}

void
bothy_bridge_weigh_attach_nic (BothyCall *call)
{
  bothy_admission_weigh (bothy_registry_get_admission (call->registry), call->user, get_bridge (call),
                         on_weighed, bothy_call_ref (call));
}

static void
on_attached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (BothyByhandNic) nic =
      bothy_byhand_attach_nic_finish (BOTHY_BYHAND_NICS (source), result, &error);

  if (nic)
    bothy_call_return (call, g_variant_new ("(s^as)", nic->mac, nic->addresses));
  else
    bothy_call_return_error (call, error);
}

void
bothy_bridge_handle_attach_nic (BothyCall *call)
{
  const char *interface;
  gboolean configure;
  int fd;

  parse_attach (call, &fd, &interface, &configure, NULL);
  bothy_byhand_attach_nic (bothy_registry_get_nics (call->registry), call->user,
                           get_bridge (call)->facts->name, fd, interface, call->may_use, configure,
                           on_attached, bothy_call_ref (call));
}

static gboolean
parse_detach (BothyCall *call, int *ret_fd, const char **ret_interface, GError **error)
{
  gint32 handle;

  g_variant_get (call->args, "(h&s)", &handle, ret_interface);
  *ret_fd = bothy_call_get_fd (call, handle, error);
  return *ret_fd >= 0 && bothy_byhand_check_interface (*ret_interface, error);
}

gboolean
bothy_bridge_check_detach_nic (BothyCall *call, GError **error)
{
  const char *interface;
  int fd;

  return parse_detach (call, &fd, &interface, error);
}

static void
on_detached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  if (bothy_byhand_detach_nic_finish (BOTHY_BYHAND_NICS (source), result, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

void
bothy_bridge_handle_detach_nic (BothyCall *call)
{
  const char *interface;
  int fd;

  parse_detach (call, &fd, &interface, NULL);
  bothy_byhand_detach_nic (bothy_registry_get_nics (call->registry), call->user,
                           get_bridge (call)->facts->name, fd, interface, on_detached, bothy_call_ref (call));
}
