/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/plugged.h"

/* HOST is not tried again until something of it changes. */
typedef struct {
  BothyHostDevice *host;
  GError *error;
} Refusal;

BothyPlug *
bothy_plug_ref (BothyPlug *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
bothy_plug_unref (BothyPlug *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_free (self->device);
  bothy_host_device_unref (self->host);
  g_free (self);
}

static gboolean
has_one_number (const BothyHostDevice *a, const BothyHostDevice *b)
{
  return a->major == b->major && a->minor == b->minor && a->is_block == b->is_block;
}

gboolean
bothy_plug_is_of (const BothyPlug *self, const BothyHostDevice *host)
{
  return has_one_number (self->host, host);
}

static void
refusal_free (Refusal *refusal)
{
  bothy_host_device_unref (refusal->host);
  g_error_free (refusal->error);
  g_free (refusal);
}

static char *
refusal_key (const char *device, const BothyHostDevice *host)
{
  return g_strdup_printf ("%s\t%u:%u", device, host->major, host->minor);
}

BothyPlugged *
bothy_plugged_new (BothyContainer *container)
{
  BothyPlugged *self = g_new0 (BothyPlugged, 1);

  self->container = g_object_ref (container);
  self->plugs = g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_plug_unref);
  self->refused = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)refusal_free);
  self->tried = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
bothy_plugged_free (BothyPlugged *self)
{
  g_ptr_array_unref (self->plugs);
  g_hash_table_unref (self->refused);
  g_hash_table_unref (self->tried);
  g_object_unref (self->container);
  g_free (self);
}

GPtrArray *
bothy_plugged_list_nodes (const BothyPlugged *self)
{
  GPtrArray *nodes = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < self->plugs->len; i++) {
    const BothyPlug *plug = self->plugs->pdata[i];

    if (plug->given)
      g_ptr_array_add (nodes, g_strdup_printf ("%s\t/dev/%s", plug->device, plug->host->name));
  }
  return nodes;
}

static gboolean
is_wanted (const BothyDevice *device, const BothyHostDevice *host, GPtrArray *hosts)
{
  return bothy_device_match_has (device->match, host) && bothy_device_kind (host) != BOTHY_DEVICE_NEVER &&
         !bothy_device_has_disk (host, hosts);
}

/* Another one with its number is another one. What is no longer asked for is not current, known devices or not. */
gboolean
bothy_plugged_is_current (const BothyPlugged *self, const BothyPlug *plug, GPtrArray *hosts)
{
  const BothyDevice *device = bothy_devices_find (self->container->spec->devices, plug->device);

  if (self->over || plug->stale)
    return FALSE;
  for (guint i = 0; device && i < hosts->len; i++) {
    const BothyHostDevice *host = hosts->pdata[i];

    if (bothy_plug_is_of (plug, host))
      return host->plugged == plug->host->plugged && is_wanted (device, host, hosts);
  }
  return FALSE;
}

BothyPlug *
bothy_plugged_find (const BothyPlugged *self, const BothyHostDevice *host)
{
  for (guint i = 0; i < self->plugs->len; i++)
    if (bothy_plug_is_of (self->plugs->pdata[i], host))
      return self->plugs->pdata[i];
  return NULL;
}

static gboolean
is_refused (const BothyPlugged *self, const BothyDevice *device, const BothyHostDevice *host)
{
  g_autofree char *key = refusal_key (device->name, host);
  const Refusal *refusal = g_hash_table_lookup (self->refused, key);

  return refusal && refusal->host == host;
}

const BothyDevice *
bothy_plugged_find_missing (const BothyPlugged *self, GPtrArray *hosts, BothyHostDevice **ret_host)
{
  const GPtrArray *devices = self->container->spec->devices;

  for (guint i = 0; i < devices->len; i++) {
    const BothyDevice *device = devices->pdata[i];

    for (guint j = 0; j < hosts->len; j++) {
      *ret_host = hosts->pdata[j];
      if (is_wanted (device, *ret_host, hosts) && !bothy_plugged_find (self, *ret_host) &&
          !is_refused (self, device, *ret_host))
        return device;
    }
  }
  return NULL;
}

BothyPlug *
bothy_plugged_add (BothyPlugged *self, const BothyDevice *device, BothyHostDevice *host)
{
  BothyPlug *plug = g_new0 (BothyPlug, 1);

  g_atomic_ref_count_init (&plug->references);
  plug->device = g_strdup (device->name);
  plug->host = bothy_host_device_ref (host);
  g_ptr_array_add (self->plugs, plug);
  g_hash_table_add (self->tried, refusal_key (device->name, host));
  return plug;
}

BothyPlug *
bothy_plugged_find_revoked (const BothyPlugged *self)
{
  for (guint i = 0; i < self->plugs->len; i++) {
    BothyPlug *plug = self->plugs->pdata[i];

    if (plug->stale && !plug->revoking)
      return plug;
  }
  return NULL;
}

gboolean
bothy_plugged_is_revoking (const BothyPlugged *self)
{
  for (guint i = 0; i < self->plugs->len; i++)
    if (((const BothyPlug *)self->plugs->pdata[i])->revoking)
      return TRUE;
  return FALSE;
}

gboolean
bothy_plugged_was_tried (const BothyPlugged *self, const BothyDevice *device, const BothyHostDevice *host)
{
  g_autofree char *key = refusal_key (device->name, host);

  return g_hash_table_contains (self->tried, key);
}

void
bothy_plugged_forget_tries (BothyPlugged *self)
{
  g_hash_table_remove_all (self->tried);
}

void
bothy_plugged_refuse (BothyPlugged *self, const BothyPlug *plug, GError *error)
{
  Refusal *refusal = g_new0 (Refusal, 1);

  refusal->host = bothy_host_device_ref (plug->host);
  refusal->error = error;
  g_hash_table_replace (self->refused, refusal_key (plug->device, plug->host), refusal);
}

void
bothy_plugged_forget_refusals (BothyPlugged *self, const BothyHostDevice *host, BothyErrorCode code)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->refused);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const Refusal *refusal = value;

    if ((!host || has_one_number (refusal->host, host)) &&
        g_error_matches (refusal->error, BOTHY_ERROR, code))
      g_hash_table_iter_remove (&iter);
  }
}

void
bothy_plugged_forget_all_refusals (BothyPlugged *self)
{
  g_hash_table_remove_all (self->refused);
}

const GError *
bothy_plugged_get_refusal (const BothyPlugged *self, const char *name)
{
  g_autofree char *prefix = g_strdup_printf ("%s\t", name);
  GHashTableIter iter;
  gpointer key, refusal;

  g_hash_table_iter_init (&iter, self->refused);
  while (g_hash_table_iter_next (&iter, &key, &refusal))
    if (g_str_has_prefix (key, prefix))
      return ((const Refusal *)refusal)->error;
  return NULL;
}
