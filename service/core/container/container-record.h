/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/container.h"
#include "storage/record.h"

G_BEGIN_DECLS

/*
 * The record of a container: the file "container" in its directory, which is called by its id and lies in the
 * directory CONTAINERS_FD (STATE/containers).
 */

/* What is written down of SELF: what was asked for, and how its last run went. (transfer full) */
GKeyFile *bothy_container_to_record (BothyContainer *self);

/* The container ID as RECORD describes it. (transfer full); NULL with an error when that makes no sense. */
BothyContainer *bothy_container_from_record (const char *id, GKeyFile *record, GError **error);

/* Write the record of SELF anew into the directory DIRFD, which is its own. FALSE with an error when it could not
   be written; then the record before it is still there. */
gboolean bothy_container_record_write (BothyContainer *self,
                                       int dirfd,
                                       BothyRecordDurability durability,
                                       GError **error);

/* The same in CONTAINERS_FD/ID, without waiting for the disk: after a power cut nothing runs anyway. */
gboolean bothy_container_record_save (BothyContainer *self, int containers_fd, GError **error);

/* What was saved of SELF in CONTAINERS_FD/ID survives a power cut once CALLBACK is called. */
void bothy_container_record_settle (BothyContainer *self,
                                    int containers_fd,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);

/* FALSE with FAILED or NO_SPACE: it may be the record before it that survives. */
gboolean bothy_container_record_settle_finish (BothyContainer *self, GAsyncResult *result, GError **error);

/* The container ID as CONTAINERS_FD/ID has it. (transfer full); NULL with an error when there is no record, or
   one that makes no sense. */
BothyContainer *bothy_container_record_load (int containers_fd, const char *id, GError **error);

G_END_DECLS
