/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "map.h"

#include <sched.h>
#include <string.h>

#define RANGE_SIZE 65536u

gboolean
cli_extent_parse (const char *text, CliExtent *ret_extent)
{
  g_auto (GStrv) fields = g_strsplit (text, ":", 5);
  guint n = g_strv_length (fields);
  guint64 numbers[3];

  if (n != 3 && n != 4)
    return FALSE;
  if (n == 4 && (!fields[0][0] || fields[0][1] || !strchr ("ugb", fields[0][0])))
    return FALSE;
  for (guint i = 0; i < 3; i++)
    if (!g_ascii_string_to_unsigned (fields[n - 3 + i], 10, 0, G_MAXUINT32, &numbers[i], NULL))
      return FALSE;
  *ret_extent = (CliExtent){ n == 4 ? fields[0][0] : 'b', (guint32)numbers[0], (guint32)numbers[1],
                             (guint32)numbers[2] };
  return numbers[2] > 0;
}

GArray *
cli_extents_parse (char **texts, const char **ret_bad)
{
  g_autoptr (GArray) extents = g_array_new (FALSE, FALSE, sizeof (CliExtent));

  for (gsize i = 0; texts && texts[i]; i++) {
    CliExtent extent;

    if (!cli_extent_parse (texts[i], &extent)) {
      *ret_bad = texts[i];
      return NULL;
    }
    g_array_append_val (extents, extent);
  }
  return g_steal_pointer (&extents);
}

GVariant *
cli_extents_variant (GArray *extents)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(suuu)"));
  for (guint i = 0; i < extents->len; i++) {
    const CliExtent *extent = &g_array_index (extents, CliExtent, i);
    const char kind[] = { extent->kind, '\0' };

    g_variant_builder_add (&builder, "(suuu)", kind, extent->inside, extent->outside, extent->count);
  }
  return g_variant_builder_end (&builder);
}

gboolean
cli_extents_outside (GArray *extents, char kind, guint32 inside, guint32 *ret_outside)
{
  for (guint i = 0; i < extents->len; i++) {
    const CliExtent *extent = &g_array_index (extents, CliExtent, i);

    if ((extent->kind == 'b' || extent->kind == kind) && inside >= extent->inside &&
        inside - extent->inside < extent->count) {
      *ret_outside = extent->outside + (inside - extent->inside);
      return TRUE;
    }
  }
  return FALSE;
}

void
cli_extents_keep (GArray *extents, char kind, guint32 own, guint32 base)
{
  guint32 below = MIN (own, RANGE_SIZE);
  CliExtent parts[] = { { kind, 0, base, below },
                        { kind, own, own, 1 },
                        { kind, own + 1, base + below, RANGE_SIZE - below } };

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (parts[i].count > 0)
      g_array_append_val (extents, parts[i]);
}

gboolean
cli_namespaces_parse (const char *text, int *flags)
{
  static const struct {
    const char *name;
    int flag;
  } known[] = {
    { "MOUNT", CLONE_NEWNS },    { "MNT", CLONE_NEWNS },  { "PID", CLONE_NEWPID },
    { "UTSNAME", CLONE_NEWUTS }, { "UTS", CLONE_NEWUTS }, { "IPC", CLONE_NEWIPC },
    { "NETWORK", CLONE_NEWNET }, { "NET", CLONE_NEWNET }, { "CGROUP", CLONE_NEWCGROUP },
    { "USER", CLONE_NEWUSER },
  };
  g_auto (GStrv) names = g_strsplit (text, "|", -1);

  for (gsize i = 0; names[i]; i++) {
    gboolean found = FALSE;

    for (gsize j = 0; j < G_N_ELEMENTS (known) && !found; j++) {
      found = g_ascii_strcasecmp (names[i], known[j].name) == 0;
      *flags |= found ? known[j].flag : 0;
    }
    if (!found)
      return FALSE;
  }
  return names[0] != NULL;
}
