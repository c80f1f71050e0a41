/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What the verbs for containers by hand take: id maps and names of namespaces. */

typedef struct {
  char kind; /* 'u': uids, 'g': gids, 'b': both */
  guint32 inside;
  guint32 outside;
  guint32 count;
} CliExtent;

/** cli_extent_parse: @text: "[u|g|b]:INSIDE:OUTSIDE:COUNT", as lxc-usernsexec has it; without a kind, both */
gboolean cli_extent_parse (const char *text, CliExtent *ret_extent);

/**
 * cli_extents_parse:
 * @texts: (nullable): parts of a map
 * @ret_bad: (out): the one that is none
 *
 * Returns: (transfer full) (nullable) (element-type CliExtent): the parts
 */
GArray *cli_extents_parse (char **texts, const char **ret_bad);

/** cli_extents_variant: Returns: (transfer floating): a(suuu) */
GVariant *cli_extents_variant (GArray *extents);

/** cli_extents_outside: Returns: whether @inside is mapped for @kind, 'u' or 'g', and to what */
gboolean cli_extents_outside (GArray *extents, char kind, guint32 inside, guint32 *ret_outside);

/** cli_extents_keep: appends a map for @kind with the id @own as it is, and those of the range at @base
 * around it */
void cli_extents_keep (GArray *extents, char kind, guint32 own, guint32 base);

/** cli_namespaces_parse: @text: names such as "MOUNT|PID", as lxc-unshare has them; adds their CLONE_ flags
 */
gboolean cli_namespaces_parse (const char *text, int *flags);
