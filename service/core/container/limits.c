/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/limits.h"

#include "base/error.h"
#include "base/validate.h"
#include "platform/cgroup-manager.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define GROUP    "Limits"
#define GRANTED  "granted"
#define NO_LIMIT "max"

#define MIN_MEMORY (G_GUINT64_CONSTANT (4) << 20) /* with less not even the supervisor and an init start */
#define MIN_PIDS   4
#define MIN_DISK   (G_GUINT64_CONSTANT (1) << 20)
#define MIN_INODES 64 /* with less not even what is mounted over has a place */
#define MIN_CPU    (G_USEC_PER_SEC / 100)
#define NONSENSE   1024 /* times the machine's memory */
#define MAX_DISK   (G_GUINT64_CONSTANT (8) << 50)
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
  [BOTHY_LIMIT_DISK] = { "disk", "t", MIN_DISK, G_MAXINT64 },
  [BOTHY_LIMIT_INODES] = { "inodes", "t", MIN_INODES, G_MAXINT64 },
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
is_memory (BothyCgroupLimit limit)
{
  return limit == BOTHY_LIMIT_MEMORY || limit == BOTHY_LIMIT_MEMORY_HIGH || limit == BOTHY_LIMIT_SWAP;
}

static void append_value (GString *text, BothyCgroupLimit limit, guint64 value);

/* A slip of the unit: no machine grows so far. What records say is not looked at so, for they may come from another one. */
static gboolean
check_sense (BothyCgroupLimit limit, guint64 value, GError **error)
{
  guint64 machine = (guint64)MAX (sysconf (_SC_PHYS_PAGES), 1) * (guint64)MAX (sysconf (_SC_PAGESIZE), 1);
  guint64 most = is_memory (limit) ? machine * NONSENSE : MAX_DISK;
  g_autoptr (GString) given = g_string_new (NULL);
  g_autofree char *has = g_format_size_full (machine, G_FORMAT_SIZE_IEC_UNITS);

  if (value == BOTHY_LIMIT_NONE || value <= most || !(is_memory (limit) || limit == BOTHY_LIMIT_DISK))
    return TRUE;
  append_value (given, limit, value);
  if (is_memory (limit))
    return refuse (error, keys[limit].key,
                   "%s makes no sense: this machine has %s of memory; \"max\" is no limit", given->str, has);
  return refuse (error, keys[limit].key, "%s makes no sense: no disk is so large; \"max\" is no limit",
                 given->str);
}

static gboolean
set_number (BothyCgroupLimits *self, BothyCgroupLimit limit, guint64 value, GError **error)
{
  if (!check_sense (limit, value, error))
    return FALSE;
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
bothy_limits_parse (GVariant *values, BothyCgroupLimits *ret_changes, GError **error)
{
  GVariantIter iter;
  GVariant *child;

  memset (ret_changes, 0, sizeof *ret_changes);
  g_variant_iter_init (&iter, values);
  while ((child = g_variant_iter_next_value (&iter))) {
    g_autoptr (GVariant) entry = child;
    g_autoptr (GVariant) value = NULL;
    const char *key;
    BothyCgroupLimit limit;

    g_variant_get (entry, "{&sv}", &key, &value);
    limit = find (key);
    if (limit == BOTHY_N_LIMITS)
      return refuse (error, key, "there is no such limit");
    if (ret_changes->given & (1u << limit))
      return refuse (error, key, "it is there twice");
    if (!set (ret_changes, limit, value, error))
      return FALSE;
    ret_changes->given |= 1u << limit;
  }
  return TRUE;
}

void
bothy_limits_apply (BothyCgroupLimits *self, const BothyCgroupLimits *changes)
{
  for (BothyCgroupLimit i = 0; i < BOTHY_LIMIT_CPUS; i++) {
    if (changes->given & (1u << i))
      self->values[i] = changes->values[i];
  }
  if (changes->given & (1u << BOTHY_LIMIT_CPUS))
    memcpy (self->cpus, changes->cpus, sizeof self->cpus);
  self->given |= changes->given;
  self->granted = (self->granted & ~changes->given) | (changes->granted & changes->given);
}

static void
add_value (GVariantBuilder *builder, const BothyCgroupLimits *self, BothyCgroupLimit limit)
{
  guint64 value = limit == BOTHY_LIMIT_CPUS ? 0 : self->values[limit];
  GVariant *shown;

  if (limit == BOTHY_LIMIT_CPUS)
    shown = g_variant_new_take_string (bothy_cgroup_limits_format_cpus (self->cpus));
  else if (limit == BOTHY_LIMIT_CPU)
    shown = g_variant_new_double (value == BOTHY_LIMIT_NONE ? INFINITY : (double)value / G_USEC_PER_SEC);
  else
    shown = g_variant_new_uint64 (value);
  g_variant_builder_add (builder, "{sv}", keys[limit].key, shown);
}

GVariant *
bothy_limits_to_variant (const BothyCgroupLimits *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (BothyCgroupLimit i = 0; i < BOTHY_N_LIMITS; i++) {
    if (bothy_cgroup_limits_has (self, i))
      add_value (&builder, self, i);
  }
  return g_variant_builder_end (&builder);
}

GVariant *
bothy_limits_given_to_variant (const BothyCgroupLimits *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (BothyCgroupLimit i = 0; i < BOTHY_N_LIMITS; i++) {
    if (self->given & (1u << i))
      add_value (&builder, self, i);
  }
  return g_variant_builder_end (&builder);
}

GVariant *
bothy_limits_unenforced (const BothyCgroupLimits *self, gboolean disk_holds)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_STRING_ARRAY);
  for (BothyCgroupLimit i = 0; i < BOTHY_N_LIMITS; i++) {
    const char *controller = bothy_cgroup_limits_controller (i);

    if (bothy_cgroup_limits_has (self, i) &&
        !(controller ? bothy_cgroup_manager_has_controller (controller) : disk_holds))
      g_variant_builder_add (&builder, "s", keys[i].key);
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
  if (limit == BOTHY_LIMIT_DISK)
    return or_none (configuration->container_disk, 1);
  if (limit == BOTHY_LIMIT_INODES)
    return or_none (configuration->container_inodes, 1);
  return BOTHY_LIMIT_NONE;
}

guint
bothy_limits_exceeding (const BothyCgroupLimits *self, const BothyConfiguration *configuration)
{
  guint exceeding = 0;

  for (BothyCgroupLimit i = 0; i < BOTHY_LIMIT_CPUS; i++) {
    if ((self->given & (1u << i)) && bothy_cgroup_limits_get (self, i) > ceiling (configuration, i))
      exceeding |= 1u << i;
  }
  return exceeding;
}

/* As it would be typed; nothing is rounded. */
static void
append_value (GString *text, BothyCgroupLimit limit, guint64 value)
{
  static const char *const units[] = { "", "K", "M", "G", "T" };
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  guint unit = 0;

  if (value == BOTHY_LIMIT_NONE)
    g_string_append (text, NO_LIMIT);
  else if (limit == BOTHY_LIMIT_CPU)
    g_string_append (text, g_ascii_formatd (number, sizeof number, "%.8g", (double)value / G_USEC_PER_SEC));
  else if (limit == BOTHY_LIMIT_PIDS || limit == BOTHY_LIMIT_CPU_WEIGHT || limit == BOTHY_LIMIT_IO_WEIGHT)
    g_string_append_printf (text, "%" G_GUINT64_FORMAT, value);
  else {
    while (value > 0 && value % 1024 == 0 && unit + 1 < G_N_ELEMENTS (units)) {
      value /= 1024;
      unit++;
    }
    g_string_append_printf (text, "%" G_GUINT64_FORMAT "%s", value, units[unit]);
  }
}

char *
bothy_limits_describe (const BothyCgroupLimits *self, guint set)
{
  GString *text = g_string_new (NULL);

  for (BothyCgroupLimit i = 0; i < BOTHY_LIMIT_CPUS; i++) {
    if (!(set & (1u << i)))
      continue;
    g_string_append_printf (text, "%s%s=", text->len > 0 ? " " : "", keys[i].key);
    append_value (text, i, bothy_cgroup_limits_get (self, i));
  }
  return g_string_free (text, FALSE);
}

char *
bothy_limits_describe_ceilings (const BothyConfiguration *configuration, guint set)
{
  BothyCgroupLimits ceilings = { .given = set };

  for (BothyCgroupLimit i = 0; i < BOTHY_LIMIT_CPUS; i++)
    ceilings.values[i] = ceiling (configuration, i);
  return bothy_limits_describe (&ceilings, set);
}

void
bothy_limits_effective (const BothyCgroupLimits *self,
                        const BothyConfiguration *configuration,
                        BothyCgroupLimits *ret_effective)
{
  *ret_effective = *self;
  if (!(self->given & (1u << BOTHY_LIMIT_PIDS)))
    bothy_cgroup_limits_lower (ret_effective, BOTHY_LIMIT_PIDS, or_none (configuration->default_tasks, 1));
  if (!(self->given & (1u << BOTHY_LIMIT_DISK)))
    bothy_cgroup_limits_lower (ret_effective, BOTHY_LIMIT_DISK, or_none (configuration->default_disk, 1));
  if (!(self->given & (1u << BOTHY_LIMIT_INODES)))
    bothy_cgroup_limits_lower (ret_effective, BOTHY_LIMIT_INODES, or_none (configuration->default_inodes, 1));
  for (BothyCgroupLimit i = 0; i < BOTHY_LIMIT_CPUS; i++) {
    if (!(self->granted & (1u << i)))
      bothy_cgroup_limits_lower (ret_effective, i, ceiling (configuration, i));
  }
}

void
bothy_limits_ceilings (const BothyConfiguration *configuration, BothyCgroupLimits *ret_limits)
{
  memset (ret_limits, 0, sizeof *ret_limits);
  for (BothyCgroupLimit i = 0; i < BOTHY_LIMIT_CPUS; i++)
    bothy_cgroup_limits_lower (ret_limits, i, ceiling (configuration, i));
}

void
bothy_limits_forget_disk (BothyCgroupLimits *effective)
{
  effective->preset &= ~(1u << BOTHY_LIMIT_DISK | 1u << BOTHY_LIMIT_INODES);
}

void
bothy_limits_of_user (const BothyConfiguration *configuration, BothyCgroupLimits *ret_limits)
{
  memset (ret_limits, 0, sizeof *ret_limits);
  bothy_cgroup_limits_lower (ret_limits, BOTHY_LIMIT_MEMORY, or_none (configuration->user_memory, 1));
  bothy_cgroup_limits_lower (ret_limits, BOTHY_LIMIT_PIDS, or_none (configuration->user_tasks, 1));
  bothy_cgroup_limits_lower (ret_limits, BOTHY_LIMIT_CPU, or_none (configuration->user_cpus, G_USEC_PER_SEC));
}

void
bothy_limits_of_user_disk (const BothyConfiguration *configuration, BothyCgroupLimits *ret_limits)
{
  memset (ret_limits, 0, sizeof *ret_limits);
  bothy_cgroup_limits_lower (ret_limits, BOTHY_LIMIT_DISK, or_none (configuration->user_disk, 1));
  bothy_cgroup_limits_lower (ret_limits, BOTHY_LIMIT_INODES, or_none (configuration->user_inodes, 1));
}

guint64
bothy_limits_disk_bound (const BothyCgroupLimits *self, BothyCgroupLimit limit)
{
  guint64 value = bothy_cgroup_limits_get (self, limit);

  return value == BOTHY_LIMIT_NONE ? 0 : MIN (value, BOTHY_LIMITS_MAX_BOUND);
}
