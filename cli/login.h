/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

#include <gio/gunixfdlist.h>

/**
 * cli_login_add:
 * @ref: of an image, or of what is looked for: "REMOTE:" will do
 * @options: gets "credentials", if the caller has some for where @ref may come from
 * @ret_fds: (out) (transfer full) (nullable): what goes with them
 *
 * Returns: FALSE when what the caller has can not be read
 */
gboolean
cli_login_add (Cli *cli, const char *ref, GVariantBuilder *options, GUnixFDList **ret_fds, GError **error);

/* Where an image goes to. */
typedef struct {
  char *url;        /* https://HOST[:PORT]; http:// only on this machine */
  char *host;       /* as the person calls it */
  char *repository; /* what the image is called there */
  char *tag;
  gboolean is_known; /* the machine has it among its remotes */
  int login_fd;      /* what the caller has for it, NAME:PASSWORD, to be read from its beginning; or -1 */
} CliDestination;

/** cli_destination_clear: frees what it has, and closes the fd */
void cli_destination_clear (CliDestination *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CliDestination, cli_destination_clear)

/**
 * cli_destination_find:
 * @ref: HOST[:PORT]/NAME[:TAG] or REMOTE:NAME[:TAG]; without a tag it is "latest"
 * @ret: empty; it is to be cleared also after an error
 *
 * Returns: FALSE when there is no such registry, when it may not be spoken to without TLS, or when what the caller has for it can
 * not be read
 */
gboolean cli_destination_find (Cli *cli, const char *ref, CliDestination *ret, GError **error);
