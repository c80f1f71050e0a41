/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/limits.h"

#include "base/error.h"
#include "base/validate.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define GROUP    "Limits"
#define GRANTED  "granted"
#define NO_LIMIT "max"

#define MIN_MEMORY (G_GUINT64_CONSTANT (4) << 20) /* with less not even the supervisor and an init start */
#define MIN_PIDS   4
#define MIN_CPU    (G_USEC_PER_SEC / 100)
#define MAX_CPU    (BOTHY_MAX_CPUS * (guint64)G_USEC_PER_SEC)

static const struct {
  const char *key;
  const char *type;
  guint64 min, max;
} keys[] = {
  [BOTHY_LIMIT_MEMORY] = { "memory", "t", MIN_MEMORY, G_MAXINT64 },
  [BOTHY_LIMIT_MEMORY_HIGH] = { "memory-high", "t", MIN_MEMORY, G_MAXINT64 },
  [BOTHY_LIMIT_SWAP] = { "swap", "t", 0, G_MAXINT64 },
  [BOTHY_LIMIT_CPU] = { "cpu", "d", MIN_CPU, MAX_CPU },
  [BOTHY_LIMIT_CPU_WEIGHT] = { "cpu-weight", "t", 1, 10000 },
  [BOTHY_LIMIT_IO_WEIGHT] = { "io-weight", "t", 1, 10000 },
  [BOTHY_LIMIT_PIDS] = { "pids", "t", MIN_PIDS, 4194304 },
  [BOTHY_LIMIT_CPUS] = { "cpus", "s", 0, 0 },
};
G_STATIC_ASSERT (G_N_ELEMENTS (keys) == BOTHY_N_LIMITS);

static BothyCgroupLimit
find (const char *key)
{
  BothyCgroupLimit i = 0;

  while (i < BOTHY_N_LIMITS && !g_str_equal (keys[i].key, key))
    i++;
  return i;
}

/* ---- from the bus ---- */

static gboolean refuse (GError **error, const char *key, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
refuse (GError **error, const char *key, const char *format, ...)
{
  g_autofree char *shown = g_strescape (key, NULL);
  g_autofree char *why = NULL;
  va_list args;

  va_start (args, format);
  why = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Limit \"%.64s\": %s", shown, why);
  return FALSE;
}

/* The cgroup would take processors that there are not, and then run on all. */
static gboolean
set_cpus (BothyCgroupLimits *self, const char *text, GError **error)
{
  guint8 cpus[sizeof self->cpus];
  long n = sysconf (_SC_NPROCESSORS_CONF);

  if (!bothy_cgroup_limits_parse_cpus (text, cpus))
    return refuse (error, "cpus", "numbers and ranges such as 0-3,7 are wanted, or nothing for all");
  for (long i = n; i > 0 && i < BOTHY_MAX_CPUS; i++) {
    if (cpus[i / 8] & (1u << (i % 8)))
      return refuse (error, "cpus", "this machine has the processors 0 to %ld", n - 1);
  }
  memcpy (self->cpus, cpus, sizeof cpus);
  return TRUE;
}

static gboolean
set_cpu (BothyCgroupLimits *self, double n, GError **error)
{
  if (isinf (n) && n > 0) {
    self->values[BOTHY_LIMIT_CPU] = BOTHY_LIMIT_NONE;
    return TRUE;
  }
  /* Written so that a NaN is refused. */
  if (!(n >= (double)MIN_CPU / G_USEC_PER_SEC && n <= BOTHY_MAX_CPUS))
    return refuse (error, "cpu", "a number of processors from 0.01 to %d is wanted", BOTHY_MAX_CPUS);
  self->values[BOTHY_LIMIT_CPU] = (guint64)(n * G_USEC_PER_SEC + 0.5);
  return TRUE;
}

static gboolean
set_number (BothyCgroupLimits *self, BothyCgroupLimit limit, guint64 value, GError **error)
{
  if (value != BOTHY_LIMIT_NONE && (value < keys[limit].min || value > keys[limit].max))
    return refuse (error, keys[limit].key,
                   "a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " is wanted", keys[limit].min,
                   keys[limit].max);
  self->values[limit] = value;
  return TRUE;
}

static gboolean
set (BothyCgroupLimits *self, BothyCgroupLimit limit, GVariant *value, GError **error)
{
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE (keys[limit].type)))
    return refuse (error, keys[limit].key, "it takes %s, not %s", keys[limit].type,
                   g_variant_get_type_string (value));
  if (limit == BOTHY_LIMIT_CPUS)
    return set_cpus (self, g_variant_get_string (value, NULL), error);
  if (limit == BOTHY_LIMIT_CPU)
    return set_cpu (self, g_variant_get_double (value), error);
  return set_number (self, limit, g_variant_get_uint64 (value), error);
}

gboolean
bothy_limits_change (BothyCgroupLimits *self, GVariant *changes, guint *ret_changed, GError **error)
{
  BothyCgroupLimits changed = *self;
  GVariantIter iter;
  GVariant *child;
  guint seen = 0;

  g_variant_iter_init (&iter, changes);
  while ((child = g_variant_iter_next_value (&iter))) {
    g_autoptr (GVariant) entry = child;
    g_autoptr (GVariant) value = NULL;
    const char *key;
    BothyCgroupLimit limit;

    g_variant_get (entry, "{&sv}", &key, &value);
    limit = find (key);
    if (limit == BOTHY_N_LIMITS)
      return refuse (error, key, "there is no such limit");
    if (seen & (1u << limit))
      return refuse (error, key, "it is there twice");
    if (!set (&changed, limit, value, error))
      return FALSE;
    seen |= 1u << limit;
  }
  changed.given |= seen;
  changed.granted &= ~seen;
  *self = changed;
  if (ret_changed)
    *ret_changed = seen;
  return TRUE;
}

GVariant *
bothy_limits_to_variant (const BothyCgroupLimits *self)
{
  g_autofree char *cpus = bothy_cgroup_limits_format_cpus (self->cpus);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (BothyCgroupLimit i = 0; i < BOTHY_N_LIMITS; i++) {
    if (!bothy_cgroup_limits_has (self, i))
      continue;
    if (i == BOTHY_LIMIT_CPUS)
      g_variant_builder_add (&builder, "{sv}", keys[i].key, g_variant_new_string (cpus));
    else if (i == BOTHY_LIMIT_CPU)
      g_variant_builder_add (&builder, "{sv}", keys[i].key,
                             g_variant_new_double ((double)self->values[i] / G_USEC_PER_SEC));
    else
      g_variant_builder_add (&builder, "{sv}", keys[i].key, g_variant_new_uint64 (self->values[i]));
  }
  return g_variant_builder_end (&builder);
}

/* ---- records ---- */

void
bothy_limits_to_record (const BothyCgroupLimits *self, GKeyFile *record)
{
  g_autofree char *cpus = bothy_cgroup_limits_format_cpus (self->cpus);

  for (BothyCgroupLimit i = 0; i < BOTHY_N_LIMITS; i++) {
    if (!(self->given & (1u << i)))
      continue;
    if (i == BOTHY_LIMIT_CPUS)
      g_key_file_set_string (record, GROUP, keys[i].key, cpus);
    else if (self->values[i] == BOTHY_LIMIT_NONE)
      g_key_file_set_string (record, GROUP, keys[i].key, NO_LIMIT);
    else
      g_key_file_set_uint64 (record, GROUP, keys[i].key, self->values[i]);
  }
  if (self->granted)
    g_key_file_set_uint64 (record, GROUP, GRANTED, self->granted);
}

static gboolean
read_one (BothyCgroupLimits *self, BothyCgroupLimit limit, const char *text)
{
  if (limit == BOTHY_LIMIT_CPUS)
    return bothy_cgroup_limits_parse_cpus (text, self->cpus);
  if (g_str_equal (text, NO_LIMIT)) {
    self->values[limit] = BOTHY_LIMIT_NONE;
    return TRUE;
  }
  return bothy_parse_number (text, keys[limit].min, keys[limit].max, &self->values[limit]);
}

gboolean
bothy_limits_from_record (BothyCgroupLimits *self, GKeyFile *record, GError **error)
{
  memset (self, 0, sizeof *self);
  for (BothyCgroupLimit i = 0; i < BOTHY_N_LIMITS; i++) {
    g_autofree char *text = g_key_file_get_string (record, GROUP, keys[i].key, NULL);

    if (!text)
      continue;
    if (!read_one (self, i, text)) {
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "The limit %s in the record makes no sense",
                   keys[i].key);
      return FALSE;
    }
    self->given |= 1u << i;
  }
  self->granted = (guint)g_key_file_get_uint64 (record, GROUP, GRANTED, NULL) & self->given;
  return TRUE;
}

/* ---- ceilings ---- */

static guint64
or_none (guint64 setting, guint64 unit)
{
  return setting == 0 ? BOTHY_LIMIT_NONE : setting * unit;
}

static guint64
ceiling (const BothyConfiguration *configuration, BothyCgroupLimit limit)
{
  if (limit == BOTHY_LIMIT_MEMORY)
    return or_none (configuration->container_memory, 1);
  if (limit == BOTHY_LIMIT_PIDS)
    return or_none (configuration->container_tasks, 1);
  if (limit == BOTHY_LIMIT_CPU)
    return or_none (configuration->container_cpus, G_USEC_PER_SEC);
  return BOTHY_LIMIT_NONE;
}

guint
bothy_limits_exceeding (const BothyCgroupLimits *self,
                        guint changed,
                        const BothyConfiguration *configuration,
                        const char **ret_key,
                        GError **error)
{
  guint exceeding = 0;

  for (BothyCgroupLimit i = 0; i < BOTHY_LIMIT_CPUS; i++) {
    guint64 most = ceiling (configuration, i);
    guint64 unit = i == BOTHY_LIMIT_CPU ? G_USEC_PER_SEC : 1;

    if (!(changed & (1u << i)) || bothy_cgroup_limits_get (self, i) <= most)
      continue;
    if (!exceeding) {
      if (ret_key)
        *ret_key = keys[i].key;
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                   "Limit \"%s\": a container may have at most %" G_GUINT64_FORMAT, keys[i].key, most / unit);
    }
    exceeding |= 1u << i;
  }
  return exceeding;
}

void
bothy_limits_effective (const BothyCgroupLimits *self,
                        const BothyConfiguration *configuration,
                        BothyCgroupLimits *ret_effective)
{
  *ret_effective = *self;
  if (!(self->given & (1u << BOTHY_LIMIT_PIDS)))
    bothy_cgroup_limits_lower (ret_effective, BOTHY_LIMIT_PIDS, or_none (configuration->default_tasks, 1));
  for (BothyCgroupLimit i = 0; i < BOTHY_LIMIT_CPUS; i++) {
    if (!(self->granted & (1u << i)))
      bothy_cgroup_limits_lower (ret_effective, i, ceiling (configuration, i));
  }
}

void
bothy_limits_of_user (const BothyConfiguration *configuration, BothyCgroupLimits *ret_limits)
{
  memset (ret_limits, 0, sizeof *ret_limits);
  bothy_cgroup_limits_lower (ret_limits, BOTHY_LIMIT_MEMORY, or_none (configuration->user_memory, 1));
  bothy_cgroup_limits_lower (ret_limits, BOTHY_LIMIT_PIDS, or_none (configuration->user_tasks, 1));
  bothy_cgroup_limits_lower (ret_limits, BOTHY_LIMIT_CPU, or_none (configuration->user_cpus, G_USEC_PER_SEC));
}
