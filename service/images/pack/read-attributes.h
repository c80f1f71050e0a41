/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <archive_entry.h>
#include <stdbool.h>

#include "images/unpack/job.h"

/* Gives ENTRY the extended attributes and ACLs of FD, the file at PATH, that an image may have. False: the
 * job failed. */
bool read_attributes (struct job *job, int fd, const char *path, struct archive_entry *entry);
