/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a container can be kept from using too much of: of a control group, but for the two that its file system keeps. */
typedef enum {
  BOTHY_LIMIT_MEMORY,      /* bytes; above them the kernel kills */
  BOTHY_LIMIT_MEMORY_HIGH, /* bytes; above them processes are slowed down and their memory is reclaimed */
  BOTHY_LIMIT_SWAP,        /* bytes */
  BOTHY_LIMIT_CPU,         /* µs of processor time in a second of wall clock, of all processors together */
  BOTHY_LIMIT_CPU_WEIGHT,  /* 1 to 10000, 100 is what others have */
  BOTHY_LIMIT_IO_WEIGHT,   /* the same */
  BOTHY_LIMIT_PIDS,        /* processes and threads */
  BOTHY_LIMIT_DISK,        /* bytes of files; no control group knows of it, nor of the next */
  BOTHY_LIMIT_INODES,      /* files of any kind */
  BOTHY_LIMIT_CPUS,        /* which processors */
  BOTHY_N_LIMITS,
} BothyCgroupLimit;

#define BOTHY_LIMIT_NONE G_MAXUINT64 /* no limit: what cgroups call "max" and systemd "infinity" */
#define BOTHY_MAX_CPUS   1024

/* With all bytes 0: no limit. Sets of limits are of 1 << BothyCgroupLimit. */
typedef struct {
  guint given;                      /* the owner said these */
  guint granted;                    /* of those: an administrator let the value be above his ceiling */
  guint preset;                     /* nobody said these, but they have a value */
  guint64 values[BOTHY_LIMIT_CPUS]; /* of those in one of the sets: BOTHY_LIMIT_NONE, or in the units above */
  guint8 cpus[BOTHY_MAX_CPUS / 8];  /* bit N of byte M: processor 8 × M + N; no bit: all */
} BothyCgroupLimits;

/* BOTHY_LIMIT_NONE, or the value; not for BOTHY_LIMIT_CPUS. */
guint64 bothy_cgroup_limits_get (const BothyCgroupLimits *self, BothyCgroupLimit limit);

/* Whether LIMIT has an effect. */
gboolean bothy_cgroup_limits_has (const BothyCgroupLimits *self, BothyCgroupLimit limit);

/* The controller that LIMIT is of; NULL of those that the file system keeps. */
const char *bothy_cgroup_limits_controller (BothyCgroupLimit limit);

/* Whether both have the same effect on a control group. */
gboolean bothy_cgroup_limits_equal (const BothyCgroupLimits *self, const BothyCgroupLimits *other);

/* Keep LIMIT at VALUE at most, whatever the owner said. */
void bothy_cgroup_limits_lower (BothyCgroupLimits *self, BothyCgroupLimit limit, guint64 value);

/* "0-3,7" to bits and back; the text is "" for no bit. */
gboolean bothy_cgroup_limits_parse_cpus (const char *text, guint8 *cpus);

/* Returns (transfer full): the bits as text. */
char *bothy_cgroup_limits_format_cpus (const guint8 *cpus);

/* Append the properties of systemd.resource-control(5) to BUILDER, an a(sv). EVERY: also
   those that are not limited, which lifts what was set before. */
void
bothy_cgroup_limits_add_properties (const BothyCgroupLimits *self, gboolean every, GVariantBuilder *builder);

/* Write them into the files of the group that is open as DIRFD. A controller that is
   missing is an error, which names it, if the limit was given. */
gboolean bothy_cgroup_limits_write (const BothyCgroupLimits *self, gboolean every, int dirfd, GError **error);

G_END_DECLS
