/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/*
 * Limits as a person writes them, "memory=512M", and as the service takes them.
 */

/**
 * cli_limits_parse:
 * @words: (nullable): KEY=VALUE each; of two for the same key the second counts
 * @error: (out): which one is wrong
 *
 * Values are bytes with K, M, G or T for powers of 1024, numbers, sets of processors, or "max" for no limit.
 *
 * Returns: (transfer full) (nullable): a{sv} for SetLimits
 */
GVariant *cli_limits_parse (char **words, GError **error);

/** cli_limits_print: prints a{sv} as fields for a person */
void cli_limits_print (GVariant *limits);

/** cli_limits_summary: Returns: (transfer full): the a{sv} in one line, as KEY=VALUE that cli_limits_parse()
 * takes */
char *cli_limits_summary (GVariant *limits);

/** cli_limits_parse_size: bytes, with K, M, G or T for powers of 1024. Returns: FALSE if @text is no such number */
gboolean cli_limits_parse_size (const char *text, guint64 *ret_bytes);

/** cli_limits_exact_size: Returns: (transfer full): bytes as cli_limits_parse_size() takes them */
char *cli_limits_exact_size (guint64 bytes);

/** cli_limits_size: Returns: (transfer full): bytes as a person reads them, "1.5G" */
char *cli_limits_size (guint64 bytes);

/** cli_limits_disk_holds: Returns: whether limits of the disk of a container with @properties have an effect */
gboolean cli_limits_disk_holds (GVariant *properties);

/** cli_limits_warn: says on standard error which of @limits, an a{sv}, have no effect on the container at @path, if any */
void cli_limits_warn (Cli *cli, const char *path, GVariant *limits);

/**
 * cli_call_over_quota:
 *
 * As cli_call(), but what is above an administrator's ceiling is tried a second time, so that he may be
 * asked.
 */
GVariant *cli_call_over_quota (Cli *cli,
                               const char *path,
                               const char *interface,
                               const char *method,
                               GVariant *parameters,
                               GUnixFDList *fds,
                               GError **error);
