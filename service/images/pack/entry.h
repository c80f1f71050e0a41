/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <nettle/sha2.h>
#include <stdbool.h>

#include "images/unpack/job.h"

/* An archive that is being written. */
struct packing {
  struct job *job;
  int sink;
  bool is_inner;         /* it goes into OUTER, or nowhere, and what follows is known of it: */
  struct packing *outer; /* the archive that it is a file of, or NULL */
  struct sha256_ctx hash;
  uint64_t size;
  bool is_live; /* others go on writing what is packed */
  struct archive *archive;
  struct archive_entry_linkresolver *links;
};

/* Opens it as the request says. False: the job failed; also then entry_end() is due. */
bool entry_begin (struct packing *packing, struct job *job, int sink);

/* Opens one that is not compressed and becomes the content of the file in OUTER whose header was written, or, with NULL, is only
 * measured: its size and hash. The same. */
bool entry_begin_inner (struct packing *packing, struct job *job, struct packing *outer);

/* Writes the header of a regular file called NAME of SIZE bytes. False: the job failed. */
bool entry_write_head (struct packing *packing, const char *name, uint64_t size);

/* Ends it, and frees. False: the job failed. */
bool entry_end (struct packing *packing);

/* Writes a file called NAME with TEXT in it. */
bool entry_write_text (struct packing *packing, const char *name, const char *text);

/* Writes the file NAME of DIRECTORY, which is not followed, as PATH. What no archive has, devices and
 * sockets, is left out. False: the job failed. */
bool entry_write (struct packing *packing, int directory, const char *name, const char *path);

/* Writes the regular file that FD has open, from its beginning, as PATH. False: the job failed. */
bool entry_write_open (struct packing *packing, int fd, const char *path);
