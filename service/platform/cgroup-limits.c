/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/cgroup-limits.h"

#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define CPU_PERIOD 100000 /* µs, the kernel's own */

/* How systemd and the kernel's cgroup-v2 documentation call them; nothing for what no control group bounds. */
static const struct {
  const char *property, *file, *controller;
} names[] = {
  [BOTHY_LIMIT_MEMORY] = { "MemoryMax", "memory.max", "memory" },
  [BOTHY_LIMIT_MEMORY_HIGH] = { "MemoryHigh", "memory.high", "memory" },
  [BOTHY_LIMIT_SWAP] = { "MemorySwapMax", "memory.swap.max", "memory" },
  [BOTHY_LIMIT_CPU] = { "CPUQuotaPerSecUSec", "cpu.max", "cpu" },
  [BOTHY_LIMIT_CPU_WEIGHT] = { "CPUWeight", "cpu.weight", "cpu" },
  [BOTHY_LIMIT_IO_WEIGHT] = { "IOWeight", "io.weight", "io" },
  [BOTHY_LIMIT_PIDS] = { "TasksMax", "pids.max", "pids" },
  [BOTHY_LIMIT_CPUS] = { "AllowedCPUs", "cpuset.cpus", "cpuset" },
};
G_STATIC_ASSERT (G_N_ELEMENTS (names) == BOTHY_N_LIMITS);

static gboolean
is_of_group (BothyCgroupLimit limit)
{
  return names[limit].property != NULL;
}

static gboolean
has_cpus (const guint8 *cpus)
{
  for (gsize i = 0; i < BOTHY_MAX_CPUS / 8; i++) {
    if (cpus[i])
      return TRUE;
  }
  return FALSE;
}

guint64
bothy_cgroup_limits_get (const BothyCgroupLimits *self, BothyCgroupLimit limit)
{
  return ((self->given | self->preset) & (1u << limit)) != 0 ? self->values[limit] : BOTHY_LIMIT_NONE;
}

gboolean
bothy_cgroup_limits_has (const BothyCgroupLimits *self, BothyCgroupLimit limit)
{
  return limit == BOTHY_LIMIT_CPUS ? has_cpus (self->cpus)
                                   : bothy_cgroup_limits_get (self, limit) != BOTHY_LIMIT_NONE;
}

const char *
bothy_cgroup_limits_controller (BothyCgroupLimit limit)
{
  return names[limit].controller;
}

gboolean
bothy_cgroup_limits_equal (const BothyCgroupLimits *self, const BothyCgroupLimits *other)
{
  for (BothyCgroupLimit i = 0; i < BOTHY_LIMIT_CPUS; i++) {
    if (is_of_group (i) && bothy_cgroup_limits_get (self, i) != bothy_cgroup_limits_get (other, i))
      return FALSE;
  }
  return memcmp (self->cpus, other->cpus, sizeof self->cpus) == 0;
}

void
bothy_cgroup_limits_lower (BothyCgroupLimits *self, BothyCgroupLimit limit, guint64 value)
{
  if (value >= bothy_cgroup_limits_get (self, limit))
    return;
  self->values[limit] = value;
  self->given &= ~(1u << limit);
  self->preset |= 1u << limit;
}

/* ---- sets of processors ---- */

static gboolean
take_number (const char **text, guint *ret_number)
{
  guint number = 0;
  const char *p = *text;

  for (; g_ascii_isdigit (*p) && number < BOTHY_MAX_CPUS; p++)
    number = number * 10 + (guint)(*p - '0');
  if (p == *text || number >= BOTHY_MAX_CPUS)
    return FALSE;
  *text = p;
  *ret_number = number;
  return TRUE;
}

gboolean
bothy_cgroup_limits_parse_cpus (const char *text, guint8 *cpus)
{
  guint first, last;

  memset (cpus, 0, BOTHY_MAX_CPUS / 8);
  if (!*text)
    return TRUE;
  do {
    if (!take_number (&text, &first))
      return FALSE;
    last = first;
    if (*text == '-' && (text++, !take_number (&text, &last)))
      return FALSE;
    if (last < first)
      return FALSE;
    for (guint i = first; i <= last; i++)
      cpus[i / 8] |= (guint8)(1u << (i % 8));
  } while (*text == ',' && text++);
  return *text == '\0';
}

static gboolean
has_cpu (const guint8 *cpus, guint i)
{
  return i < BOTHY_MAX_CPUS && (cpus[i / 8] & (1u << (i % 8))) != 0;
}

char *
bothy_cgroup_limits_format_cpus (const guint8 *cpus)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < BOTHY_MAX_CPUS; i++) {
    guint first = i;

    if (!has_cpu (cpus, i))
      continue;
    while (has_cpu (cpus, i + 1))
      i++;
    g_string_append_printf (text, i > first ? "%s%u-%u" : "%s%u", text->len ? "," : "", first, i);
  }
  return g_string_free (text, FALSE);
}

/* ---- systemd ---- */

static GVariant *
cpus_variant (const guint8 *cpus)
{
  gsize length = BOTHY_MAX_CPUS / 8;

  while (length > 0 && !cpus[length - 1])
    length--;
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, cpus, length, 1);
}

void
bothy_cgroup_limits_add_properties (const BothyCgroupLimits *self, gboolean every, GVariantBuilder *builder)
{
  for (BothyCgroupLimit i = 0; i < BOTHY_N_LIMITS; i++) {
    if (is_of_group (i) && (every || bothy_cgroup_limits_has (self, i)))
      g_variant_builder_add (builder, "(sv)", names[i].property,
                             i == BOTHY_LIMIT_CPUS
                                 ? cpus_variant (self->cpus)
                                 : g_variant_new_uint64 (bothy_cgroup_limits_get (self, i)));
  }
}

/* ---- files ---- */

static char *
file_text (const BothyCgroupLimits *self, BothyCgroupLimit limit)
{
  guint64 value = limit == BOTHY_LIMIT_CPUS ? 0 : bothy_cgroup_limits_get (self, limit);

  if (limit == BOTHY_LIMIT_CPUS) {
    g_autofree char *cpus = bothy_cgroup_limits_format_cpus (self->cpus);

    /* An empty write does nothing, but a line without a number is "all". */
    return g_strconcat (cpus, "\n", NULL);
  }
  if (limit == BOTHY_LIMIT_CPU_WEIGHT || limit == BOTHY_LIMIT_IO_WEIGHT)
    return g_strdup_printf ("%" G_GUINT64_FORMAT, value == BOTHY_LIMIT_NONE ? 100 : value);
  if (value == BOTHY_LIMIT_NONE)
    return g_strdup ("max");
  if (limit == BOTHY_LIMIT_CPU)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " %d", MAX (value * CPU_PERIOD / G_USEC_PER_SEC, 1000),
                            CPU_PERIOD);
  return g_strdup_printf ("%" G_GUINT64_FORMAT, value);
}

static gboolean
write_one (const BothyCgroupLimits *self, BothyCgroupLimit limit, int dirfd)
{
  g_autofree char *text = file_text (self, limit);
  autofd fd = openat (dirfd, names[limit].file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

  return fd >= 0 && write (fd, text, strlen (text)) == (ssize_t)strlen (text);
}

gboolean
bothy_cgroup_limits_write (const BothyCgroupLimits *self, gboolean every, int dirfd, GError **error)
{
  for (BothyCgroupLimit i = 0; i < BOTHY_N_LIMITS; i++) {
    gboolean given = (self->given & (1u << i)) != 0 && bothy_cgroup_limits_has (self, i);

    if (!is_of_group (i) || (!every && !bothy_cgroup_limits_has (self, i)) || write_one (self, i, dirfd) ||
        !given)
      continue;
    if (errno == ENOENT)
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED,
                   "The controller \"%s\" of control groups is not there for Bothy, so %s can not be set; "
                   "\"bothy doctor\" says more",
                   names[i].controller, names[i].file);
    else
      bothy_error_set_errno (error, errno, names[i].file);
    return FALSE;
  }
  return TRUE;
}
