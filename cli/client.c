/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "bothy-proxies.h"
#include "cli.h"
#include "error.h"
#include "remote.h"

gboolean
cli_connect (Cli *cli, GError **error)
{
  if (cli->host)
    return cli_remote_run (cli, error);

  cli->bus = g_bus_get_sync (G_BUS_TYPE_SYSTEM, NULL, error);
  if (cli->bus == NULL) {
    g_prefix_error (error, "%s: ", _ ("Can not connect to the system bus"));
    return FALSE;
  }
  /* A terminal has to be restored, and a word said, when the bus goes away. */
  g_dbus_connection_set_exit_on_close (cli->bus, FALSE);
  return TRUE;
}

/* What dbus/ says about a method; NULL for interfaces that are not ours. */
static GDBusMethodInfo *
method_info (const char *interface, const char *method)
{
  GDBusInterfaceInfo *(*const infos[]) (void) = {
    bothy_manager_interface_info, bothy_container_interface_info, bothy_image_interface_info,
    bothy_bridge_interface_info,  bothy_operation_interface_info, bothy_process_interface_info,
  };

  for (gsize i = 0; i < G_N_ELEMENTS (infos); i++)
    if (g_str_equal (infos[i]()->name, interface))
      return g_dbus_interface_info_lookup_method (infos[i](), method);
  return NULL;
}

static char *
signature_of (GDBusArgInfo **args)
{
  GString *signature = g_string_new ("(");

  for (gsize i = 0; args && args[i]; i++)
    g_string_append (signature, args[i]->signature);
  g_string_append_c (signature, ')');
  return g_string_free (signature, FALSE);
}

/* An answer of another type than dbus/ says comes from another version; nothing may be read from it. */
static GVariant *
check_answer (GDBusMessage *answer, const char *interface, const char *method, GError **error)
{
  GDBusMethodInfo *info = method_info (interface, method);
  GVariant *body = g_dbus_message_get_body (answer);
  g_autofree char *expected = info ? signature_of (info->out_args) : NULL;
  const char *got = body ? g_variant_get_type_string (body) : "()";

  if (expected && !g_str_equal (expected, got)) {
    g_set_error (error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_SIGNATURE,
                 _ ("%s answered with the type %s, and not %s"), method, got, expected);
    return NULL;
  }
  return body ? g_variant_ref (body) : g_variant_ref_sink (g_variant_new ("()"));
}

static GVariant *
call_once (Cli *cli, GDBusMessage *message, gboolean interactive, GUnixFDList **ret_fds, GError **error)
{
  g_autoptr (GDBusMessage) call = g_dbus_message_copy (message, error);
  g_autoptr (GDBusMessage) answer = NULL;
  const char *sender;

  if (call == NULL)
    return NULL;
  if (interactive)
    g_dbus_message_set_flags (call, G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION);

  answer = g_dbus_connection_send_message_with_reply_sync (cli->bus, call, G_DBUS_SEND_MESSAGE_FLAGS_NONE,
                                                           G_MAXINT, NULL, NULL, error);
  if (answer == NULL || g_dbus_message_to_gerror (answer, error))
    return NULL;

  sender = g_dbus_message_get_sender (answer);
  if (g_strcmp0 (sender, cli->service) != 0) {
    g_free (cli->service);
    cli->service = g_strdup (sender);
  }
  if (ret_fds && g_dbus_message_get_unix_fd_list (answer))
    *ret_fds = g_object_ref (g_dbus_message_get_unix_fd_list (answer));
  return check_answer (answer, g_dbus_message_get_interface (call), g_dbus_message_get_member (call), error);
}

void
cli_allow_asking (Cli *cli)
{
  if (cli->asked || cli->no_ask_password)
    return;
  cli->asked = TRUE;
  cli_agent_start ();
}

GVariant *
cli_call (Cli *cli,
          const char *path,
          const char *interface,
          const char *method,
          GVariant *parameters,
          GUnixFDList *fds,
          GUnixFDList **ret_fds,
          GError **error)
{
  g_autoptr (GDBusMessage) message = g_dbus_message_new_method_call (BOTHY_NAME, path, interface, method);
  g_autoptr (GError) refused = NULL;
  GVariant *answer;

  if (parameters)
    g_dbus_message_set_body (message, parameters);
  if (fds)
    g_dbus_message_set_unix_fd_list (message, fds);

  answer = call_once (cli, message, cli->asked, ret_fds, &refused);
  if (answer)
    return answer;

  if (cli->asked || cli->no_ask_password ||
      !(cli_error_is (refused, "NotAuthorizedCanObtain") ||
        cli_error_is (refused, "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"))) {
    g_propagate_error (error, g_steal_pointer (&refused));
    return NULL;
  }

  cli_allow_asking (cli);
  return call_once (cli, message, cli->asked, ret_fds, error);
}

int
cli_call_fd (Cli *cli,
             const char *path,
             const char *interface,
             const char *method,
             GVariant *parameters,
             GError **error)
{
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) answer = cli_call (cli, path, interface, method, parameters, NULL, &fds, error);
  gint32 handle;

  if (answer == NULL)
    return -1;

  g_variant_get_child (answer, 0, "h", &handle);
  if (fds == NULL || handle < 0 || handle >= g_unix_fd_list_get_length (fds)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, _ ("%s answered without a file descriptor"),
                 method);
    return -1;
  }
  return g_unix_fd_list_get (fds, handle, error);
}

/* For methods of org.freedesktop.DBus, which dbus/ does not describe: @method has one out argument of @type.
 */
static GVariant *
call_standard (Cli *cli,
               const char *path,
               const char *interface,
               const char *method,
               GVariant *parameters,
               const char *type,
               GError **error)
{
  g_autoptr (GVariant) answer = cli_call (cli, path, interface, method, parameters, NULL, NULL, error);
  g_autofree char *tuple = g_strdup_printf ("(%s)", type);

  if (answer == NULL)
    return NULL;
  if (!g_variant_is_of_type (answer, G_VARIANT_TYPE (tuple))) {
    g_set_error (error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_SIGNATURE,
                 _ ("%s answered with the type %s, and not %s"), method, g_variant_get_type_string (answer),
                 tuple);
    return NULL;
  }
  return g_variant_get_child_value (answer, 0);
}

GVariant *
cli_get_all (Cli *cli, const char *path, const char *interface, GError **error)
{
  return call_standard (cli, path, IFACE_PROPERTIES, "GetAll", g_variant_new ("(s)", interface), "a{sv}",
                        error);
}

GVariant *
cli_get_managed (Cli *cli, GError **error)
{
  return call_standard (cli, BOTHY_ROOT, IFACE_OBJECT_MANAGER, "GetManagedObjects", NULL, "a{oa{sa{sv}}}",
                        error);
}

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

guint
cli_subscribe (Cli *cli,
               const char *path,
               const char *interface,
               const char *member,
               GDBusSignalCallback callback,
               gpointer data)
{
  return g_dbus_connection_signal_subscribe (cli->bus, cli->service, interface, member, path, NULL,
                                             G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE, callback, data, NULL);
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

void
cli_option_add (GVariantBuilder *options, const char *key, const char *value)
{
  if (value)
    g_variant_builder_add (options, "{sv}", key, g_variant_new_string (value));
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
