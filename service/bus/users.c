/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Users and what their containers may have at most: Ceilings, ListUsers and SetUserCeilings of org.bothy.Bothy1.Manager */
#include "bus/handlers.h"

#include "base/error.h"
#include "core/accounts/passwd.h"
#include "core/container/ceilings.h"
#include "core/registry/users.h"

void
bothy_manager_handle_ceilings (BothyCall *call)
{
  bothy_call_return (call,
                     g_variant_new ("(@a{sv})", bothy_registry_get_ceilings_of (call->registry, call->user)));
}

/* Others are what the call is about: so an administrator may be asked. */
gboolean
bothy_manager_check_list_users (BothyCall *call, GError **error)
{
  call->is_foreign = TRUE;
  polkit_details_insert (call->details, "verb", call->member);
  return TRUE;
}

void
bothy_manager_handle_list_users (BothyCall *call)
{
  bothy_call_return (call, g_variant_new ("(@aa{sv})", bothy_registry_list_users (call->registry, call->user,
                                                                                  call->may_inspect)));
}

typedef struct {
  guint32 user;
  BothyCgroupLimits ceilings;
} CeilingsRequest;

static gpointer
parse_set_user_ceilings (BothyArguments *arguments, GError **error)
{
  g_autofree CeilingsRequest *request = g_new0 (CeilingsRequest, 1);
  g_autoptr (GVariant) values = NULL;

  bothy_arguments_get (arguments, "(u@a{sv})", &request->user, &values);
  if (request->user > G_MAXINT32) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "User: %u is no user's id", request->user);
    return NULL;
  }
  return bothy_limits_parse (values, &request->ceilings, error) &&
                 bothy_ceilings_check (&request->ceilings, error)
             ? g_steal_pointer (&request)
             : NULL;
}

const BothyRequestType bothy_manager_set_user_ceilings_request = { parse_set_user_ceilings, g_free };

gboolean
bothy_manager_check_set_user_ceilings (BothyCall *call, GError **error)
{
  const CeilingsRequest *request = call->request;
  g_autofree char *uid = g_strdup_printf ("%u", request->user);
  g_autofree char *name = bothy_passwd_name (request->user);
  g_autofree char *limits = bothy_limits_describe (&request->ceilings, request->ceilings.given);

  polkit_details_insert (call->details, "owner", uid);
  polkit_details_insert (call->details, "owner-name", name ? name : uid);
  polkit_details_insert (call->details, "limits", limits);
  polkit_details_insert (call->details, "verb", call->member);
  return TRUE;
}

void
bothy_manager_handle_set_user_ceilings (BothyCall *call)
{
  const CeilingsRequest *request = call->request;
  GError *error = NULL;

  bothy_registry_set_user_ceilings (call->registry, request->user, &request->ceilings, &error);
  bothy_call_return_done (call, error);
}
