/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* Until when somebody maintains an image. */

/** cli_expiry_text: @properties: an image's. Returns: (transfer full) (nullable): the day, and whether it is
 * over; NULL: not known */
char *cli_expiry_text (GVariant *properties);

/** cli_expiry_warn: says so on standard error when the support of the image called @name has ended */
void cli_expiry_warn (Cli *cli, const char *name);
