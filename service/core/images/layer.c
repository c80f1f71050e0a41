/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/layer.h"

#include "base/error.h"

#define GROUP "Layer"

BothyLayer *
bothy_layer_new (const char *id)
{
  BothyLayer *self = g_new0 (BothyLayer, 1);

  self->id = g_strdup (id);
  return self;
}

void
bothy_layer_free (BothyLayer *self)
{
  g_free (self->id);
  g_free (self->os_release);
  g_free (self->metadata);
  g_free (self->architecture);
  g_clear_pointer (&self->place, bothy_place_free);
  g_free (self);
}

/* No archive is such a text, so no archive's digest is such an id. */
char *
bothy_layer_unified_id (const char *digest)
{
  g_autofree char *text = g_strconcat ("rootfs of ", digest, NULL);

  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
}

char *
bothy_layer_squashed_id (const char *id)
{
  g_autofree char *text = g_strconcat ("squashed owners of ", id, NULL);

  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
}

char *
bothy_layer_over_id (const char *diff_id, GPtrArray *below)
{
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_append_printf (text, "layer %s over", diff_id);
  for (guint i = 0; i < below->len; i++)
    g_string_append_printf (text, " %s", ((BothyLayer *)below->pdata[i])->id);
  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, text->str, -1);
}

static char *
get_string (GKeyFile *record, const char *key)
{
  char *text = g_key_file_get_string (record, GROUP, key, NULL);

  return text ? text : g_strdup ("");
}

BothyLayer *
bothy_layer_from_record (const char *id, GKeyFile *record, GError **error)
{
  g_autofree char *recorded = get_string (record, "Id");
  g_autoptr (BothyLayer) self = NULL;
  g_autoptr (GError) wrong = NULL;

  if (!g_str_equal (recorded, id)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "The record of layer %.12s is another layer's",
                 id);
    return NULL;
  }
  self = bothy_layer_new (id);
  self->os_release = get_string (record, "OSRelease");
  self->metadata = get_string (record, "Metadata");
  self->architecture = get_string (record, "Architecture");
  self->size = g_key_file_get_uint64 (record, GROUP, "Size", NULL);
  self->is_root = g_key_file_get_boolean (record, GROUP, "IsRoot", NULL);
  self->hides_below = g_key_file_get_boolean (record, GROUP, "HidesBelow", NULL);
  self->needs_below = g_key_file_get_boolean (record, GROUP, "NeedsBelow", NULL);
  self->may_need_below = g_key_file_get_boolean (record, GROUP, "MayNeedBelow", NULL);
  self->has_squashed_owners = g_key_file_get_boolean (record, GROUP, "HasSquashedOwners", NULL);
  self->place = bothy_place_from_record (record, GROUP, &wrong);
  if (wrong) {
    g_propagate_error (error, g_steal_pointer (&wrong));
    return NULL;
  }
  return g_steal_pointer (&self);
}

GKeyFile *
bothy_layer_to_record (const BothyLayer *self)
{
  GKeyFile *record = g_key_file_new ();

  g_key_file_set_string (record, GROUP, "Id", self->id);
  g_key_file_set_string (record, GROUP, "OSRelease", self->os_release);
  g_key_file_set_string (record, GROUP, "Metadata", self->metadata);
  g_key_file_set_string (record, GROUP, "Architecture", self->architecture);
  g_key_file_set_uint64 (record, GROUP, "Size", self->size);
  g_key_file_set_boolean (record, GROUP, "IsRoot", self->is_root);
  g_key_file_set_boolean (record, GROUP, "HidesBelow", self->hides_below);
  g_key_file_set_boolean (record, GROUP, "NeedsBelow", self->needs_below);
  g_key_file_set_boolean (record, GROUP, "MayNeedBelow", self->may_need_below);
  g_key_file_set_boolean (record, GROUP, "HasSquashedOwners", self->has_squashed_owners);
  if (self->place)
    bothy_place_to_record (self->place, record, GROUP);
  return record;
}
