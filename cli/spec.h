/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"
#include "egress.h"
#include "folders.h"
#include "health.h"
#include "imported.h"
#include "ports.h"

/* What create, launch and run say about a new container. */
typedef struct {
  char *name;
  char *image;
  char **command;
  char *entrypoint;
  char **environment;
  char *user;
  char *directory;
  char *hostname;
  char *network;
  char *address;
  char **resolvers;
  char **allow;
  char **publish; /* HOST[:INSIDE][/PROTOCOL] */
  gboolean publish_all;
  char **volumes;   /* DIRECTORY|VOLUME:INSIDE[:OPTION,…] */
  char **devices;   /* as AddDevice takes them */
  GVariant *mounts; /* what the directories among them are to CreateContainer */
  GVariant *named;  /* and the volumes */
  GUnixFDList *mount_fds;
  gboolean squash_owners; /* of an image that is not here yet */
  gboolean ephemeral;
  gboolean nesting;
  gboolean with_user;
  char **limits; /* KEY=VALUE */
  char *memory;
  char *cpus;
  char *disk;
  GVariant *parsed_limits;
  char **sysctls; /* NAME=VALUE */
  char *restart;
  char *shm_size;
  guint64 shm_bytes; /* 0: nothing was said */
  CliHealth health;
} CliSpec;

/* In place of the image's. */
#define CLI_SPEC_ENTRYPOINT(spec)                                                                            \
  "entrypoint", 0, 0, G_OPTION_ARG_FILENAME, &(spec)->entrypoint,                                            \
      N_ ("In place of the image's entrypoint and command; \"\" for none"), N_ ("PROGRAM")

/* On a LAN. */
#define CLI_SPEC_ADDRESS(spec)                                                                               \
  "address", 0, 0, G_OPTION_ARG_FILENAME, &(spec)->address, N_ ("With lan:BRIDGE: in place of DHCP"),        \
      N_ ("ADDRESS/BITS[,GATEWAY]")
#define CLI_SPEC_DNS(spec)                                                                                   \
  "dns", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &(spec)->resolvers, N_ ("With lan:BRIDGE: who resolves names"),  \
      N_ ("ADDRESS")

/* The options of a new container's limits. */
#define CLI_SPEC_LIMIT(spec)                                                                                 \
  "limit", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &(spec)->limits, N_ ("What it may use, as of bothy limit"),    \
      N_ ("KEY=VALUE")
#define CLI_SPEC_MEMORY(spec)                                                                                \
  "memory", 'm', 0, G_OPTION_ARG_FILENAME, &(spec)->memory, N_ ("As --limit memory=SIZE"), N_ ("SIZE")
#define CLI_SPEC_CPUS(spec)                                                                                  \
  "cpus", 0, 0, G_OPTION_ARG_FILENAME, &(spec)->cpus, N_ ("As --limit cpu=NUMBER"), N_ ("NUMBER")

#define CLI_SPEC_DISK(spec)                                                                                  \
  "disk", 0, 0, G_OPTION_ARG_FILENAME, &(spec)->disk, N_ ("As --limit disk=SIZE"), N_ ("SIZE")

#define CLI_SPEC_RESTART(spec)                                                                               \
  "restart", 0, 0, G_OPTION_ARG_FILENAME, &(spec)->restart, N_ ("What is done when it ends"),                \
      N_ ("no|on-failure[:MAX]|always")

/* How it is asked whether it is well: entries of a GOptionEntry array. */
#define CLI_SPEC_HEALTH(spec)                                                                                \
  { CLI_HEALTH_COMMAND (&(spec)->health) }, { CLI_HEALTH_INTERVAL (&(spec)->health) },                       \
      { CLI_HEALTH_TIMEOUT (&(spec)->health) }, { CLI_HEALTH_START_PERIOD (&(spec)->health) },               \
      { CLI_HEALTH_START_INTERVAL (&(spec)->health) }, { CLI_HEALTH_RETRIES (&(spec)->health) },             \
      { CLI_HEALTH_ON_FAILURE (&(spec)->health) },                                                           \
  {                                                                                                          \
    CLI_HEALTH_OFF (&(spec)->health)                                                                         \
  }

/* What of the kernel is the container's own. */
#define CLI_SPEC_SYSCTL(spec)                                                                                \
  "sysctl", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &(spec)->sysctls,                                             \
      N_ ("Set at each start: net.*, kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*"), N_ ("NAME=VALUE")
#define CLI_SPEC_SHM_SIZE(spec)                                                                              \
  "shm-size", 0, 0, G_OPTION_ARG_FILENAME, &(spec)->shm_size, N_ ("Of /dev/shm, such as 1G"), N_ ("SIZE")

/**
 * cli_words_fit:
 * @command: (nullable): what goes to a program inside
 * @environment: (nullable): and its variables
 *
 * Returns: whether one call can carry them; FALSE for a usage error, which was reported
 */
gboolean cli_words_fit (Cli *cli, char **command, char **environment);

/** cli_words_are_utf8: Returns: whether D-Bus can carry all @words as texts */
gboolean cli_words_are_utf8 (char **words);

/**
 * cli_bytes_of_words: what goes to a program inside
 *
 * Returns: (floating): "as", or, if they are not UTF-8, "aay"
 */
GVariant *cli_bytes_of_words (char **words);

/** cli_bytes_of_word: the same of one; Returns: (floating): "s", or "ay" */
GVariant *cli_bytes_of_word (const char *word);

/** cli_spec_clear: frees what it holds */
void cli_spec_clear (CliSpec *spec);

/**
 * cli_spec_create:
 *
 * Makes the container, with its ports and devices. Without a name it gets one that comes from the image, and is free; that
 * is stored in @spec.
 *
 * Returns: (transfer full) (nullable): the path of its object
 */
char *cli_spec_create (Cli *cli, CliSpec *spec, GError **error);

/**
 * cli_environment_ok:
 * @environment: (nullable): NAME=VALUE, or NAME for what it is here
 *
 * Completes those without a value. One that is not set here either stays NAME alone: it is then not set inside.
 *
 * Returns: FALSE when one of them has no name
 */
gboolean cli_environment_ok (char ***environment);

/** cli_spec_ok: parses what options said. Returns: FALSE for a usage error, which was reported */
gboolean cli_spec_ok (Cli *cli, CliSpec *spec);

/**
 * cli_spec_runs_init:
 * @ret_init: (out): whether, without a command, the image's init would run: it names none, or an init as its command
 *
 * Asks what the image says, and gets it if it is not here.
 *
 * Returns: FALSE with @error set when there is no such image
 */
gboolean cli_spec_runs_init (Cli *cli, const CliSpec *spec, gboolean *ret_init, GError **error);

/** cli_spec_undo: deletes the container that cli_spec_create() made at @path */
void cli_spec_undo (Cli *cli, const char *path);

/** cli_spec_words: the verb of create and launch: options, IMAGE, [NAME], command. Returns: FALSE for a usage
 * error */
gboolean cli_spec_words (Cli *cli, CliSpec *spec, char **words);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CliSpec, cli_spec_clear)
