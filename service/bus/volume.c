/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Volumes: CreateVolume, DeleteVolume, GetVolume and ListVolumes of org.bothy.Bothy1.Manager */
#include "bus/handlers.h"

#include "bus/options.h"
#include "base/error.h"
#include "base/validate.h"
#include "core/registry/disk.h"
#include "core/registry/volumes.h"

/* ---- making one ---- */

typedef struct {
  char *name;
  BothyCgroupLimits limits;
} CreateRequest;

static void
create_request_free (CreateRequest *request)
{
  g_free (request->name);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CreateRequest, create_request_free)

/* Those of a container that are a volume's as well, in the same form. */
static gboolean
parse_bounds (CreateRequest *request, GVariant *disk, GVariant *inodes, GError **error)
{
  g_auto (GVariantDict) values = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GVariant) given = NULL;

  if (disk)
    g_variant_dict_insert_value (&values, "disk", disk);
  if (inodes)
    g_variant_dict_insert_value (&values, "inodes", inodes);
  given = g_variant_ref_sink (g_variant_dict_end (&values));
  return bothy_limits_parse (given, &request->limits, error);
}

static gpointer
parse_create_volume (BothyArguments *arguments, GError **error)
{
  g_autoptr (CreateRequest) request = g_new0 (CreateRequest, 1);
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) disk = NULL;
  g_autoptr (GVariant) inodes = NULL;
  const BothyOption table[] = { { "disk", "t", &disk }, { "inodes", "t", &inodes }, { NULL, NULL, NULL } };

  bothy_arguments_get (arguments, "(s@a{sv})", &request->name, &options);
  if (!bothy_options_parse (options, table, error) || !bothy_validate_name (request->name, "Volume", error) ||
      !parse_bounds (request, disk, inodes, error))
    return NULL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_manager_create_volume_request = { parse_create_volume,
                                                               (GDestroyNotify)create_request_free };

gboolean
bothy_manager_check_create_volume (BothyCall *call, GError **error)
{
  const CreateRequest *request = call->request;

  polkit_details_insert (call->details, "volume", request->name);
  return TRUE;
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_volume_create_finish (BOTHY_REGISTRY (source), result, &error);
  bothy_call_return_done (call, error);
}

void
bothy_manager_handle_create_volume (BothyCall *call)
{
  const CreateRequest *request = call->request;

  bothy_volume_create (call->registry, call->user, request->name, &request->limits, on_created,
                       bothy_call_ref (call));
}

/* ---- the caller's own ---- */

/* The name of one. What can be none is as good as missing. */
static gpointer
parse_name (BothyArguments *arguments, GError **error)
{
  g_autofree char *name = NULL;

  bothy_arguments_get (arguments, "(s)", &name);
  return bothy_validate_name (name, "Volume", error) ? g_steal_pointer (&name) : NULL;
}

const BothyRequestType bothy_manager_volume_request = { parse_name, g_free };

void
bothy_manager_handle_delete_volume (BothyCall *call)
{
  GError *error = NULL;

  bothy_volume_delete (call->registry, call->user, call->request, &error);
  bothy_call_return_done (call, error);
}

typedef struct {
  BothyCall *call;
  GVariant *volume;
} Getting;

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Getting *getting = user_data;
  g_autoptr (BothyCall) call = getting->call;
  g_autoptr (GVariant) volume = getting->volume;
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (volume);
  GError *error = NULL;

  if (bothy_disk_read_finish (BOTHY_REGISTRY (source), result, &dict, &error))
    bothy_call_return (call, g_variant_new ("(@a{sv})", g_variant_dict_end (&dict)));
  else
    bothy_call_return_error (call, error);
}

void
bothy_manager_handle_get_volume (BothyCall *call)
{
  GError *error = NULL;
  const BothyVolume *volume =
      bothy_volumes_find (bothy_registry_get_volumes (call->registry), call->user, call->request, &error);
  Getting *getting;

  if (!volume) {
    bothy_call_return_error (call, error);
    return;
  }
  getting = g_new0 (Getting, 1);
  getting->call = bothy_call_ref (call);
  getting->volume = g_variant_ref_sink (bothy_volume_to_variant (call->registry, volume));
  bothy_disk_read_volume (call->registry, volume, on_read, getting);
}

void
bothy_manager_handle_list_volumes (BothyCall *call)
{
  g_autoptr (GPtrArray) volumes =
      bothy_volumes_list (bothy_registry_get_volumes (call->registry), call->user);
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < volumes->len; i++)
    g_variant_builder_add_value (&list, bothy_volume_to_variant (call->registry, volumes->pdata[i]));
  bothy_call_return (call, g_variant_new ("(aa{sv})", &list));
}
