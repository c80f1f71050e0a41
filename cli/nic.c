/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bridge.h"
#include "error.h"
#include "output.h"
#include "verbs.h"

#define DEFAULT_INTERFACE "eth0"

typedef struct {
  char *bridge; /* NULL: the default one */
  char *interface;
  int fd;
  char *path; /* of the bridge's object */
} Nic;

static void
nic_clear (Nic *nic)
{
  g_free (nic->bridge);
  g_free (nic->interface);
  g_free (nic->path);
  if (nic->fd >= 0)
    close (nic->fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Nic, nic_clear)

/* A process, or the file of a namespace. */
static int
open_namespace (const char *word, GError **error)
{
  g_autofree char *path = strspn (word, "0123456789") == strlen (word)
                              ? g_strdup_printf ("/proc/%s/ns/net", word)
                              : g_strdup (word);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (fd < 0)
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "%s: %s", path, g_strerror (errno));
  return fd;
}

static char *
find_bridge (Cli *cli, const char *name, GError **error)
{
  g_autoptr (GVariant) properties = NULL;
  char *path = NULL;

  if (name)
    return cli_find_bridge (cli, name, error);
  properties = cli_get_all (cli, BOTHY_ROOT, IFACE_MANAGER, error);
  if (properties && !g_variant_lookup (properties, "DefaultBridge", "o", &path))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 _ ("The service knows no bridges; it is an older one"));
  return path;
}

/* A single name is a bridge's if there is such a one, as lxc-user-nic(1) has it, and otherwise the interface's. */
static gboolean
take_names (Cli *cli, Nic *nic, char **names, GError **error)
{
  guint n = g_strv_length (names);

  if (!nic->bridge && n > 0) {
    nic->path = cli_find_bridge (cli, names[0], n > 1 ? error : NULL);
    if (nic->path)
      names++;
    else if (n > 1)
      return FALSE;
  }
  nic->interface = g_strdup (names[0] ? names[0] : DEFAULT_INTERFACE);
  if (!nic->path)
    nic->path = find_bridge (cli, nic->bridge, error);
  return nic->path != NULL;
}

/* PID|PATH [BRIDGE] [NAME]: the namespace is opened here, with the person's own rights. */
static gboolean
take_words (Cli *cli, Nic *nic, char **words, GError **error)
{
  nic->fd = open_namespace (words[0], error);
  return nic->fd >= 0 && cli_connect (cli, error) && take_names (cli, nic, words + 1, error);
}

static gboolean
words_ok (Cli *cli, const Nic *nic, char **words)
{
  guint n = g_strv_length (words);

  if (n >= 1 && n <= (nic->bridge ? 2 : 3))
    return TRUE;
  cli_usage (cli, "%s",
             _ ("A process or the file of a network namespace is needed, and at most a bridge and a name"));
  return FALSE;
}

static GVariant *
call (Cli *cli, const Nic *nic, const char *method, GVariant *args, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) kept = g_variant_ref_sink (args);

  if (g_unix_fd_list_append (fds, nic->fd, error) < 0)
    return NULL;
  return cli_call (cli, nic->path, IFACE_BRIDGE, method, kept, fds, NULL, error);
}

static void
print (Cli *cli, const Nic *nic, const char *mac, const char *const *addresses)
{
  g_autofree char *joined = g_strjoinv (" ", (char **)addresses);
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  if (!cli->json) {
    if (!cli->quiet)
      printf ("%s%s%s\n", mac, *joined ? " " : "", joined);
    return;
  }
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "name");
  json_builder_add_string_value (builder, nic->interface);
  json_builder_set_member_name (builder, "mac");
  json_builder_add_string_value (builder, mac);
  json_builder_set_member_name (builder, "addresses");
  json_builder_begin_array (builder);
  for (gsize i = 0; addresses[i]; i++)
    json_builder_add_string_value (builder, addresses[i]);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  cli_json_print (builder, TRUE);
}

int
cli_nic_attach (Cli *cli, char **words)
{
  g_auto (Nic) nic = { .fd = -1 };
  gboolean bare = FALSE;
  const GOptionEntry entries[] = {
    { "bridge", 'b', 0, G_OPTION_ARG_FILENAME, &nic.bridge, N_ ("In place of Bothy's own"), N_ ("BRIDGE") },
    { "bare", 0, 0, G_OPTION_ARG_NONE, &bare, N_ ("Leave it down and without addresses"), NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autofree const char **addresses = NULL;
  GVariantBuilder options;
  const char *mac;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL) || !words_ok (cli, &nic, rest))
    return CLI_EXIT_USAGE;
  if (!take_words (cli, &nic, rest, &error))
    return cli_fail (error);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (bare)
    g_variant_builder_add (&options, "{sv}", "configure", g_variant_new_boolean (FALSE));
  answer = call (cli, &nic, "AttachNic",
                 g_variant_new ("(hs@a{sv})", 0, nic.interface, g_variant_builder_end (&options)), &error);
  if (answer == NULL)
    return cli_fail (error);
  g_variant_get (answer, "(&s^a&s)", &mac, &addresses);
  print (cli, &nic, mac, addresses);
  return CLI_EXIT_OK;
}

int
cli_nic_detach (Cli *cli, char **words)
{
  g_auto (Nic) nic = { .fd = -1 };
  const GOptionEntry entries[] = {
    { "bridge", 'b', 0, G_OPTION_ARG_FILENAME, &nic.bridge, N_ ("In place of Bothy's own"), N_ ("BRIDGE") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariant) answer = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL) || !words_ok (cli, &nic, rest))
    return CLI_EXIT_USAGE;
  if (!take_words (cli, &nic, rest, &error))
    return cli_fail (error);
  answer = call (cli, &nic, "DetachNic", g_variant_new ("(hs)", 0, nic.interface), &error);
  return answer ? CLI_EXIT_OK : cli_fail (error);
}
