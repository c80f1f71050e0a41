/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* A directory as a tar archive, written by a process of its own while the service reads it. */
typedef struct {
  int fd;     /* where the archive can be read, or -1 */
  GPid child; /* 0: none */
} CliDirectory;

/**
 * cli_directory_open:
 * @path: a directory; links in it are kept, other file systems below it are left out
 *
 * Begins to read @path with the caller's own rights. Owners are written as the numbers that the caller sees.
 */
gboolean cli_directory_open (CliDirectory *directory, const char *path, GError **error);

/**
 * cli_directory_close:
 *
 * Waits for the process. Returns: FALSE when it could not read all, and said so on standard error; the archive
 * has no end then, and nobody takes it.
 */
gboolean cli_directory_close (CliDirectory *directory);
