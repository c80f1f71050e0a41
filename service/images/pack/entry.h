/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>

#include "images/unpack/job.h"

/* An archive that is being written. */
struct packing {
  struct job *job;
  int sink;
  bool is_live; /* others go on writing what is packed */
  struct archive *archive;
  struct archive_entry_linkresolver *links;
};

/* Opens it as the request says. False: the job failed; also then entry_end() is due. */
bool entry_begin (struct packing *packing, struct job *job, int sink);

/* Ends it, and frees. False: the job failed. */
bool entry_end (struct packing *packing);

/* Writes a file called NAME with TEXT in it. */
bool entry_write_text (struct packing *packing, const char *name, const char *text);

/* Writes the file NAME of DIRECTORY, which is not followed, as PATH. What no archive has, devices and
 * sockets, is left out. False: the job failed. */
bool entry_write (struct packing *packing, int directory, const char *name, const char *path);

/* Writes the regular file that FD has open, from its beginning, as PATH. False: the job failed. */
bool entry_write_open (struct packing *packing, int fd, const char *path);
