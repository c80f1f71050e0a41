/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "bus/call.h"

#include "bus/audit.h"
#include "bus/names.h"
#include "base/error.h"
#include "core/accounts/passwd.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define MAX_DETAIL 128 /* bytes of one thing that polkit is told */

BothyCall *
bothy_call_new (BothyRegistry *registry,
                BothyObjects *objects,
                BothyClient *client,
                GDBusMessage *message,
                void (*ended) (gpointer data, guint32 user),
                gpointer ended_data)
{
  BothyCall *self = g_new0 (BothyCall, 1);
  GDBusMessageFlags flags = g_dbus_message_get_flags (message);

  g_atomic_ref_count_init (&self->references);
  self->registry = g_object_ref (registry);
  self->objects = g_object_ref (objects);
  self->client = bothy_client_ref (client);
  self->user = client->user;
  self->serial = g_dbus_message_get_serial (message);
  self->path = g_strdup (g_dbus_message_get_path (message));
  self->interface = g_strdup (g_dbus_message_get_interface (message));
  self->member = g_strdup (g_dbus_message_get_member (message));
  self->is_interactive = (flags & G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION) != 0;
  self->replied = (flags & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) != 0;
  self->ended = ended;
  self->ended_data = ended_data;
  self->arguments = bothy_arguments_new (message, client->user);
  self->details = polkit_details_new ();
  return self;
}

/* What an administrator reads, in his own language: polkit translates it, and puts the details in. The action's own message
   stands for what is not here. */
static const struct {
  const char *member, *message;
} questions[] = {
  { "AddDevice", N_ ("Authentication is required to let a device be used by the container $(container) of "
                     "$(owner-name)") },
  { "AddMount",
    N_ ("Authentication is required to mount a directory in the container $(container) of $(owner-name)") },
  { "AddVolume",
    N_ ("Authentication is required to mount a volume in the container $(container) of $(owner-name)") },
  { "AddPort",
    N_ ("Authentication is required to let a port lead into the container $(container) of $(owner-name)") },
  { "Clone", N_ ("Authentication is required to copy the container $(container) of $(owner-name)") },
  { "Commit",
    N_ ("Authentication is required to make an image of the container $(container) of $(owner-name)") },
  { "CopyFrom",
    N_ ("Authentication is required to copy files out of the container $(container) of $(owner-name)") },
  { "CopyTo",
    N_ ("Authentication is required to copy files into the container $(container) of $(owner-name)") },
  { "Delete", N_ ("Authentication is required to delete the container $(container) of $(owner-name)") },
  { "Exec",
    N_ ("Authentication is required to run a program in the container $(container) of $(owner-name)") },
  { "ExecAndWait",
    N_ ("Authentication is required to run a program in the container $(container) of $(owner-name)") },
  { "Export", N_ ("Authentication is required to export the container $(container) of $(owner-name)") },
  { "Freeze", N_ ("Authentication is required to freeze the container $(container) of $(owner-name)") },
  { "Kill",
    N_ ("Authentication is required to send a signal to the container $(container) of $(owner-name)") },
  { "OpenConsole",
    N_ ("Authentication is required to use the console of the container $(container) of $(owner-name)") },
  { "OpenLog",
    N_ ("Authentication is required to read the log of the container $(container) of $(owner-name)") },
  { "OpenShell",
    N_ ("Authentication is required to open a shell in the container $(container) of $(owner-name)") },
  { "ReadLog",
    N_ ("Authentication is required to read the log of the container $(container) of $(owner-name)") },
  { "RemoveDevice", N_ ("Authentication is required to take a device away from the container $(container) of "
                        "$(owner-name)") },
  { "RemoveMount",
    N_ ("Authentication is required to unmount a directory in the container $(container) of $(owner-name)") },
  { "RemovePort", N_ ("Authentication is required to let a port lead no more into the container $(container) "
                      "of $(owner-name)") },
  { "RemoveSnapshot",
    N_ ("Authentication is required to delete a snapshot of the container $(container) of $(owner-name)") },
  { "Rename", N_ ("Authentication is required to rename the container $(container) of $(owner-name)") },
  { "Restart", N_ ("Authentication is required to restart the container $(container) of $(owner-name)") },
  { "Restore",
    N_ ("Authentication is required to restore a snapshot of the container $(container) of $(owner-name)") },
  { "SetAutostart",
    N_ ("Authentication is required to set when to start the container $(container) of $(owner-name)") },
  { "SetEgress", N_ ("Authentication is required to change what may be reached from the container "
                     "$(container) of $(owner-name)") },
  { "SetLimits",
    N_ ("Authentication is required to change the limits of the container $(container) of $(owner-name)") },
  { "Snapshot",
    N_ ("Authentication is required to make a snapshot of the container $(container) of $(owner-name)") },
  { "Start", N_ ("Authentication is required to start the container $(container) of $(owner-name)") },
  { "Stop", N_ ("Authentication is required to stop the container $(container) of $(owner-name)") },
  { "Thaw", N_ ("Authentication is required to thaw the container $(container) of $(owner-name)") },
};

static const char *
question_of (const char *member)
{
  for (gsize i = 0; i < G_N_ELEMENTS (questions); i++)
    if (g_str_equal (questions[i].member, member))
      return questions[i].message;
  return NULL;
}

/* By /etc/passwd alone, which everybody may read: what is kept of users here would tell who has containers. */
void
bothy_call_name_foreign (BothyCall *self, guint32 owner, const char *name)
{
  g_autofree char *uid = g_strdup_printf ("%u", owner);
  g_autofree char *user = bothy_passwd_name (owner);
  const char *question = question_of (self->member);

  polkit_details_insert (self->details, "container", name);
  polkit_details_insert (self->details, "owner", uid);
  polkit_details_insert (self->details, "owner-name", user ? user : uid);
  polkit_details_insert (self->details, "verb", self->member);
  if (question) {
    polkit_details_insert (self->details, "polkit.message", question);
    polkit_details_insert (self->details, "polkit.gettext_domain", GETTEXT_PACKAGE);
  }
}

BothyCall *
bothy_call_ref (BothyCall *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
bothy_call_unref (BothyCall *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  self->ended (self->ended_data, self->user);
  g_clear_object (&self->asked_about);
  g_clear_object (&self->about);
  g_clear_object (&self->also);
  g_clear_error (&self->exceeds);
  g_clear_pointer (&self->arguments, bothy_arguments_free);
  if (self->request)
    self->free_request (self->request);
  g_object_unref (self->details);
  g_free (self->path);
  g_free (self->interface);
  g_free (self->member);
  bothy_client_unref (self->client);
  g_object_unref (self->objects);
  g_object_unref (self->registry);
  g_free (self);
}

void
bothy_call_weighed (BothyCall *self, gboolean ask)
{
  self->weighed (self, ask);
}

/* A message of KIND to who called. */
static GDBusMessage *
new_reply (BothyCall *self, GDBusMessageType kind)
{
  GDBusMessage *message = g_dbus_message_new ();

  g_dbus_message_set_message_type (message, kind);
  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  g_dbus_message_set_destination (message, self->client->name);
  g_dbus_message_set_reply_serial (message, self->serial);
  return message;
}

static void
send_reply (BothyCall *self, GDBusMessage *message)
{
  if (self->replied)
    return;
  self->replied = TRUE;
  g_dbus_connection_send_message (self->client->bus, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

/* ---- who did what ---- */

/* An entry that is none of a container's history names whose it is, if not the caller's. */
static gboolean
names_owner (const BothyCall *self)
{
  const char *owner = polkit_details_lookup (self->details, "owner");

  return !BOTHY_IS_CONTAINER (self->about) && owner && g_ascii_strtoull (owner, NULL, 10) != self->user;
}

/* The method, and what polkit was told or would have been, but for whose container it is where that is told anyway. */
static char *
describe_deed (const BothyCall *self, const GError *error)
{
  static const char *const of_object[] = { "container", "owner", "owner-name", "verb", "ceilings", NULL };
  g_auto (GStrv) keys = polkit_details_get_keys (self->details);
  GString *deed = g_string_new (self->member);
  gboolean with_owner = names_owner (self);

  for (char **key = keys; key && *key; key++) {
    const char *value = polkit_details_lookup (self->details, *key);

    if (*value && !g_str_has_prefix (*key, "polkit.") &&
        (!g_strv_contains (of_object, *key) ||
         (with_owner && (g_str_equal (*key, "owner") || g_str_equal (*key, "container"))))) {
      g_autofree char *valid = g_utf8_make_valid (value, (gssize)MIN (strlen (value), MAX_DETAIL));

      g_string_append_printf (deed, " %s=%s", *key, valid);
    }
  }
  if (error)
    g_string_append_printf (deed, " failed: %s",
                            strrchr (bothy_error_name ((BothyErrorCode)error->code), '.') + 1);
  return g_string_free (deed, FALSE);
}

/* With ERROR it may be half done: what was stopped, to be started again, say. */
static void
note (const BothyCall *self, const GError *error)
{
  g_autofree char *deed = NULL;

  if (!self->grounds)
    return;
  deed = describe_deed (self, error);
  bothy_audit_note (&(BothyAuditDeed){
      .user = self->user,
      .deed = deed,
      .grounds = self->grounds,
      .container = BOTHY_IS_CONTAINER (self->about) ? BOTHY_CONTAINER (self->about) : NULL,
      .containers_fd = bothy_containers_get_directory (bothy_registry_get_containers (self->registry)),
  });
}

/* ---- replies ---- */

void
bothy_call_return_with_fds (BothyCall *self, GVariant *value, GUnixFDList *fds)
{
  g_autoptr (GDBusMessage) message = new_reply (self, G_DBUS_MESSAGE_TYPE_METHOD_RETURN);

  note (self, NULL);
  if (value)
    g_dbus_message_set_body (message, value);
  if (fds)
    g_dbus_message_set_unix_fd_list (message, fds);
  send_reply (self, message);
}

void
bothy_call_return (BothyCall *self, GVariant *value)
{
  bothy_call_return_with_fds (self, value, NULL);
}

void
bothy_call_return_fd (BothyCall *self, GVariant *value, int fd)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&fd, 1);

  bothy_call_return_with_fds (self, value, fds);
}

void
bothy_call_return_error (BothyCall *self, GError *error)
{
  g_autoptr (GError) owned = error;
  g_autoptr (GDBusMessage) message = NULL;

  bothy_error_adopt (&owned, self->member);
  note (self, owned);
  message = new_reply (self, G_DBUS_MESSAGE_TYPE_ERROR);
  g_dbus_message_set_error_name (message, bothy_error_name ((BothyErrorCode)owned->code));
  g_dbus_message_set_body (message, g_variant_new ("(s)", owned->message));
  send_reply (self, message);
}

void
bothy_call_return_done (BothyCall *self, GError *error)
{
  if (error)
    bothy_call_return_error (self, error);
  else
    bothy_call_return (self, NULL);
}

void
bothy_call_return_unknown_object (BothyCall *self)
{
  bothy_call_return_error (self, g_error_new (BOTHY_ERROR, BOTHY_ERROR_UNKNOWN_OBJECT,
                                              "There is nothing that you may see at %s", self->path));
}
