/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* A container that another tool made. */
typedef struct {
  char *kind;       /* "lxc", "nspawn", "dir" */
  char *name;       /* what that calls it; "" of a directory */
  char *suggestion; /* what it could be called here */
  GUnixFDList *fds; /* its tree and its configuration; none: only the service can open it */
} CliAdoptable;

/** cli_adoptable_clear: frees what it holds */
void cli_adoptable_clear (CliAdoptable *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CliAdoptable, cli_adoptable_clear)

/**
 * cli_adoptable_open:
 * @word: lxc:NAME, nspawn:NAME, dir:DIRECTORY, or a path of one
 * @roots: lxc:NAME and nspawn:NAME are root's, whatever the caller has
 *
 * Opens the caller's own as the caller. What he has not is taken to be root's.
 */
gboolean cli_adoptable_open (const char *word, gboolean roots, CliAdoptable *ret, GError **error);

/** cli_adoptables_add_own: adds the caller's own to an a(ssss) as ListAdoptable has it */
void cli_adoptables_add_own (GVariantBuilder *list);

/**
 * cli_adoptable_key: the value that a configuration of LXC has for a key
 * @text: of the configuration
 * @keys: (array zero-terminated=1): names of it, old and new
 *
 * Returns: (transfer full) (nullable): the last that it has for one of @keys
 */
char *cli_adoptable_key (const char *text, const char *const *keys);
