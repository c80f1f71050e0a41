/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "job.h"

#define METADATA_MAX_VALUE 64
#define METADATA_MAX_SIZE  (1024u * 1024) /* of metadata.yaml */
#define METADATA_MAX_TEXT  1024u

/*
 * What of an image's metadata.yaml, as Incus and LXD have it, is of use here. Each is "" when it is not there
 * or not of the form that it should have; templates and all else are passed over.
 */
struct metadata {
  char architecture[METADATA_MAX_VALUE];
  char expiry_date[METADATA_MAX_VALUE]; /* seconds since 1970 */
  char os[METADATA_MAX_VALUE];
  char release[METADATA_MAX_VALUE];
  char variant[METADATA_MAX_VALUE];
};

/* Reads TEXT, which is YAML. False: the job failed, for it is none, or nested too deeply. */
bool metadata_parse (struct job *job, const char *text, size_t size, struct metadata *ret);

/* Writes it as lines KEY=VALUE for the result. Returns how many bytes these are. */
size_t metadata_write (const struct metadata *metadata, char ret_text[METADATA_MAX_TEXT]);
