/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stddef.h>

#include "job.h"

/* Extended attributes of one file, POSIX ACLs among them. NULL is none. */
struct attributes;

/* Takes those of ENTRY that an image may set; counts them into the job. False: the job failed. */
bool attributes_take (struct job *job, struct archive_entry *entry, struct attributes **ret);

/* Sets them on FD, the file at PATH. False: the job failed. */
bool attributes_set (struct job *job, const struct attributes *attributes, int fd, const char *path);

/* Frees. */
void attributes_free (struct attributes *attributes);

/* Whether an image may set the attribute: user.* but not overlayfs's own, file capabilities, POSIX ACLs. */
bool attributes_is_allowed (const char *name);
