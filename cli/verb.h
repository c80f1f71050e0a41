/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/*
 * Which verb a command line means, of a table that ends with a verb without a name.
 */

/**
 * cli_verb_find:
 * @words: a command line, from the verb on
 * @ret_length: (out): how many words name the verb
 *
 * Returns: (nullable): the verb
 */
const CliVerb *cli_verb_find (const CliVerb *verbs, char **words, gsize *ret_length);

/** cli_verb_group: Returns: whether verbs of two words begin with @word */
gboolean cli_verb_group (const CliVerb *verbs, const char *word);

/** cli_nearest: Returns: (nullable): the one of @words that @word may be a slip of, and is not itself */
const char *cli_nearest (const char *word, const char *const *words);

/**
 * cli_verb_hint:
 * @words: a command line whose verb is not ours
 *
 * Returns: (transfer full) (nullable): what the person may have meant, as "bothy VERB"
 */
char *cli_verb_hint (const CliVerb *verbs, char **words);
