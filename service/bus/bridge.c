/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Bridge, and what org.bothy.Bothy1.Manager has for bridges */
#include "bus/handlers.h"

#include "bus/options.h"
#include "bus/paths.h"
#include "core/accounts/nss.h"
#include "base/error.h"
#include "core/byhand/attach.h"
#include "core/registry/delete-bridge.h"
#include "network/bridge-profile.h"
#include "platform/untrusted-fd.h"

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

static gpointer
parse_create_bridge (BothyArguments *arguments, GError **error)
{
  g_autoptr (BothyBridgeProfile) profile = g_new0 (BothyBridgeProfile, 1);
  g_autoptr (GVariant) options = NULL;
  g_autofree char *kind = NULL;
  const BothyOption table[] = { { "kind", "s", &kind },
                                { "port", "s", &profile->port },
                                { "subnet", "s", &profile->subnet },
                                { "stp", "b", &profile->stp },
                                { NULL, NULL, NULL } };

  bothy_arguments_get (arguments, "(s@a{sv})", &profile->name, &options);
  if (!bothy_options_parse (options, table, error) || !parse_kind (kind, &profile->nat, error) ||
      !bothy_bridge_profile_check (profile, error))
    return NULL;
  return g_steal_pointer (&profile);
}

const BothyRequestType bothy_manager_create_bridge_request = { parse_create_bridge,
                                                               (GDestroyNotify)bothy_bridge_profile_free };

gboolean
bothy_manager_check_create_bridge (BothyCall *call, GError **error)
{
  const BothyBridgeProfile *profile = call->request;

  insert_details (call, profile->name);
  return TRUE;
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  const BothyBridgeProfile *profile = call->request;
  GError *error = NULL;
  g_autofree char *path = NULL;

  if (!bothy_bridge_profile_create_finish (BOTHY_NM (source), result, &error)) {
    bothy_call_return_error (call, error);
    return;
  }
  path = bothy_path_of_bridge (profile->name);
  bothy_call_return (call, g_variant_new ("(o)", path));
}

void
bothy_manager_handle_create_bridge (BothyCall *call)
{
  bothy_bridge_profile_create (bothy_registry_get_nm (call->registry), call->request, on_created,
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

  bothy_delete_bridge_finish (BOTHY_REGISTRY (source), result, &error);
  bothy_call_return_done (call, error);
}

void
bothy_bridge_handle_delete (BothyCall *call)
{
  bothy_delete_bridge (call->registry, get_bridge (call)->facts->name, on_deleted, bothy_call_ref (call));
}

/* ---- Delegate and Revoke ---- */

typedef struct {
  char *principal; /* "user:NAME" or "group:NAME" */
  guint32 quota;   /* nics */
} BridgeDelegateRequest;

static void
bridge_delegate_request_free (BridgeDelegateRequest *request)
{
  g_free (request->principal);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BridgeDelegateRequest, bridge_delegate_request_free)

static gpointer
parse_delegate (BothyArguments *arguments, GError **error)
{
  g_autoptr (BridgeDelegateRequest) request = g_new0 (BridgeDelegateRequest, 1);

  bothy_arguments_get (arguments, "(su)", &request->principal, &request->quota);
  if (!bothy_account_check_principal (request->principal, error))
    return NULL;
  if (request->quota >= 1 && request->quota <= BOTHY_MAX_DELEGATION)
    return g_steal_pointer (&request);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "quota: 1 to %u nics can be delegated, not %u; Revoke takes a delegation back",
               BOTHY_MAX_DELEGATION, request->quota);
  return NULL;
}

const BothyRequestType bothy_bridge_delegate_request = { parse_delegate,
                                                         (GDestroyNotify)bridge_delegate_request_free };

gboolean
bothy_bridge_check_delegate (BothyCall *call, GError **error)
{
  const BridgeDelegateRequest *request = call->request;
  g_autofree char *text = g_strdup_printf ("%u", request->quota);

  insert_details (call, get_bridge (call)->facts->name);
  polkit_details_insert (call->details, "principal", request->principal);
  polkit_details_insert (call->details, "quota", text);
  return TRUE;
}

static void
on_delegated (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_bridges_delegate_finish (BOTHY_BRIDGES (source), result, &error);
  bothy_call_return_done (call, error);
}

void
bothy_bridge_handle_delegate (BothyCall *call)
{
  const BridgeDelegateRequest *request = call->request;

  bothy_bridges_delegate (bothy_registry_get_bridges (call->registry), get_bridge (call), request->principal,
                          request->quota, on_delegated, bothy_call_ref (call));
}

/* The principal. */
static gpointer
parse_revoke (BothyArguments *arguments, GError **error)
{
  g_autofree char *principal = NULL;

  bothy_arguments_get (arguments, "(s)", &principal);
  return bothy_account_check_principal (principal, error) ? g_steal_pointer (&principal) : NULL;
}

const BothyRequestType bothy_bridge_revoke_request = { parse_revoke, g_free };

gboolean
bothy_bridge_check_revoke (BothyCall *call, GError **error)
{
  insert_details (call, get_bridge (call)->facts->name);
  polkit_details_insert (call->details, "principal", call->request);
  return TRUE;
}

void
bothy_bridge_handle_revoke (BothyCall *call)
{
  GError *error = NULL;

  bothy_bridges_revoke (bothy_registry_get_bridges (call->registry), get_bridge (call), call->request,
                        &error);
  bothy_call_return_done (call, error);
}

/* ---- AttachNic and DetachNic ---- */

typedef struct {
  int netns_fd;
  char *interface;    /* the nic's name inside */
  gboolean configure; /* of AttachNic: it is set up, with its addresses */
} NicRequest;

static void
nic_request_free (NicRequest *request)
{
  bothy_untrusted_fd_close (request->netns_fd);
  g_free (request->interface);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NicRequest, nic_request_free)

static gpointer
parse_attach_nic (BothyArguments *arguments, GError **error)
{
  g_autoptr (NicRequest) request = g_new0 (NicRequest, 1);
  const BothyOption table[] = { { "configure", "b", &request->configure }, { NULL, NULL, NULL } };
  g_autoptr (GVariant) options = NULL;
  gint32 handle;

  request->configure = TRUE;
  bothy_arguments_get (arguments, "(hs@a{sv})", &handle, &request->interface, &options);
  request->netns_fd = bothy_arguments_dup_fd (arguments, handle, error);
  if (request->netns_fd < 0 || !bothy_options_parse (options, table, error) ||
      !bothy_byhand_check_interface (request->interface, error))
    return NULL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_bridge_attach_nic_request = { parse_attach_nic,
                                                           (GDestroyNotify)nic_request_free };

gboolean
bothy_bridge_check_attach_nic (BothyCall *call, GError **error)
{
  insert_details (call, get_bridge (call)->facts->name);
  return TRUE;
}

static void
on_weighed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;

  bothy_call_weighed (call,
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
  const NicRequest *request = call->request;

  bothy_byhand_attach_nic (bothy_registry_get_nics (call->registry), call->user,
                           get_bridge (call)->facts->name, request->netns_fd, request->interface,
                           call->may_use, request->configure, on_attached, bothy_call_ref (call));
}

static gpointer
parse_detach_nic (BothyArguments *arguments, GError **error)
{
  g_autoptr (NicRequest) request = g_new0 (NicRequest, 1);
  gint32 handle;

  bothy_arguments_get (arguments, "(hs)", &handle, &request->interface);
  request->netns_fd = bothy_arguments_dup_fd (arguments, handle, error);
  if (request->netns_fd < 0 || !bothy_byhand_check_interface (request->interface, error))
    return NULL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_bridge_detach_nic_request = { parse_detach_nic,
                                                           (GDestroyNotify)nic_request_free };

static void
on_detached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_byhand_detach_nic_finish (BOTHY_BYHAND_NICS (source), result, &error);
  bothy_call_return_done (call, error);
}

void
bothy_bridge_handle_detach_nic (BothyCall *call)
{
  const NicRequest *request = call->request;

  bothy_byhand_detach_nic (bothy_registry_get_nics (call->registry), call->user,
                           get_bridge (call)->facts->name, request->netns_fd, request->interface, on_detached,
                           bothy_call_ref (call));
}
