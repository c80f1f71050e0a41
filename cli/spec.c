/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "device.h"
#include "error.h"
#include "verb.h"
#include "limitspec.h"
#include "objects.h"
#include "pull.h"
#include "spec.h"

/* What the words of a call may have: 256 KiB, as the service takes it, without what is around them. */
#define MAX_CALL (252 * 1024)
/* How often a generated name may be taken already. */
#define NAME_TRIES 8

void
cli_spec_clear (CliSpec *spec)
{
  g_clear_pointer (&spec->name, g_free);
  g_clear_pointer (&spec->image, g_free);
  g_clear_pointer (&spec->command, g_strfreev);
  g_clear_pointer (&spec->entrypoint, g_free);
  g_clear_pointer (&spec->environment, g_strfreev);
  g_clear_pointer (&spec->user, g_free);
  g_clear_pointer (&spec->directory, g_free);
  g_clear_pointer (&spec->hostname, g_free);
  g_clear_pointer (&spec->network, g_free);
  g_clear_pointer (&spec->address, g_free);
  g_clear_pointer (&spec->resolvers, g_strfreev);
  g_clear_pointer (&spec->allow, g_strfreev);
  g_clear_pointer (&spec->publish, g_strfreev);
  g_clear_pointer (&spec->volumes, g_strfreev);
  g_clear_pointer (&spec->devices, g_strfreev);
  g_clear_pointer (&spec->mounts, g_variant_unref);
  g_clear_pointer (&spec->named, g_variant_unref);
  g_clear_object (&spec->mount_fds);
  g_clear_pointer (&spec->limits, g_strfreev);
  g_clear_pointer (&spec->memory, g_free);
  g_clear_pointer (&spec->cpus, g_free);
  g_clear_pointer (&spec->disk, g_free);
  g_clear_pointer (&spec->parsed_limits, g_variant_unref);
  g_clear_pointer (&spec->sysctls, g_strfreev);
  g_clear_pointer (&spec->shm_size, g_free);
  g_clear_pointer (&spec->restart, g_free);
  cli_health_clear (&spec->health);
}

/* The last part of an alias that begins with a letter: of "images/debian/13" it is "debian". */
static char *
name_stem (const char *image)
{
  g_auto (GStrv) parts = g_strsplit_set (image, "/:._@", -1);
  GString *stem = g_string_new (NULL);

  for (int i = (int)g_strv_length (parts) - 1; i >= 0 && stem->len == 0; i--) {
    if (!g_ascii_isalpha (parts[i][0]) || g_str_equal (parts[i], "latest"))
      continue;
    for (const char *p = parts[i]; *p != '\0' && stem->len < 40; p++)
      if (g_ascii_isalnum (*p))
        g_string_append_c (stem, g_ascii_tolower (*p));
  }
  if (stem->len == 0)
    g_string_append (stem, "bothy");
  /* Fingerprints would make all names look alike. */
  if (stem->len > 20 && strspn (stem->str, "0123456789abcdef") == stem->len)
    g_string_truncate (stem, 8);
  return g_string_free (stem, FALSE);
}

GVariant *
cli_bytes_of_word (const char *word)
{
  if (g_utf8_validate (word, -1, NULL))
    return g_variant_new_string (word);
  return g_variant_new_bytestring (word);
}

/* As D-Bus has them: each has its length in front, and begins at a multiple of four. */
static gsize
count_bytes (char **words)
{
  gsize bytes = 0;

  for (; words && *words; words++)
    bytes += (strlen (*words) / 4 + 2) * 4;
  return bytes;
}

gboolean
cli_words_fit (Cli *cli, char **command, char **environment)
{
  gsize bytes = count_bytes (command) + count_bytes (environment);

  if (bytes <= MAX_CALL)
    return TRUE;
  cli_usage (cli,
             _ ("The command and its variables have %lu "
                "bytes, and %d can be handed over; put the rest "
                "into a file, or pass it through standard input"),
             (gulong)bytes, MAX_CALL);
  return FALSE;
}

gboolean
cli_words_are_utf8 (char **words)
{
  for (gsize i = 0; words[i]; i++)
    if (!g_utf8_validate (words[i], -1, NULL))
      return FALSE;
  return TRUE;
}

GVariant *
cli_bytes_of_words (char **words)
{
  if (!cli_words_are_utf8 (words))
    return g_variant_new_bytestring_array ((const char *const *)words, -1);
  return g_variant_new_strv ((const char *const *)words, -1);
}

/* a{ss}, floating. */
static GVariant *
sysctls_variant (char **settings)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{ss}"));
  for (; *settings; settings++) {
    g_auto (GStrv) pair = g_strsplit (*settings, "=", 2);

    g_variant_builder_add (&builder, "{ss}", pair[0], pair[1]);
  }
  return g_variant_builder_end (&builder);
}

static GVariant *
spec_options (const CliSpec *spec)
{
  g_autoptr (GVariant) health = cli_health_variant (&spec->health);
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (spec->command && spec->command[0])
    g_variant_builder_add (&options, "{sv}", "command", cli_bytes_of_words (spec->command));
  if (spec->entrypoint)
    g_variant_builder_add (
        &options, "{sv}", "entrypoint",
        cli_bytes_of_words ((char *[]){ *spec->entrypoint ? spec->entrypoint : NULL, NULL }));
  if (spec->environment && spec->environment[0])
    g_variant_builder_add (&options, "{sv}", "environment", cli_bytes_of_words (spec->environment));
  if (spec->user)
    g_variant_builder_add (&options, "{sv}", "user", g_variant_new_string (spec->user));
  if (spec->directory)
    g_variant_builder_add (&options, "{sv}", "working-directory", cli_bytes_of_word (spec->directory));
  if (spec->hostname)
    g_variant_builder_add (&options, "{sv}", "hostname", g_variant_new_string (spec->hostname));
  if (spec->network)
    g_variant_builder_add (&options, "{sv}", "network", g_variant_new_string (spec->network));
  if (spec->address)
    g_variant_builder_add (&options, "{sv}", "address", g_variant_new_string (spec->address));
  if (spec->resolvers)
    g_variant_builder_add (&options, "{sv}", "resolvers",
                           g_variant_new_strv ((const char *const *)spec->resolvers, -1));
  if (spec->with_user)
    g_variant_builder_add (&options, "{sv}", "account", g_variant_new_string (g_get_user_name ()));
  if (spec->allow)
    g_variant_builder_add (&options, "{sv}", "egress", cli_egress_variant (spec->allow));
  if (spec->volumes)
    g_variant_builder_add (&options, "{sv}", "mounts", spec->mounts);
  if (spec->named && g_variant_n_children (spec->named) > 0)
    g_variant_builder_add (&options, "{sv}", "volumes", spec->named);
  if (spec->ephemeral)
    g_variant_builder_add (&options, "{sv}", "ephemeral", g_variant_new_boolean (TRUE));
  if (spec->nesting)
    g_variant_builder_add (&options, "{sv}", "nesting", g_variant_new_boolean (TRUE));
  if (spec->parsed_limits && g_variant_n_children (spec->parsed_limits) > 0)
    g_variant_builder_add (&options, "{sv}", "limits", spec->parsed_limits);
  cli_option_add (&options, "restart", spec->restart);
  if (health)
    g_variant_builder_add (&options, "{sv}", "health", health);
  if (spec->sysctls)
    g_variant_builder_add (&options, "{sv}", "sysctls", sysctls_variant (spec->sysctls));
  if (spec->shm_bytes > 0)
    g_variant_builder_add (&options, "{sv}", "shm-size", g_variant_new_uint64 (spec->shm_bytes));
  return g_variant_builder_end (&options);
}

static char *
create_from_present (Cli *cli, const CliSpec *spec, GError **error)
{
  g_auto (GStrv) made = cli_volumes_make (cli, spec->named, error);
  g_autoptr (GVariant) answer = NULL;
  char *path = NULL;

  if (made)
    answer = cli_call_over_quota (cli, BOTHY_ROOT, IFACE_MANAGER, "CreateContainer",
                                  g_variant_new ("(ss@a{sv})", spec->name, spec->image, spec_options (spec)),
                                  spec->mount_fds, error);
  if (answer)
    g_variant_get (answer, "(o)", &path);
  else if (made)
    cli_volumes_unmake (cli, made);
  return path;
}

/* (transfer full) */
static char **
aliases_of_all (Cli *cli)
{
  g_autoptr (GVariant) managed = cli_get_managed (cli, NULL);
  g_autoptr (GPtrArray) images = managed ? cli_objects_of (managed, IFACE_IMAGE, "Fingerprint") : NULL;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; images && i < images->len; i++) {
    g_auto (GStrv) aliases = NULL;

    if (g_variant_lookup (images->pdata[i], "Aliases", "^as", &aliases))
      g_strv_builder_addv (builder, (const char **)aliases);
  }
  return g_strv_builder_end (builder);
}

/* NAME or NAME:TAG, as it has them without saying where they are. */
static gboolean
may_be_dockers (const char *image)
{
  gsize length = strspn (image, "abcdefghijklmnopqrstuvwxyz0123456789._-:");

  return g_ascii_isalpha (image[0]) && image[length] == '\0' && strspn (image, "0123456789abcdef") < length;
}

/* What the person may have meant by an image that is nowhere. */
static void
explain_image (Cli *cli, const CliSpec *spec, GError **refused)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) aliases = NULL;
  const char *near_one;

  if (!cli_error_is (*refused, "NoSuchImage"))
    return;
  error = g_steal_pointer (refused);
  aliases = aliases_of_all (cli);
  near_one = cli_nearest (spec->image, (const char *const *)aliases);
  if (spec->name && g_strv_contains ((const char *const *)aliases, spec->name))
    *refused = g_error_new (error->domain, error->code, _ ("%s; the image comes first: \"bothy %s %s %s\""),
                            error->message, cli->verb->name, spec->name, spec->image);
  else if (!near_one && may_be_dockers (spec->image))
    *refused = g_error_new (error->domain, error->code,
                            _ ("%s; the image that docker calls so is \"docker.io/library/%s\""),
                            error->message, spec->image);
  else if (near_one)
    *refused = g_error_new (error->domain, error->code, _ ("%s; is it \"%s\" that is meant?"), error->message,
                            near_one);
  else
    *refused = g_steal_pointer (&error);
}

/* An image that is not here may be elsewhere. */
static char *
create_once (Cli *cli, const CliSpec *spec, GError **error)
{
  g_autoptr (GError) refused = NULL;
  char *path = create_from_present (cli, spec, &refused);

  if (path == NULL && cli_pull_missing (cli, spec->image, spec->squash_owners, &refused))
    path = create_from_present (cli, spec, &refused);
  if (path == NULL) {
    explain_image (cli, spec, &refused);
    g_propagate_error (error, g_steal_pointer (&refused));
  }
  return path;
}

/* Finds a name if there is none. */
static char *
create_named (Cli *cli, CliSpec *spec, GError **error)
{
  g_autofree char *stem = NULL;

  if (spec->name)
    return create_once (cli, spec, error);

  stem = name_stem (spec->image);
  for (guint i = 0;; i++) {
    g_autoptr (GError) refused = NULL;
    char *path;

    g_free (spec->name);
    spec->name = g_strdup_printf ("%s-%04x", stem, g_random_int () & 0xffff);
    path = create_once (cli, spec, &refused);
    if (path)
      return path;
    if (i >= NAME_TRIES || !cli_error_is (refused, "ContainerExists")) {
      g_propagate_error (error, g_steal_pointer (&refused));
      return NULL;
    }
  }
}

/* Of an entrypoint or a command, which may be missing or one empty word. (transfer full) */
static char *
first_word_of (GVariant *configuration, const char *key)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (configuration, key, G_VARIANT_TYPE_STRING_ARRAY);
  g_autofree const char **words = value ? g_variant_get_strv (value, NULL) : NULL;

  return g_strdup (words && words[0] ? words[0] : "");
}

/* "/init" is what images made for one service have, as a program of their own. */
static gboolean
is_init (const char *program)
{
  g_autofree char *name = g_path_get_basename (program);

  return program[0] == '\0' || g_str_equal (name, "systemd") ||
         (g_str_equal (name, "init") && !g_str_equal (program, "/init"));
}

static gboolean
image_runs_init (GVariant *properties, gboolean with_entrypoint)
{
  g_autoptr (GVariant) configuration =
      g_variant_lookup_value (properties, "Configuration", G_VARIANT_TYPE_VARDICT);
  g_autofree char *entrypoint =
      configuration && with_entrypoint ? first_word_of (configuration, "entrypoint") : NULL;
  g_autofree char *command =
      configuration && with_entrypoint ? first_word_of (configuration, "command") : NULL;

  if (entrypoint && entrypoint[0] != '\0')
    return is_init (entrypoint);
  return is_init (command ? command : "");
}

gboolean
cli_spec_runs_init (Cli *cli, const CliSpec *spec, gboolean *ret_init, GError **error)
{
  g_autoptr (GError) refused = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GVariant) properties = NULL;

  *ret_init = FALSE;
  if ((spec->command && spec->command[0]) || (spec->entrypoint && spec->entrypoint[0] != '\0'))
    return TRUE;
  path = cli_find_image (cli, spec->image, &refused);
  if (path == NULL && cli_pull_missing (cli, spec->image, spec->squash_owners, &refused))
    path = cli_find_image (cli, spec->image, &refused);
  if (path)
    properties = cli_get_all (cli, path, IFACE_IMAGE, &refused);
  if (properties == NULL) {
    explain_image (cli, spec, &refused);
    g_propagate_error (error, g_steal_pointer (&refused));
    return FALSE;
  }
  *ret_init = image_runs_init (properties, spec->entrypoint == NULL);
  return TRUE;
}

void
cli_spec_undo (Cli *cli, const char *path)
{
  g_autoptr (GVariant) answer = cli_call (cli, path, IFACE_CONTAINER, "Delete",
                                          g_variant_new_parsed ("({'force': <true>},)"), NULL, NULL, NULL);
}

/* What is asked for beside it: each of these has a question of its own for an administrator. */
static gboolean
furnish (Cli *cli, const char *path, const CliSpec *spec, GError **error)
{
  return cli_ports_add (cli, path, spec->publish, error) &&
         (!spec->publish_all || cli_ports_publish_exposed (cli, path, error)) &&
         cli_devices_add (cli, path, spec->devices, error);
}

char *
cli_spec_create (Cli *cli, CliSpec *spec, GError **error)
{
  g_autofree char *path =
      cli_ports_fit (cli, NULL, spec->publish, error) ? create_named (cli, spec, error) : NULL;

  if (path && !furnish (cli, path, spec, error)) {
    cli_spec_undo (cli, path);
    return NULL;
  }
  if (path && spec->parsed_limits)
    cli_limits_warn (cli, path, spec->parsed_limits);
  return g_steal_pointer (&path);
}

gboolean
cli_environment_ok (char ***environment)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (gsize i = 0; *environment && (*environment)[i]; i++) {
    const char *word = (*environment)[i];
    const char *value;

    if (word[0] == '=' || word[0] == '\0')
      return FALSE;
    if (strchr (word, '=')) {
      g_strv_builder_add (builder, word);
      continue;
    }
    value = g_getenv (word);
    if (value) {
      g_autofree char *pair = g_strdup_printf ("%s=%s", word, value);
      g_strv_builder_add (builder, pair);
    } else
      g_strv_builder_add (builder, word);
  }
  g_strfreev (*environment);
  *environment = g_strv_builder_end (builder);
  return TRUE;
}

static gboolean
parse_limits (Cli *cli, CliSpec *spec)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *memory = spec->memory ? g_strconcat ("memory=", spec->memory, NULL) : NULL;
  g_autofree char *cpu = spec->cpus ? g_strconcat ("cpu=", spec->cpus, NULL) : NULL;
  g_autofree char *disk = spec->disk ? g_strconcat ("disk=", spec->disk, NULL) : NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = NULL;

  if (spec->limits)
    g_strv_builder_addv (builder, (const char **)spec->limits);
  if (memory)
    g_strv_builder_add (builder, memory);
  if (cpu)
    g_strv_builder_add (builder, cpu);
  if (disk)
    g_strv_builder_add (builder, disk);
  words = g_strv_builder_end (builder);
  spec->parsed_limits = cli_limits_parse (words, &error);
  if (spec->parsed_limits == NULL)
    cli_usage (cli, "%s", error->message);
  return spec->parsed_limits != NULL;
}

static gboolean
volumes_ok (Cli *cli, CliSpec *spec)
{
  spec->mount_fds = g_unix_fd_list_new ();
  spec->mounts = cli_folders_open (cli, spec->volumes, spec->mount_fds, &spec->named);
  return spec->mounts != NULL;
}

static gboolean
kernel_options_ok (Cli *cli, CliSpec *spec)
{
  for (char **setting = spec->sysctls; setting && *setting; setting++)
    if (**setting == '=' || !strchr (*setting, '=')) {
      cli_usage (cli, "%s", _ ("--sysctl takes NAME=VALUE"));
      return FALSE;
    }
  if (spec->shm_size && (!cli_limits_parse_size (spec->shm_size, &spec->shm_bytes) || spec->shm_bytes == 0)) {
    cli_usage (cli, "%s", _ ("--shm-size takes a size such as 512M"));
    return FALSE;
  }
  return TRUE;
}

gboolean
cli_spec_ok (Cli *cli, CliSpec *spec)
{
  if (!cli_environment_ok (&spec->environment)) {
    cli_usage (cli, "%s", _ ("--env takes NAME=VALUE"));
    return FALSE;
  }
  return cli_words_fit (cli, spec->command, spec->environment) && kernel_options_ok (cli, spec) &&
         cli_health_ok (cli, &spec->health) && parse_limits (cli, spec) &&
         cli_ports_ok (cli, spec->publish) && cli_devices_ok (cli, spec->devices) && volumes_ok (cli, spec);
}

gboolean
cli_spec_words (Cli *cli, CliSpec *spec, char **words)
{
  gboolean detached = FALSE;
  const GOptionEntry entries[] = {
    { "name", 0, 0, G_OPTION_ARG_FILENAME, &spec->name, N_ ("What to call it"), N_ ("NAME") },
    { "env", 'e', 0, G_OPTION_ARG_FILENAME_ARRAY, &spec->environment, N_ ("For the first process"),
      N_ ("NAME=VALUE") },
    { "user", 'u', 0, G_OPTION_ARG_FILENAME, &spec->user, N_ ("The command's user, from inside"),
      N_ ("USER") },
    { "cwd", 'w', 0, G_OPTION_ARG_FILENAME, &spec->directory, N_ ("The command's directory, from inside"),
      N_ ("DIR") },
    { "hostname", 0, 0, G_OPTION_ARG_FILENAME, &spec->hostname, N_ ("In place of the name"), N_ ("NAME") },
    { "network", 0, 0, G_OPTION_ARG_FILENAME, &spec->network, N_ ("\"nat\", \"none\" or \"lan:BRIDGE\""),
      N_ ("NETWORK") },
    { CLI_SPEC_ADDRESS (spec) },
    { CLI_SPEC_DNS (spec) },
    { CLI_SPEC_ALLOW (spec) },
    { CLI_SPEC_PUBLISH (spec) },
    { CLI_SPEC_PUBLISH_ALL (spec) },
    { CLI_SPEC_VOLUME (spec) },
    { CLI_SPEC_DEVICE (spec) },
    { "ephemeral", 0, 0, G_OPTION_ARG_NONE, &spec->ephemeral, N_ ("Delete it when it stops"), NULL },
    /* What fingers add that know docker; it is so here anyway. */
    { "rm", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &spec->ephemeral, NULL, NULL },
    { "detach", 'd', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &detached, NULL, NULL },
    { "with-user", 0, 0, G_OPTION_ARG_NONE, &spec->with_user, N_ ("Give it an account like yours"), NULL },
    { "nesting", 0, 0, G_OPTION_ARG_NONE, &spec->nesting, N_ ("Let it have containers of its own"), NULL },
    { CLI_SPEC_ENTRYPOINT (spec) },
    { CLI_SPEC_LIMIT (spec) },
    { CLI_SPEC_MEMORY (spec) },
    { CLI_SPEC_CPUS (spec) },
    { CLI_SPEC_DISK (spec) },
    { CLI_SPEC_RESTART (spec) },
    CLI_SPEC_HEALTH (spec),
    { CLI_SPEC_SYSCTL (spec) },
    { CLI_SPEC_SHM_SIZE (spec) },
    CLI_SQUASH_OWNERS (&spec->squash_owners),
    { NULL },
  };
  g_auto (GStrv) rest = NULL;
  guint length;

  if (!cli_parse (cli, entries, CLI_PARSE_TAIL, words, &rest, &spec->command))
    return FALSE;
  if (detached && !g_str_equal (cli->verb->name, "launch")) {
    cli_usage (cli, "%s", _ ("It does not start the container: 'bothy launch' does, and does not wait"));
    return FALSE;
  }
  length = g_strv_length (rest);
  if (length < 1 || length > 2 || (length == 2 && spec->name)) {
    cli_usage (cli, "%s", _ ("An image and at most one name are needed"));
    return FALSE;
  }
  if (!cli_spec_ok (cli, spec))
    return FALSE;
  spec->image = g_strdup (rest[0]);
  if (length == 2)
    spec->name = g_strdup (rest[1]);
  return TRUE;
}
