/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/*
 * What containers may take of the disk. The files of a container have a project id from its birth on, one of the numbers
 * of its range, and the file system bounds what all files of a project take together: see project quotas in quotactl(2).
 */

/* Give DATA, the still empty directory of CONTAINER, which is being made, a project id and the bounds that hold for it.
   Where the file system keeps none it stays without. */
void bothy_disk_assign (BothyRegistry *self,
                        BothyContainer *container,
                        int data,
                        GAsyncReadyCallback callback,
                        gpointer user_data);

/* FALSE with an error. */
gboolean bothy_disk_assign_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* The same for DATA, one more directory of CONTAINER, which is there: its files count as those that it has; end it with the
   same. */
void bothy_disk_join (BothyRegistry *self,
                      BothyContainer *container,
                      int data,
                      GAsyncReadyCallback callback,
                      gpointer user_data);

/* The same for DATA, the still empty directory of VOLUME, which is being made and has a project id and bounds already; end it
   with the same. Where there are files with that project id still, which somebody may have open, it gets another one. */
void bothy_disk_assign_volume (
    BothyRegistry *self, BothyVolume *volume, int data, GAsyncReadyCallback callback, gpointer user_data);

/* Find out what the files of VOLUME take; end it with bothy_disk_read_finish(). */
void bothy_disk_read_volume (BothyRegistry *self,
                             const BothyVolume *volume,
                             GAsyncReadyCallback callback,
                             gpointer user_data);

/* Tell the file system what container->limits say, if it has not been told, and put that on record. */
void bothy_disk_bound (BothyRegistry *self,
                       BothyContainer *container,
                       GAsyncReadyCallback callback,
                       gpointer user_data);

/* FALSE with an error; then the bounds are as they were. */
gboolean bothy_disk_bound_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* The same with nobody who waits for it: a failure is a warning in the log. */
void bothy_disk_bound_unasked (BothyRegistry *self, BothyContainer *container);

/* The files of PROJECT (0: none), which might take BYTES and INODES (0: no bound), are in the trash. What removes them gets a little
   room more, and not all that there is: somebody may have one of them open still, and write. Whatever has that project id next is
   bounded anew. */
void bothy_disk_release (BothyRegistry *self, guint32 project, guint64 bytes, guint64 inodes);

/* Find out what the files of CONTAINER take. */
void bothy_disk_read (BothyRegistry *self,
                      BothyContainer *container,
                      GAsyncReadyCallback callback,
                      gpointer user_data);

/* Adds "disk", "inodes", and "disk-max" and "inodes-max" where there is a bound, to STATS. FALSE with an error. */
gboolean
bothy_disk_read_finish (BothyRegistry *self, GAsyncResult *result, GVariantDict *stats, GError **error);

G_END_DECLS
