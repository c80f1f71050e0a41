/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** cli_main_help: prints what there is. Returns: the exit code */
int cli_main_help (void);

/** cli_main_unknown: says that @words name no verb, and which one may have been meant. Returns: the exit code
 */
int cli_main_unknown (char **words);
