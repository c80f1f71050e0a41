/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "escape.h"
#include "expiry.h"

static GDateTime *
get_end (GVariant *properties)
{
  guint64 microseconds;

  if (!g_variant_lookup (properties, "ExpiresAt", "t", &microseconds) || microseconds == 0)
    return NULL;
  return g_date_time_new_from_unix_utc ((gint64)(microseconds / G_USEC_PER_SEC));
}

static gboolean
is_over (GVariant *properties)
{
  g_autoptr (GDateTime) end = get_end (properties);
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();

  return end && g_date_time_compare (end, now) <= 0;
}

char *
cli_expiry_text (GVariant *properties)
{
  g_autoptr (GDateTime) end = get_end (properties);
  g_autofree char *day = end ? g_date_time_format (end, "%F") : NULL;

  if (day && is_over (properties))
    return g_strdup_printf (_ ("%s (over)"), day);
  return g_steal_pointer (&day);
}

void
cli_expiry_warn (Cli *cli, const char *name)
{
  g_autofree char *path = cli->quiet ? NULL : cli_find_image (cli, name, NULL);
  g_autoptr (GVariant) properties = path ? cli_get_all (cli, path, IFACE_IMAGE, NULL) : NULL;
  g_autofree char *shown = cli_escape (name, -1, CLI_ESCAPE_LINE);
  g_autoptr (GDateTime) end = properties ? get_end (properties) : NULL;
  g_autofree char *day = end ? g_date_time_format (end, "%F") : NULL;

  if (day && is_over (properties))
    g_printerr (_ ("bothy: The support of %s ended on %s: it gets no security updates any more\n"), shown,
                day);
}
