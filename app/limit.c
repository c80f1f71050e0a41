/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "limit.h"

#include <glib/gi18n.h>
#include <math.h>
#include <unistd.h>

#define MEBI (1024.0 * 1024)
#define GIBI (1024.0 * MEBI)

const AppLimit app_limits[APP_N_LIMITS] = {
  { "memory", N_ ("Memory"), N_ ("MiB"), MEBI, 16, 0, 64, 1024 },
  { "cpu", N_ ("Processors"), N_ ("processors"), 1, 0.1, 0, 0.1, 1 },
  { "pids", N_ ("Processes"), N_ ("processes"), 1, 4, 32768, 16, 512 },
  { "disk", N_ ("Disk"), N_ ("GiB"), GIBI, 1, 1024, 1, 10 },
};

double
app_limit_highest (const AppLimit *limit)
{
  if (g_str_equal (limit->key, "memory"))
    return floor ((double)sysconf (_SC_PHYS_PAGES) * (double)sysconf (_SC_PAGESIZE) / MEBI);
  if (g_str_equal (limit->key, "cpu"))
    return (double)sysconf (_SC_NPROCESSORS_ONLN);
  return limit->highest;
}

guint
app_limit_digits (const AppLimit *limit)
{
  return limit->step < 1 ? 1 : 0;
}

double
app_limit_value (const AppLimit *limit, GVariant *all)
{
  guint64 number;
  double real;

  if (all && g_variant_lookup (all, limit->key, "t", &number))
    return number == G_MAXUINT64 ? 0 : (double)number / limit->scale;
  if (all && g_variant_lookup (all, limit->key, "d", &real))
    return isfinite (real) ? real / limit->scale : 0;
  return 0;
}

GVariant *
app_limit_pack (const AppLimit *limit, double value)
{
  if (g_str_equal (limit->key, "cpu"))
    return g_variant_new_double (value > 0 ? value : INFINITY);
  return g_variant_new_uint64 (value > 0 ? (guint64)(value * limit->scale) : G_MAXUINT64);
}

char *
app_limit_describe (const AppLimit *limit, double value)
{
  if (value <= 0)
    return g_strdup (_ ("No limit"));
  if (limit->scale > 1)
    return g_format_size_full ((guint64)(value * limit->scale), G_FORMAT_SIZE_IEC_UNITS);
  return g_strdup_printf ("%g", value);
}

char *
app_limits_summary (GVariant *all)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (gsize i = 0; i < APP_N_LIMITS; i++) {
    double value = app_limit_value (&app_limits[i], all);
    g_autofree char *part = app_limit_describe (&app_limits[i], value);

    if (value > 0)
      /* Translators: what is limited, and to how much. */
      g_string_append_printf (text, _ ("%s%s: %s"), text->len ? ", " : "", _ (app_limits[i].title), part);
  }
  return g_strdup (text->str);
}
