/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Names and passwords for servers, in the files that podman, skopeo and docker have them in:
 * containers-auth.json(5). */

/**
 * cli_auth_find:
 * @hosts: what the server is called: HOST or HOST:PORT; the first one that is in a file holds
 * @repository: (nullable): of an image there; a longer HOST/PATH that it begins with goes before HOST
 *
 * Looks into $REGISTRY_AUTH_FILE, or else those of containers and docker in the caller's home.
 *
 * Returns: (transfer full) (nullable): NAME:PASSWORD; NULL with @error unset when there is none
 */
char *cli_auth_find (const char *const *hosts, const char *repository, GError **error);

/** cli_auth_exists: Returns: whether there is any such file */
gboolean cli_auth_exists (void);

/**
 * cli_auth_store:
 * @login: NAME:PASSWORD
 *
 * Writes it into $REGISTRY_AUTH_FILE, or else ~/.config/containers/auth.json, which nobody but the caller can
 * read. All else in it stays.
 */
gboolean cli_auth_store (const char *host, const char *login, GError **error);

/**
 * cli_auth_erase:
 *
 * Takes it out of each of those files that are of containers.
 *
 * Returns: whether it was in one; FALSE with @error unset when not
 */
gboolean cli_auth_erase (const char *host, GError **error);
