/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/cgroup-stats.h"

#include "platform/cgroup-manager.h"
#include "base/fd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Text of a file of the group, or NULL. */
static char *
read_text (int dirfd, const char *name)
{
  char text[16384];
  autofd fd = openat (dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : read (fd, text, sizeof text - 1);

  return size < 0 ? NULL : g_strndup (text, (gsize)size);
}

static void
add (GVariantBuilder *builder, const char *key, guint64 value)
{
  g_variant_builder_add (builder, "{sv}", key, g_variant_new_uint64 (value));
}

/* A file with one number; "max" is left out. */
static void
add_number (GVariantBuilder *builder, const char *key, int dirfd, const char *name)
{
  g_autofree char *text = read_text (dirfd, name);

  if (text && g_ascii_isdigit (*text))
    add (builder, key, g_ascii_strtoull (text, NULL, 10));
}

/* A file with lines "FIELD NUMBER". */
static void
add_field (GVariantBuilder *builder, const char *key, int dirfd, const char *name, const char *field)
{
  g_autofree char *text = read_text (dirfd, name);
  g_auto (GStrv) lines = text ? g_strsplit (text, "\n", -1) : NULL;
  gsize length = strlen (field);

  for (char **line = lines; line && *line; line++) {
    if (g_str_has_prefix (*line, field) && (*line)[length] == ' ')
      add (builder, key, g_ascii_strtoull (*line + length + 1, NULL, 10));
  }
}

/* io.stat has a line for each device: "8:0 rbytes=1 wbytes=2 …". */
static guint64
sum_io (const char *text, const char *field)
{
  guint64 sum = 0;

  for (const char *at = strstr (text, field); at; at = strstr (at + 1, field))
    sum += g_ascii_strtoull (at + strlen (field), NULL, 10);
  return sum;
}

GVariant *
bothy_cgroup_stats_read (const char *group)
{
  autofd fd = bothy_cgroup_manager_open (group);
  g_autofree char *io = read_text (fd, "io.stat");
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add_number (&builder, "memory", fd, "memory.current");
  add_number (&builder, "memory-peak", fd, "memory.peak");
  add_number (&builder, "memory-max", fd, "memory.max");
  add_number (&builder, "swap", fd, "memory.swap.current");
  add_number (&builder, "pids", fd, "pids.current");
  add_number (&builder, "pids-max", fd, "pids.max");
  add_field (&builder, "cpu-usec", fd, "cpu.stat", "usage_usec");
  add_field (&builder, "oom-kills", fd, "memory.events", "oom_kill");
  if (io) {
    add (&builder, "io-read", sum_io (io, " rbytes="));
    add (&builder, "io-write", sum_io (io, " wbytes="));
  }
  return g_variant_builder_end (&builder);
}
