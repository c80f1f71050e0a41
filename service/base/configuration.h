/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* bothyd.conf(5): what the distribution ships, with what the administrator wrote over it. */
typedef struct {
  guint32 range_base;   /* first id of the pool */
  guint32 range_count;  /* how many ranges of 65536 */
  guint max_containers; /* per user, as the next ten */
  guint max_ranges;     /* held by hand */
  guint max_all_ranges; /* of containers, by hand, and kept for the next one: all that were given to him */
  guint max_nics;       /* on one bridge, without a delegation */
  guint max_ports;      /* of the host that lead into his containers */
  guint max_mounts;     /* directories of his in his containers */
  guint max_volumes;    /* volumes of his */
  guint max_devices;    /* entries for devices in his containers */
  guint max_snapshots;  /* of all his containers */
  guint max_autostarts; /* containers of his that are started unasked */
  guint max_operations;
  guint max_processes;
  guint64 max_image_bytes;
  guint64 max_image_files;
  guint subnet;             /* bothy0 has 10.SUBNET.0.0/16; 0: what is free */
  guint expire_days;        /* on which nobody used an image that was pulled, and then it goes; 0: never */
  guint64 container_memory; /* what one container may have at most; 0, here and below: no bound */
  guint container_tasks;
  guint container_cpus;
  guint64 container_disk; /* bytes */
  guint64 container_inodes;
  guint64 user_memory; /* what all containers of one user may have together */
  guint user_tasks;
  guint user_cpus;
  guint64
      user_disk; /* bytes that the containers of one user may have together, by the limits of each of them */
  guint64 user_inodes;
  guint default_tasks; /* of a container whose owner said nothing, as the next two */
  guint64 default_disk;
  guint64 default_inodes;
  guint idle_seconds; /* how long the service stays with nothing to do; 0: for ever */
} BothyConfiguration;

/* Read VENDOR_FILE, then FILE over it; each may be missing. A key or group that is not
   known, or a value out of range, is an error that names file and key: a limit that was
   mistyped must not turn into no limit. Returns NULL on error. */
BothyConfiguration *bothy_configuration_load (const char *vendor_file, const char *file, GError **error);

/* Frees the configuration. */
void bothy_configuration_free (BothyConfiguration *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyConfiguration, bothy_configuration_free)

G_END_DECLS
