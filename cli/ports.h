/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* A port as people write it: [ADDRESS:]HOST[:INSIDE][/PROTOCOL], as docker has it; or several, of numbers that follow each
   other: 8000-8010:80-90. */
typedef struct {
  const char *protocol;
  char address[48]; /* of this machine, without brackets; "": all of them */
  guint16 host;     /* 0, for AddPort: any that is free */
  guint16 inside;
  guint n; /* of ports, from these on */
} CliPort;

/** cli_ports_ok: Returns: whether all @words (nullable) are ports; FALSE for a usage error, which was reported */
gboolean cli_ports_ok (Cli *cli, char **words);

/**
 * cli_ports_fit:
 * @path: (nullable): of the container that they are for, if there is one already
 * @words: (nullable): ports, all of which cli_ports_ok() found right
 *
 * Returns: whether a container may have so many; FALSE with an error also when the service can not be asked
 */
gboolean cli_ports_fit (Cli *cli, const char *path, char **words, GError **error);

/** cli_ports_add: lets @words (nullable, of cli_ports_ok()) lead into the container at @path: all of them, or, with an error,
 * none */
gboolean cli_ports_add (Cli *cli, const char *path, char **words, GError **error);

/** cli_ports_remove: lets @words (nullable, of cli_ports_ok()) lead there no more, up to the first that did not */
gboolean cli_ports_remove (Cli *cli, const char *path, char **words, GError **error);

/**
 * cli_ports_publish_exposed:
 *
 * Lets a free port of this machine lead to each one that the image of the container at @path says it listens at, unless one
 * leads there already; and says on standard error which.
 */
gboolean cli_ports_publish_exposed (Cli *cli, const char *path, GError **error);

/** cli_ports_text: Returns: (transfer full): a container's property Ports as people write them */
char *cli_ports_text (GVariant *ports);

/* The options of a new container's ports. */
#define CLI_SPEC_PUBLISH(spec)                                                                               \
  "publish", 'p', 0, G_OPTION_ARG_FILENAME_ARRAY, &(spec)->publish,                                          \
      N_ ("Let a port of this machine lead into it; as of bothy port add"),                                  \
      N_ ("[ADDRESS:]HOST[:INSIDE][/PROTOCOL]")
#define CLI_SPEC_PUBLISH_ALL(spec)                                                                           \
  "publish-all", 'P', 0, G_OPTION_ARG_NONE, &(spec)->publish_all,                                            \
      N_ ("Let a free port lead to each one that the image listens at"), NULL
