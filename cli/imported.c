/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "imported.h"
#include "operation.h"
#include "output.h"

/* Returns the path of the Operation. */
static char *
call_import (Cli *cli, const CliImport *import, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) answer = NULL;
  GVariantBuilder options;
  char *path = NULL;

  if (g_unix_fd_list_append (fds, import->fd, error) < 0 ||
      (import->metadata_fd >= 0 && g_unix_fd_list_append (fds, import->metadata_fd, error) < 0))
    return NULL;
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  cli_option_add (&options, "alias", import->alias);
  cli_option_add (&options, "fingerprint", import->fingerprint);
  if (import->squash_owners)
    g_variant_builder_add (&options, "{sv}", "squash-owners", g_variant_new_boolean (TRUE));
  if (import->metadata_fd >= 0)
    g_variant_builder_add (&options, "{sv}", "metadata", g_variant_new_handle (1));
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ImportImage", g_variant_new ("(ha{sv})", 0, &options),
                     fds, NULL, error);
  if (answer)
    g_variant_get (answer, "(o)", &path);
  return path;
}

char *
cli_import (Cli *cli, const CliImport *import, GError **error)
{
  g_autofree char *operation = call_import (cli, import, error);
  char *image = NULL;

  return operation && cli_operation_follow (cli, operation, import->title, &image, error) ? image : NULL;
}

gboolean
cli_print_imported (Cli *cli, const char *path, GError **error)
{
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_IMAGE, error);
  g_autofree char *fingerprint = NULL;

  if (properties == NULL)
    return FALSE;
  if (cli->json) {
    cli_json_print_object (properties);
    return TRUE;
  }
  fingerprint = cli_property (properties, "Fingerprint");
  puts (fingerprint ? fingerprint : "");
  return TRUE;
}
