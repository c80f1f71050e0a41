/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/** cli_egress_variant: WORDS as SetEgress takes destinations; the word "none" alone is the empty list */
GVariant *cli_egress_variant (char **words);

/* The option of a new container's destinations. */
#define CLI_SPEC_ALLOW(spec)                                                                                 \
  "allow", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &(spec)->allow,                                                \
      N_ ("Where it may connect to, and nowhere else; as of bothy egress"), N_ ("DESTINATION")
