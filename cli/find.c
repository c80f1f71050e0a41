/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "error.h"

static char *
find (Cli *cli, const char *method, const char *name, GError **error)
{
  g_autoptr (GVariant) answer = NULL;
  char *path = NULL;

  if (!g_utf8_validate (name, -1, NULL)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, _ ("'%s' is not a name"), name);
    return NULL;
  }
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, method, g_variant_new ("(s)", name), NULL, NULL, error);
  if (answer)
    g_variant_get (answer, "(o)", &path);
  return path;
}

/* Labels of object paths, as systemd escapes them. */
static char *
path_label (const char *name)
{
  GString *label = g_string_new (NULL);

  for (const char *p = name; *p != '\0'; p++)
    if (g_ascii_isalpha (*p) || (p > name && g_ascii_isdigit (*p)))
      g_string_append_c (label, *p);
    else
      g_string_append_printf (label, "_%02x", (guchar)*p);
  return g_string_free (label, FALSE);
}

/* The path of USER/NAME is known without a question, which saves an administrator one of two passwords. */
static char *
foreign_path (Cli *cli, const char *name, GError **error)
{
  const char *slash = strchr (name, '/');
  g_autofree char *user = g_strndup (name, slash - name);
  g_autofree char *label = path_label (slash + 1);
  g_autoptr (GVariant) pong = NULL;
  struct passwd *entry = getpwnam (user);
  guint64 uid = 0;

  if (!cli_name_ok (slash + 1) ||
      (entry == NULL && !g_ascii_string_to_unsigned (user, 10, 0, G_MAXUINT32 - 1, &uid, NULL))) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, _ ("There is no container %s"), name);
    return NULL;
  }
  /* Nothing else has told yet who the service is. */
  pong = cli_call (cli, BOTHY_ROOT, "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, NULL, error);
  if (pong == NULL)
    return NULL;
  return g_strdup_printf (BOTHY_ROOT "/container/u%u/%s", entry ? entry->pw_uid : (guint32)uid, label);
}

char *
cli_find_container (Cli *cli, const char *name, GError **error)
{
  /* What is another user's looks as if it were missing to whoever may not be asked. */
  if (strchr (name, '/')) {
    cli_allow_asking (cli);
    return foreign_path (cli, name, error);
  }
  return find (cli, "GetContainer", name, error);
}

char *
cli_find_image (Cli *cli, const char *name, GError **error)
{
  return find (cli, "GetImage", name, error);
}

char **
cli_own_containers (Cli *cli, const char *const *states, GError **error)
{
  g_autoptr (GVariant) answer =
      cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ListContainers", NULL, NULL, NULL, error);
  g_autoptr (GVariantIter) iter = NULL;
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  const char *name, *state;
  guint32 owner;

  if (answer == NULL)
    return NULL;

  g_variant_get (answer, "(a(sussso))", &iter);
  while (g_variant_iter_next (iter, "(&su&ssso)", &name, &owner, &state, NULL, NULL, NULL))
    if (owner == getuid () && (states == NULL || g_strv_contains (states, state)))
      g_strv_builder_add (names, name);
  return g_strv_builder_end (names);
}

gboolean
cli_name_ok (const char *name)
{
  gsize length = strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-");

  return length > 0 && length <= 63 && name[length] == '\0' && name[0] != '-' && name[length - 1] != '-';
}

int
cli_each_container (Cli *cli, char **names, CliEach each, gpointer data)
{
  int code = CLI_EXIT_OK;

  for (gsize i = 0; names[i]; i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *path = cli_find_container (cli, names[i], &error);

    if (path == NULL || !each (cli, names[i], path, data, &error)) {
      cli_warn (error, names[i]);
      code = CLI_EXIT_FAILED;
    }
  }
  return code;
}

int
cli_each_word (Cli *cli, char **words, const char *usage, CliEachWord each)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  int code = CLI_EXIT_OK;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] == NULL)
    return cli_usage (cli, "%s", _ (usage));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  for (gsize i = 0; rest[i]; i++) {
    g_autoptr (GError) refused = NULL;

    if (!each (cli, rest[i], &refused)) {
      cli_warn (refused, rest[i]);
      code = CLI_EXIT_FAILED;
    }
  }
  return code;
}

/* Whether the container at PATH has the snapshot NAME. */
static gboolean
has_snapshot (Cli *cli, const char *path, const char *name)
{
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_CONTAINER, NULL);
  g_autoptr (GVariant) snapshots =
      properties ? g_variant_lookup_value (properties, "Snapshots", G_VARIANT_TYPE ("aa{sv}")) : NULL;
  GVariantIter iter;
  GVariant *snapshot;
  gboolean found = FALSE;

  if (snapshots)
    g_variant_iter_init (&iter, snapshots);
  while (snapshots && !found && (snapshot = g_variant_iter_next_value (&iter))) {
    const char *other = "";

    g_variant_lookup (snapshot, "name", "&s", &other);
    found = g_str_equal (other, name);
    g_variant_unref (snapshot);
  }
  return found;
}

/* What could be both is a snapshot of the person's own, if there is one. */
char *
cli_find_files (Cli *cli, const char *word, char **snapshot, GError **error)
{
  const char *slash = strrchr (word, '/');
  g_autofree char *name = slash ? g_strndup (word, slash - word) : NULL;
  g_autofree char *own = NULL;

  if (!slash || *snapshot)
    return cli_find_container (cli, word, error);
  if (!strchr (name, '/'))
    own = cli_find_container (cli, name, NULL);
  if (own ? !has_snapshot (cli, own, slash + 1) : !strchr (name, '/')) {
    g_autofree char *foreign = cli_find_container (cli, word, own ? NULL : error);

    if (foreign || !own)
      return g_steal_pointer (&foreign);
  }
  *snapshot = g_strdup (slash + 1);
  return own ? g_steal_pointer (&own) : cli_find_container (cli, name, error);
}
