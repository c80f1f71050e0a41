/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

#include <gio/gunixfdlist.h>

/* A directory of this machine, or a volume, as people write it: HOST:INSIDE[:OPTION,…], as docker has it. */
typedef struct {
  char *volume; /* its name; NULL: it is a directory */
  char *path;   /* on this machine, absolute and without links */
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

/** cli_folder_options: Returns: (floating): what AddMount or AddVolume takes of it as a{sv} */
GVariant *cli_folder_options (const CliFolder *folder);

/**
 * cli_folders_open:
 * @words: (nullable): HOST:INSIDE[:OPTION,…]
 * @fds: gets the directories
 * @ret_volumes: (out): a(ssa{sv}): the volumes among them, as CreateContainer takes them
 *
 * Returns: (transfer full) (nullable): a(hsa{sv}), as CreateContainer takes them; NULL for an error, which was reported
 */
GVariant *cli_folders_open (Cli *cli, char **words, GUnixFDList *fds, GVariant **ret_volumes);

/**
 * cli_volumes_make:
 * @volumes: a(ssa{sv}), as CreateContainer takes them
 *
 * Makes those that are missing.
 *
 * Returns: (transfer full) (nullable): the names of those that were made; NULL: one could not be, and none was
 */
char **cli_volumes_make (Cli *cli, GVariant *volumes, GError **error);

/** cli_volumes_unmake: deletes those called @names again, because they were made for nothing; errors do not matter */
void cli_volumes_unmake (Cli *cli, char **names);

/** cli_folders_text: Returns: (transfer full): a container's property Mounts as people write them */
char *cli_folders_text (GVariant *mounts);

/* The option of a new container's directories. */
#define CLI_SPEC_VOLUME(spec)                                                                                \
  "volume", 'v', 0, G_OPTION_ARG_FILENAME_ARRAY, &(spec)->volumes,                                           \
      N_ ("Let a directory of yours, or a volume, be seen in it; as of bothy mount add"),                    \
      N_ ("DIRECTORY|VOLUME:INSIDE[:ro]")
