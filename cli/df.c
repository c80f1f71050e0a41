/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "objects.h"
#include "output.h"
#include "usage.h"
#include "verbs.h"

typedef struct {
  guint total;
  guint active;
  guint64 size;        /* of images: bytes of their files */
  guint64 reclaimable; /* what "image prune --all" gives back */
  guint64 quota;
} Usage;

static gboolean
is_builtin (GVariant *image)
{
  const char *origin = "";

  return g_variant_lookup (image, "Origin", "&s", &origin) && g_str_equal (origin, "builtin");
}

static Usage
usage_of_images (GVariant *managed, GVariant *manager)
{
  g_autoptr (GPtrArray) images = cli_objects_of (managed, IFACE_IMAGE, "Fingerprint");
  g_autoptr (GHashTable) used = cli_usage_images (managed);
  Usage usage = { 0 };

  g_variant_lookup (manager, "MaxImageBytes", "t", &usage.quota);
  for (guint i = 0; i < images->len; i++) {
    guint64 size = cli_usage_size (images->pdata[i]);

    /* What comes with Bothy is nobody's, and counts against nobody's quota. */
    if (is_builtin (images->pdata[i]))
      continue;
    usage.total++;
    usage.size += size;
    if (cli_usage_is_removable (images->pdata[i], used))
      usage.reclaimable += size;
    else
      usage.active++;
  }
  return usage;
}

static Usage
usage_of_containers (GVariant *managed, GVariant *manager)
{
  g_autoptr (GPtrArray) containers = cli_objects_of (managed, IFACE_CONTAINER, "Name");
  Usage usage = { .total = containers->len };
  guint32 quota = 0;

  g_variant_lookup (manager, "MaxContainers", "u", &quota);
  usage.quota = quota;
  for (guint i = 0; i < containers->len; i++) {
    const char *state = "";

    g_variant_lookup (containers->pdata[i], "State", "&s", &state);
    if (!g_str_equal (state, "stopped") && !g_str_equal (state, "failed"))
      usage.active++;
  }
  return usage;
}

static void
add_json (JsonBuilder *builder, const char *kind, const Usage *usage, gboolean has_size)
{
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "type");
  json_builder_add_string_value (builder, kind);
  json_builder_set_member_name (builder, "total");
  json_builder_add_int_value (builder, usage->total);
  json_builder_set_member_name (builder, "active");
  json_builder_add_int_value (builder, usage->active);
  if (has_size) {
    json_builder_set_member_name (builder, "size");
    json_builder_add_int_value (builder, (gint64)usage->size);
    json_builder_set_member_name (builder, "reclaimable");
    json_builder_add_int_value (builder, (gint64)usage->reclaimable);
  }
  json_builder_set_member_name (builder, "quota");
  json_builder_add_int_value (builder, (gint64)usage->quota);
  json_builder_end_object (builder);
}

static void
add_line (struct libscols_table *table, const char *kind, const Usage *usage, gboolean has_size)
{
  g_autofree char *total = g_strdup_printf ("%u", usage->total);
  g_autofree char *active = g_strdup_printf ("%u", usage->active);
  g_autofree char *size = has_size ? g_format_size (usage->size) : g_strdup ("");
  g_autofree char *reclaimable = has_size ? g_format_size (usage->reclaimable) : g_strdup ("");
  g_autofree char *quota =
      has_size ? g_format_size (usage->quota) : g_strdup_printf ("%" G_GUINT64_FORMAT, usage->quota);

  cli_table_add (table, (const char *[]){ kind, total, active, size, reclaimable, quota, NULL }, 0,
                 CLI_COLOUR_BOLD);
}

static void
print (Cli *cli, const Usage *images, const Usage *containers)
{
  const char *const columns[] = { _ ("TYPE"),        _ ("TOTAL"), _ ("ACTIVE"), _ ("SIZE"),
                                  _ ("RECLAIMABLE"), _ ("QUOTA"), NULL };
  g_autoptr (JsonBuilder) builder = NULL;
  struct libscols_table *table;

  if (!cli->json) {
    table = cli_table_new (columns);
    add_line (table, _ ("Images"), images, TRUE);
    add_line (table, _ ("Containers"), containers, FALSE);
    cli_table_print (cli, table);
    return;
  }
  builder = json_builder_new ();
  json_builder_begin_array (builder);
  add_json (builder, "images", images, TRUE);
  add_json (builder, "containers", containers, FALSE);
  json_builder_end_array (builder);
  cli_json_print (builder, TRUE);
}

int
cli_df (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) managed = NULL;
  g_autoptr (GVariant) manager = NULL;
  g_auto (GStrv) rest = NULL;
  Usage images, containers;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0])
    return cli_usage (cli, "%s", _ ("It takes no words"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  managed = cli_get_managed (cli, &error);
  if (managed)
    manager = cli_get_all (cli, BOTHY_ROOT, IFACE_MANAGER, &error);
  if (manager == NULL)
    return cli_fail (error);
  images = usage_of_images (managed, manager);
  containers = usage_of_containers (managed, manager);
  print (cli, &images, &containers);
  return CLI_EXIT_OK;
}
