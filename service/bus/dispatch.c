/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a call comes through the door: seen, checked, asked about, looked at again, and handled. */
#include "bus/dispatch.h"

#include "bus/authority.h"
#include "bus/door.h"
#include "bus/handlers.h"
#include "bus/paths.h"
#include "bus/names.h"
#include "base/error.h"

#include <string.h>

/* A message without an interface means the only method of that name; none of ours needs it. */
static const BothyRow *
find_row (BothyCall *call)
{
  for (const BothyRow *row = bothy_door_get_rows (); row->interface; row++) {
    if (g_strcmp0 (row->interface, call->interface) == 0 && g_strcmp0 (row->member, call->member) == 0)
      return row;
  }
  return NULL;
}

static gboolean
sees_node (BothyCall *call)
{
  call->node = bothy_objects_lookup (call->objects, call->path);
  return call->node && call->node->is_visible (call->node->target, call->user);
}

static gboolean
is_introspection (BothyCall *call)
{
  return g_strcmp0 (call->interface, DBUS_INTROSPECTABLE_INTERFACE) == 0;
}

/* Whether the path is where another user's container would be, there or not. */
static gboolean
is_foreign_container (BothyCall *call)
{
  g_autofree char *name = NULL;
  guint32 owner;

  if (!bothy_path_parse_container (call->path, &owner, &name) || owner == call->user)
    return FALSE;
  bothy_call_name_foreign (call, owner, name);
  return TRUE;
}

/* The object has the interface, the interface the method, and the arguments are of its signature. */
static gboolean
check_signature (BothyCall *call, GError **error)
{
  const GDBusInterfaceInfo *interface = bothy_standard_get_interface (call->interface);
  g_autoptr (GString) signature = g_string_new ("(");
  const GDBusMethodInfo *method;

  if (!interface && call->node && g_strcmp0 (call->node->interface->name, call->interface) == 0)
    interface = call->node->interface;
  method =
      interface ? g_dbus_interface_info_lookup_method ((GDBusInterfaceInfo *)interface, call->member) : NULL;
  if (!method) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_UNKNOWN_METHOD, "There is no method %s on interface %s here",
                 call->member, call->interface ? call->interface : "(none)");
    return FALSE;
  }
  for (GDBusArgInfo **arg = method->in_args; arg && *arg; arg++)
    g_string_append (signature, (*arg)->signature);
  g_string_append_c (signature, ')');
  return bothy_arguments_check_signature (call->arguments, call->member, signature->str, error);
}

/* The only time that somebody looks at the arguments. */
static gboolean
parse_request (BothyCall *call, GError **error)
{
  g_autoptr (BothyArguments) arguments = NULL;

  if (!check_signature (call, error))
    return FALSE;
  arguments = g_steal_pointer (&call->arguments);
  if (!call->row->request)
    return TRUE;
  call->request = call->row->request->parse (arguments, error);
  call->free_request = call->row->request->free;
  return call->request != NULL;
}

/* The request comes before the question, so that nothing misshapen is shown to an administrator. */
static gboolean
take_request (BothyCall *call)
{
  GError *error = NULL;

  if (parse_request (call, &error) && (!call->row->check || call->row->check (call, &error)))
    return TRUE;
  bothy_call_return_error (call, error);
  return FALSE;
}

static gboolean
is_still_there (BothyCall *call)
{
  call->node = bothy_objects_lookup (call->objects, call->path);
  return call->node && call->node->target == call->asked_about;
}

static const char *
get_grounds (const BothyCall *call)
{
  if (call->user == 0)
    return "root";
  if (call->may_exceed)
    return call->row->exceeding;
  if (call->may_use)
    return call->row->weighing;
  return call->may_inspect || call->row->rule == BOTHY_RULE_ACTION ? call->row->action : "owner";
}

/* All is said and authorized. */
static void
handle (BothyCall *call)
{
  if (!call->row->reads && g_strcmp0 (call->row->action, BOTHY_ACTION_INSPECT) != 0)
    call->grounds = get_grounds (call);
  g_set_object (&call->about, call->node ? call->node->target : NULL);
  call->row->handle (call);
}

static void
on_weighing_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  call->may_use = bothy_authority_check_finish (result, &error);
  if (!call->may_use)
    bothy_call_return_error (call, error);
  else if (g_cancellable_is_cancelled (call->client->gone))
    g_debug ("%s left before %s was authorized", call->client->name, call->member);
  else if (!is_still_there (call))
    bothy_call_return_unknown_object (call);
  else
    handle (call);
}

static void
on_weighed (BothyCall *call, gboolean ask)
{
  if (ask)
    bothy_authority_check (call->client, call->row->weighing, call->details, call->is_interactive,
                           on_weighing_checked, bothy_call_ref (call));
  else if (is_still_there (call))
    handle (call);
  else
    bothy_call_return_unknown_object (call);
}

static void
handle_or_weigh (BothyCall *call)
{
  if (!call->row->weigh) {
    handle (call);
    return;
  }
  g_set_object (&call->asked_about, call->node->target);
  call->weighed = on_weighed;
  call->row->weigh (call);
}

static void
on_exceed_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  g_autoptr (GError) error = NULL;

  call->may_exceed = bothy_authority_check_finish (result, &error);
  if (g_cancellable_is_cancelled (call->client->gone))
    g_debug ("%s left before %s was authorized", call->client->name, call->member);
  else if (!call->may_exceed && g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED_DISMISSED))
    bothy_call_return_error (call, g_steal_pointer (&error));
  else if (!call->may_exceed) {
    /* Where it is no more than a question, whoever called may let it be asked. */
    if (g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED_CAN_OBTAIN) &&
        g_error_matches (call->exceeds, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED))
      call->exceeds->code = BOTHY_ERROR_NOT_AUTHORIZED_CAN_OBTAIN;
    bothy_call_return_error (call, g_steal_pointer (&call->exceeds));
  } else if (!is_still_there (call))
    bothy_call_return_unknown_object (call);
  else
    handle_or_weigh (call);
}

/* The caller may call the method; what is above a ceiling of the administrator's is one more question. */
static void
handle_or_ask_to_exceed (BothyCall *call)
{
  if (!call->exceeds) {
    handle_or_weigh (call);
    return;
  }
  g_set_object (&call->asked_about, call->node->target);
  bothy_authority_check (call->client, call->row->exceeding, call->details, call->is_interactive,
                         on_exceed_checked, bothy_call_ref (call));
}

/* All is said; what was seen before the question is looked at again. */
static void
handle_if_visible (BothyCall *call)
{
  gboolean visible = sees_node (call);

  if (is_introspection (call) || visible)
    handle_or_ask_to_exceed (call);
  else
    bothy_call_return_unknown_object (call);
}

static void
on_foreign_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  g_autoptr (GError) error = NULL;

  call->may_inspect = bothy_authority_check_finish (result, &error);
  call->node = bothy_objects_lookup (call->objects, call->path);
  /* Another one that has got the name since is not what the administrator said yes to. */
  if (call->may_inspect && call->node && call->node->target == call->asked_about) {
    if (take_request (call))
      handle_or_ask_to_exceed (call);
  } else if (g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED_DISMISSED))
    bothy_call_return_error (call, g_steal_pointer (&error));
  else
    bothy_call_return_unknown_object (call);
}

static void
on_also_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  if (!bothy_authority_check_finish (result, &error))
    bothy_call_return_error (call, error);
  else if (g_cancellable_is_cancelled (call->client->gone))
    g_debug ("%s left before %s was authorized", call->client->name, call->member);
  else
    handle_if_visible (call);
}

static void
on_action_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  if (!bothy_authority_check_finish (result, &error))
    bothy_call_return_error (call, error);
  else if (g_cancellable_is_cancelled (call->client->gone))
    g_debug ("%s left before %s was authorized", call->client->name, call->member);
  else if (call->also)
    bothy_authority_check (call->client, call->row->also, call->also, call->is_interactive, on_also_checked,
                           bothy_call_ref (call));
  else
    handle_if_visible (call);
}

static void
on_viewer_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;

  call->may_inspect = bothy_authority_check_finish (result, NULL);
  call->client->inspects = call->may_inspect;
  handle_if_visible (call);
}

static void
ask_for_action (BothyCall *call, gboolean interactive, GAsyncReadyCallback callback)
{
  bothy_authority_check (call->client, call->row->action, call->details, interactive && call->is_interactive,
                         callback, bothy_call_ref (call));
}

static void
enter_visible (BothyCall *call)
{
  if (!take_request (call))
    return;
  switch (call->row->rule) {
  case BOTHY_RULE_ANYBODY:
  case BOTHY_RULE_OWNER:
    handle_if_visible (call);
    break;
  case BOTHY_RULE_ACTION:
    ask_for_action (call, TRUE, on_action_checked);
    break;
  case BOTHY_RULE_VIEWER:
    /* Who asks only for his own needs no authorization. Otherwise polkit is asked, with a dialog only if he
       named somebody else's thing: a listing opens none, and then has only his own. */
    if (call->is_own)
      handle_if_visible (call);
    else
      ask_for_action (call, call->is_foreign, on_viewer_checked);
    break;
  case BOTHY_RULE_NOBODY:
  default:
    bothy_call_return_unknown_object (call);
  }
}

static void
enter_door (BothyCall *call)
{
  GError *error = NULL;
  gboolean visible;

  /* Whoever has a uid now that was somebody else's has nothing here, not even a look. */
  if (!bothy_owners_check (bothy_registry_get_owners (call->registry), call->user, &error)) {
    bothy_call_return_error (call, error);
    return;
  }
  visible = sees_node (call);
  call->row = find_row (call);
  if (visible && !call->row) {
    check_signature (call, &error);
    bothy_call_return_error (call, error ? error
                                         : g_error_new (BOTHY_ERROR, BOTHY_ERROR_UNKNOWN_METHOD,
                                                        "%s is not for calls", call->member));
  } else if (visible || (call->row && is_introspection (call)))
    enter_visible (call);
  else if (call->row && call->row->rule == BOTHY_RULE_OWNER && is_foreign_container (call)) {
    call->asked_about = call->node ? g_object_ref (call->node->target) : NULL;
    ask_for_action (call, TRUE, on_foreign_checked);
  } else
    bothy_call_return_unknown_object (call);
}

static void
on_call_ended (gpointer router, guint32 user)
{
  bothy_router_call_ended (router, user);
  g_object_unref (router);
}

void
bothy_dispatch (BothyRouter *router, BothyClient *client, GDBusMessage *message, gpointer registry)
{
  g_autoptr (BothyCall) call = bothy_call_new (registry, bothy_router_get_objects (router), client, message,
                                               on_call_ended, g_object_ref (router));

  enter_door (call);
}
