/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "job.h"

#define DESCRIBE_MAX_TEXT (16u * 1024 + 32)

/*
 * Checks that the directory ROOT looks like a root file system, unless it is a layer, and writes what the
 * result's text says of it: os-release, NUL, architecture. Returns its size, or 0:
 * the job failed.
 */
size_t describe_tree (struct job *job, int root, char ret_text[DESCRIBE_MAX_TEXT]);

/* Whether the directory ROOT has what a root file system has at its top. */
bool describe_is_root (int root);

/* The machine that an ELF file is for, as uname -m calls it, or "unknown". */
const char *describe_architecture (const void *header, size_t size);

/* Whether a whole ELF file runs without an interpreter, as a static program does. */
bool describe_is_static (const void *file, size_t size);
