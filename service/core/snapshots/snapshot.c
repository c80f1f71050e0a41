/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/snapshots/snapshot.h"

#include "base/error.h"
#include "base/validate.h"

#define GROUP "Snapshot "

BothySnapshot *
bothy_snapshot_new (const char *name, const char *upper, gboolean automatic, gboolean personal)
{
  BothySnapshot *self = g_new0 (BothySnapshot, 1);

  self->name = g_strdup (name);
  self->upper = g_strdup (upper);
  self->created_at = g_get_real_time ();
  self->automatic = automatic;
  self->personal = personal;
  return self;
}

void
bothy_snapshot_free (BothySnapshot *self)
{
  g_free (self->name);
  g_free (self->upper);
  g_free (self);
}

GPtrArray *
bothy_snapshots_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_snapshot_free);
}

GPtrArray *
bothy_snapshots_copy (GPtrArray *snapshots)
{
  GPtrArray *copy = bothy_snapshots_new ();

  for (guint i = 0; i < snapshots->len; i++) {
    const BothySnapshot *snapshot = snapshots->pdata[i];
    BothySnapshot *added =
        bothy_snapshot_new (snapshot->name, snapshot->upper, snapshot->automatic, snapshot->personal);

    added->created_at = snapshot->created_at;
    added->unnamed = snapshot->unnamed;
    g_ptr_array_add (copy, added);
  }
  return copy;
}

BothySnapshot *
bothy_snapshots_find (GPtrArray *snapshots, const char *name)
{
  for (guint i = 0; i < snapshots->len; i++) {
    BothySnapshot *snapshot = snapshots->pdata[i];

    if (g_str_equal (snapshot->name, name))
      return snapshot;
  }
  return NULL;
}

char *
bothy_snapshots_make_name (GPtrArray *snapshots, const char *prefix)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format (now, "%Y%m%d-%H%M%S");
  char *name = g_strconcat (prefix, time, NULL);

  for (guint i = 2; bothy_snapshots_find (snapshots, name); i++) {
    g_free (name);
    name = g_strdup_printf ("%s%s-%u", prefix, time, i);
  }
  return name;
}

gboolean
bothy_snapshots_check (GPtrArray *snapshots, const char *name, guint n, GError **error)
{
  if (bothy_snapshots_find (snapshots, name))
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_SNAPSHOT_EXISTS,
                 "There is a snapshot %s already; delete it or take another name", name);
  else if (snapshots->len + n > BOTHY_MAX_SNAPSHOTS)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                 "A container may have %d snapshots; delete one first (\"bothy snapshot delete\")",
                 BOTHY_MAX_SNAPSHOTS);
  else
    return TRUE;
  return FALSE;
}

void
bothy_snapshots_prune (GPtrArray *snapshots, guint keep)
{
  guint n = 0;

  for (guint i = snapshots->len; i-- > 0;) {
    const BothySnapshot *snapshot = snapshots->pdata[i];

    if (snapshot->unnamed && ++n > keep)
      g_ptr_array_remove_index (snapshots, i);
  }
}

/* ---- on record ---- */

void
bothy_snapshots_to_record (GPtrArray *snapshots, GKeyFile *record)
{
  for (guint i = 0; i < snapshots->len; i++) {
    const BothySnapshot *snapshot = snapshots->pdata[i];
    /* Groups are read in the order in which they stand. */
    g_autofree char *group = g_strdup_printf (GROUP "%u", i);

    g_key_file_set_string (record, group, "Name", snapshot->name);
    g_key_file_set_string (record, group, "Upper", snapshot->upper);
    g_key_file_set_int64 (record, group, "CreatedAt", snapshot->created_at);
    g_key_file_set_boolean (record, group, "Automatic", snapshot->automatic);
    g_key_file_set_boolean (record, group, "Personal", snapshot->personal);
    g_key_file_set_boolean (record, group, "Unnamed", snapshot->unnamed);
  }
}

static BothySnapshot *
read_snapshot (GKeyFile *record, const char *group, GError **error)
{
  g_autofree char *name = g_key_file_get_string (record, group, "Name", NULL);
  g_autofree char *upper = g_key_file_get_string (record, group, "Upper", NULL);
  BothySnapshot *snapshot;

  if (!name || !upper || !bothy_validate_name (name, "Name", NULL) || !bothy_is_uuid (upper)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "[%s] makes no sense", group);
    return NULL;
  }
  snapshot = bothy_snapshot_new (name, upper, g_key_file_get_boolean (record, group, "Automatic", NULL),
                                 g_key_file_get_boolean (record, group, "Personal", NULL));
  snapshot->unnamed = g_key_file_get_boolean (record, group, "Unnamed", NULL);
  snapshot->created_at = g_key_file_get_int64 (record, group, "CreatedAt", NULL);
  return snapshot;
}

GPtrArray *
bothy_snapshots_from_record (GKeyFile *record, GError **error)
{
  g_autoptr (GPtrArray) snapshots = bothy_snapshots_new ();
  g_auto (GStrv) groups = g_key_file_get_groups (record, NULL);

  for (char **group = groups; *group; group++) {
    BothySnapshot *snapshot;

    if (!g_str_has_prefix (*group, GROUP))
      continue;
    snapshot = read_snapshot (record, *group, error);
    if (!snapshot)
      return NULL;
    g_ptr_array_add (snapshots, snapshot);
  }
  return g_steal_pointer (&snapshots);
}

GVariant *
bothy_snapshots_to_variant (GPtrArray *snapshots)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < snapshots->len; i++) {
    const BothySnapshot *snapshot = snapshots->pdata[i];

    g_variant_builder_add_parsed (&list, "{'name': <%s>, 'created-at': <%t>, 'automatic': <%b>}",
                                  snapshot->name, (guint64)snapshot->created_at, snapshot->automatic);
  }
  return g_variant_builder_end (&list);
}
