/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

#include <gio/gunixfdlist.h>

/* A directory of this machine as people write it: HOST:INSIDE[:OPTION,…], as docker has it. */
typedef struct {
  char *path; /* on this machine, absolute and without links */
  char *inside;
  char *user; /* nullable: "UID" or "UID:GID", whose the caller's files are inside */
  gboolean read_only;
  int fd;
} CliFolder;

/** cli_folder_clear: frees what it holds */
void cli_folder_clear (CliFolder *folder);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CliFolder, cli_folder_clear)

/**
 * cli_folder_open:
 * @word: HOST:INSIDE[:OPTION,…]
 *
 * Opens the directory.
 *
 * Returns: FALSE for an error, which was reported
 */
gboolean cli_folder_open (Cli *cli, const char *word, CliFolder *ret_folder);

/** cli_folder_options: Returns: (floating): what AddMount takes of it as a{sv} */
GVariant *cli_folder_options (const CliFolder *folder);

/**
 * cli_folders_open:
 * @words: (nullable): HOST:INSIDE[:OPTION,…]
 * @fds: gets the directories
 *
 * Returns: (transfer full) (nullable): a(hsa{sv}), as CreateContainer takes them; NULL for an error, which was reported
 */
GVariant *cli_folders_open (Cli *cli, char **words, GUnixFDList *fds);

/** cli_folders_text: Returns: (transfer full): a container's property Mounts as people write them */
char *cli_folders_text (GVariant *mounts);

/* The option of a new container's directories. */
#define CLI_SPEC_VOLUME(spec)                                                                                \
  "volume", 'v', 0, G_OPTION_ARG_FILENAME_ARRAY, &(spec)->volumes,                                           \
      N_ ("Let a directory of yours be seen in it; as of bothy mount add"), N_ ("DIRECTORY:INSIDE[:ro]")
