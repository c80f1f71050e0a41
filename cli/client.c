/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

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

void
cli_option_add (GVariantBuilder *options, const char *key, const char *value)
{
  if (value)
    g_variant_builder_add (options, "{sv}", key, g_variant_new_string (value));
}
