/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Container: AddDevice and RemoveDevice, and Manager: ListDevices */
#include "bus/handlers.h"

#include "bus/options.h"
#include "base/error.h"
#include "base/validate.h"
#include "core/registry/devices.h"

static gpointer
parse_add_device (BothyArguments *arguments, GError **error)
{
  g_autoptr (GVariant) options = NULL;
  g_autofree char *match = NULL;
  g_autofree char *owner = g_strdup (""), *group = g_strdup (""), *mode = g_strdup (""),
                  *link = g_strdup ("");
  const BothyOption table[] = {
    { "match", "s", &match }, { "owner", "s", &owner },  { "group", "s", &group },
    { "mode", "s", &mode },   { "symlink", "s", &link }, { NULL, NULL, NULL },
  };
  const char *name;

  bothy_arguments_get (arguments, "(&s@a{sv})", &name, &options);
  if (!bothy_options_parse (options, table, error))
    return NULL;
  if (match)
    return bothy_device_new (name, match, owner, group, mode, link, error);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"match\" is needed: which device it is, such as usb:0658:0200");
  return NULL;
}

const BothyRequestType bothy_container_add_device_request = { parse_add_device,
                                                              (GDestroyNotify)bothy_device_free };

static BothyContainer *
get_container (BothyCall *call)
{
  return BOTHY_CONTAINER (call->node->target);
}

gboolean
bothy_container_check_add_device (BothyCall *call, GError **error)
{
  const BothyDevice *device = call->request;

  polkit_details_insert (call->details, "container", get_container (call)->spec->name);
  polkit_details_insert (call->details, "device", device->name);
  polkit_details_insert (call->details, "match", bothy_device_match_text (device->match));
  return bothy_devices_check (get_container (call)->spec->devices, device->name, error);
}

/* What an administrator agrees to is what is there now, and is shown to him. */
static void
on_weighed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  BothyDevice *device = call->request;
  g_autoptr (BothyDeviceVerdict) verdict = NULL;
  GError *error = NULL;

  verdict = bothy_registry_weigh_device_finish (BOTHY_REGISTRY (source), result, &error);
  if (!verdict) {
    bothy_call_return_error (call, error);
    return;
  }
  device->approved_only = verdict->approved_only;
  if (verdict->ask) {
    g_strfreev (device->approved);
    device->approved = g_steal_pointer (&verdict->approved);
    polkit_details_insert (call->details, "vendor", verdict->vendor ? verdict->vendor : "");
    polkit_details_insert (call->details, "model", verdict->model ? verdict->model : "");
    polkit_details_insert (call->details, "nodes", verdict->nodes);
  }
  bothy_call_weighed (call, verdict->ask);
}

void
bothy_container_weigh_add_device (BothyCall *call)
{
  bothy_registry_weigh_device (call->registry, get_container (call), call->request, call->user, on_weighed,
                               bothy_call_ref (call));
}

static void
on_device_changed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_registry_device_finish (BOTHY_REGISTRY (source), result, &error);
  bothy_call_return_done (call, error);
}

void
bothy_container_handle_add_device (BothyCall *call)
{
  bothy_registry_add_device (call->registry, get_container (call), call->request, on_device_changed,
                             bothy_call_ref (call));
}

/* The name. */
static gpointer
parse_remove_device (BothyArguments *arguments, GError **error)
{
  g_autofree char *name = NULL;

  bothy_arguments_get (arguments, "(s)", &name);
  return bothy_validate_name (name, "The name of a device", error) ? g_steal_pointer (&name) : NULL;
}

const BothyRequestType bothy_container_remove_device_request = { parse_remove_device, g_free };

void
bothy_container_handle_remove_device (BothyCall *call)
{
  polkit_details_insert (call->details, "device", call->request);
  bothy_registry_remove_device (call->registry, get_container (call), call->request, on_device_changed,
                                bothy_call_ref (call));
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  g_autoptr (GVariant) devices = NULL;
  GError *error = NULL;

  devices = bothy_registry_list_devices_finish (BOTHY_REGISTRY (source), result, &error);
  if (devices)
    bothy_call_return (call, g_variant_new ("(@aa{sv})", devices));
  else
    bothy_call_return_error (call, error);
}

void
bothy_manager_handle_list_devices (BothyCall *call)
{
  bothy_registry_list_devices (call->registry, call->user, on_listed, bothy_call_ref (call));
}
