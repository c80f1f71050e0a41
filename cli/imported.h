/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* The option that lets archives in whose owners no container has. */
#define CLI_SQUASH_OWNERS(flag)                                                                              \
  { "squash-owners", 0, 0, G_OPTION_ARG_NONE, flag, N_ ("Files of ids above 65535 become nobody's"), NULL }

/* What is to become an image. */
typedef struct {
  int fd;                  /* what the archive can be read from */
  int metadata_fd;         /* the same of the one with its metadata, or -1 */
  const char *title;       /* for the progress line */
  const char *alias;       /* or NULL */
  const char *fingerprint; /* or NULL */
  gboolean squash_owners;  /* what is of ids that no container has becomes nobody's */
} CliImport;

/**
 * cli_import:
 *
 * Returns: (transfer full) (nullable): the path of the image's object
 */
char *cli_import (Cli *cli, const CliImport *import, GError **error);

/** cli_print_imported: prints the fingerprint of the image at @path, or with --json all of it */
gboolean cli_print_imported (Cli *cli, const char *path, GError **error);
