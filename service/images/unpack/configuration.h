/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "job.h"

/*
 * What a container's configuration for another tool says, line by line: "KEY=VALUE" and a newline for each line that says
 * something, in its order. What the keys mean is not known here. KEY is made of letters, digits and . _ - alone; of a file
 * with sections it is SECTION.KEY. VALUE has neither a control character nor, with LXC, the quotes around it.
 */

#define CONFIGURATION_MAX_SIZE (64u * 1024)                     /* of the file */
#define CONFIGURATION_MAX_TEXT (CONFIGURATION_MAX_SIZE + 8192u) /* of the lines */
#define CONFIGURATION_MAX_KEY  127u

/* Takes a file's TEXT, of SIZE bytes, at most CONFIGURATION_MAX_SIZE, apart, as configuration_read() returns it. */
typedef size_t (*configuration_parser) (struct job *job,
                                        const char *text,
                                        size_t size,
                                        char ret_lines[CONFIGURATION_MAX_TEXT]);

/* Takes the file FD apart with PARSE. Returns how many bytes of RET_LINES were filled, 0 also when the job failed: it is too large, or
   no configuration. */
size_t configuration_read (struct job *job,
                           int fd,
                           configuration_parser parse,
                           char ret_lines[CONFIGURATION_MAX_TEXT]);

/* A parser of LXC's form, or with UNPACK_HAS_SECTIONS of systemd's. */
size_t
configuration_parse (struct job *job, const char *text, size_t size, char ret_lines[CONFIGURATION_MAX_TEXT]);
