/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* A port as people write it: HOST[:INSIDE][/PROTOCOL], as docker has it. */
typedef struct {
  const char *protocol;
  guint16 host;   /* 0, for AddPort: any that is free */
  guint16 inside; /* 0: not said */
} CliPort;

/** cli_port_parse: Returns: whether @word is a port */
gboolean cli_port_parse (const char *word, CliPort *ret_port);

/** cli_ports_ok: Returns: whether all @words (nullable) are ports; FALSE for a usage error, which was reported */
gboolean cli_ports_ok (Cli *cli, char **words);

/** cli_port_add_to: lets @port lead into the container at @path */
gboolean cli_port_add_to (Cli *cli, const char *path, const CliPort *port, GError **error);

/** cli_port_remove_from: lets it lead there no more */
gboolean cli_port_remove_from (Cli *cli, const char *path, const CliPort *port, GError **error);

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
      N_ ("Let a port of this machine lead into it; as of bothy port add"), N_ ("HOST[:INSIDE][/PROTOCOL]")
#define CLI_SPEC_PUBLISH_ALL(spec)                                                                           \
  "publish-all", 'P', 0, G_OPTION_ARG_NONE, &(spec)->publish_all,                                            \
      N_ ("Let a free port lead to each one that the image listens at"), NULL
