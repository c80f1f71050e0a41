/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* What create, launch and run say about how a container is asked whether it is well. */
typedef struct {
  char *command; /* one of the shell's, or a JSON array of words, or "none" */
  char *interval, *timeout, *start_period, *start_interval; /* such as 30s */
  int retries;
  char *on_failure;
  gboolean off;
} CliHealth;

#define CLI_HEALTH_COMMAND(health)                                                                           \
  "health-cmd", 0, 0, G_OPTION_ARG_FILENAME, &(health)->command,                                             \
      N_ ("What says inside whether it is well, in place of the image's"), N_ ("COMMAND")
#define CLI_HEALTH_INTERVAL(health)                                                                          \
  "health-interval", 0, 0, G_OPTION_ARG_FILENAME, &(health)->interval, N_ ("How often that is run (30s)"),   \
      N_ ("TIME")
#define CLI_HEALTH_TIMEOUT(health)                                                                           \
  "health-timeout", 0, 0, G_OPTION_ARG_FILENAME, &(health)->timeout, N_ ("How long that may take (30s)"),    \
      N_ ("TIME")
#define CLI_HEALTH_START_PERIOD(health)                                                                      \
  "health-start-period", 0, 0, G_OPTION_ARG_FILENAME, &(health)->start_period,                               \
      N_ ("How long it may fail after the start (0s)"), N_ ("TIME")
#define CLI_HEALTH_START_INTERVAL(health)                                                                    \
  "health-start-interval", 0, 0, G_OPTION_ARG_FILENAME, &(health)->start_interval,                           \
      N_ ("How often it is run until then"), N_ ("TIME")
#define CLI_HEALTH_RETRIES(health)                                                                           \
  "health-retries", 0, 0, G_OPTION_ARG_INT, &(health)->retries,                                              \
      N_ ("How often in a row it fails before the container is unhealthy (3)"), N_ ("NUMBER")
#define CLI_HEALTH_ON_FAILURE(health)                                                                        \
  "health-on-failure", 0, 0, G_OPTION_ARG_FILENAME, &(health)->on_failure, N_ ("What is done then (none)"),  \
      N_ ("none|restart|stop|kill")
#define CLI_HEALTH_OFF(health)                                                                               \
  "no-healthcheck", 0, 0, G_OPTION_ARG_NONE, &(health)->off, N_ ("Do not run the image's health check"), NULL

/** cli_health_clear: frees what it holds */
void cli_health_clear (CliHealth *health);

/** cli_health_ok: parses what options said. Returns: FALSE for a usage error, which was reported */
gboolean cli_health_ok (Cli *cli, const CliHealth *health);

/** cli_health_variant: Returns: (transfer full) (nullable): a{sv} as CreateContainer takes it, of what is ok; NULL when nothing was said */
GVariant *cli_health_variant (const CliHealth *health);

/** cli_health_print: what the properties @p of a container say of its health, as fields */
void cli_health_print (GVariant *p);
