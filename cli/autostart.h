/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/** cli_autostart_text: Returns: (transfer full) (nullable): when @autostart, the property, lets a container be started */
char *cli_autostart_text (GVariant *autostart);

/** cli_autostart_restart: Returns: (transfer full) (nullable): what it says of its end */
char *cli_autostart_restart (GVariant *autostart);
