/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority.h"

#include "core/error.h"

#define DIALOG_SECONDS 120 /* how long a user may think about his password */
#define ANSWER_SECONDS 25  /* how long polkit may take without him */

typedef struct {
  BothyClient *client;
  char *action;
  PolkitDetails *details;
  gboolean interactive; /* allowed */
  gboolean in_dialog;
  GCancellable *cancellable;
  gulong gone;
  guint timer;
} Check;

/* uids with a dialog open: one each, so that nobody is buried under them. */
static GHashTable *dialogs;

static void
check_free (Check *check)
{
  if (check->in_dialog)
    g_hash_table_remove (dialogs, GUINT_TO_POINTER (check->client->user));
  if (check->timer)
    g_source_remove (check->timer);
  if (check->gone)
    g_signal_handler_disconnect (check->client->gone, check->gone);
  g_object_unref (check->cancellable);
  g_object_unref (check->details);
  g_free (check->action);
  bothy_client_unref (check->client);
  g_free (check);
}

static gboolean
on_timeout (gpointer user_data)
{
  Check *check = user_data;

  check->timer = 0;
  g_cancellable_cancel (check->cancellable);
  return G_SOURCE_REMOVE;
}

static void
on_gone (GCancellable *gone, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

static void
deny (GTask *task, BothyErrorCode code, const char *text)
{
  Check *check = g_task_get_task_data (task);

  g_task_return_new_error (task, BOTHY_ERROR, code, "%s (%s)", text, check->action);
}

static void ask (GTask *task, PolkitAuthority *authority);

/* polkit would ask the user, and may: once nobody else asks him. */
static void
open_dialog (GTask *task, PolkitAuthority *authority)
{
  Check *check = g_task_get_task_data (task);

  if (!dialogs)
    dialogs = g_hash_table_new (NULL, NULL);
  if (!g_hash_table_add (dialogs, GUINT_TO_POINTER (check->client->user))) {
    deny (task, BOTHY_ERROR_LIMITS_EXCEEDED, "You are being asked for a password already");
    return;
  }
  check->in_dialog = TRUE;
  ask (task, authority);
}

static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Check *check = g_task_get_task_data (task);
  PolkitAuthority *authority = POLKIT_AUTHORITY (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (PolkitAuthorizationResult) answer =
      polkit_authority_check_authorization_finish (authority, result, &error);

  if (!answer) {
    g_message ("polkit did not answer: %s", error->message);
    deny (task, BOTHY_ERROR_NOT_AUTHORIZED, "Not authorized: polkit did not answer; is polkitd running?");
  } else if (polkit_authorization_result_get_is_authorized (answer))
    g_task_return_boolean (task, TRUE);
  else if (polkit_authorization_result_get_dismissed (answer))
    deny (task, BOTHY_ERROR_NOT_AUTHORIZED_DISMISSED, "Not authorized: the question was dismissed");
  else if (!polkit_authorization_result_get_is_challenge (answer))
    deny (task, BOTHY_ERROR_NOT_AUTHORIZED, "Not authorized");
  else if (check->interactive && !check->in_dialog)
    open_dialog (task, authority);
  else
    deny (task, BOTHY_ERROR_NOT_AUTHORIZED_CAN_OBTAIN, "Not authorized; an administrator's password would do");
}

static void
ask (GTask *task, PolkitAuthority *authority)
{
  Check *check = g_task_get_task_data (task);
  g_autoptr (PolkitSubject) subject = polkit_system_bus_name_new (check->client->name);

  if (check->timer)
    g_source_remove (check->timer);
  check->timer =
      g_timeout_add_seconds (check->in_dialog ? DIALOG_SECONDS : ANSWER_SECONDS, on_timeout, check);
  polkit_authority_check_authorization (authority, subject, check->action, check->details,
                                        check->in_dialog ? POLKIT_CHECK_AUTHORIZATION_FLAGS_ALLOW_USER_INTERACTION
                                                         : POLKIT_CHECK_AUTHORIZATION_FLAGS_NONE,
                                        check->cancellable, on_checked, g_object_ref (task));
}

static void
on_authority (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (PolkitAuthority) authority = polkit_authority_get_finish (result, &error);

  if (authority)
    ask (task, authority);
  else {
    if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
      g_message ("polkit is not there: %s", error->message);
    deny (task, BOTHY_ERROR_NOT_AUTHORIZED, "Not authorized: polkit is not there; install and start polkitd");
  }
}

static PolkitDetails *
copy_details (PolkitDetails *details)
{
  PolkitDetails *copy = polkit_details_new ();
  g_auto (GStrv) keys = details ? polkit_details_get_keys (details) : NULL;

  for (char **key = keys; key && *key; key++)
    polkit_details_insert (copy, *key, polkit_details_lookup (details, *key));
  return copy;
}

void
bothy_authority_check (BothyClient *client, const char *action, PolkitDetails *details, gboolean interactive,
                       GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Check *check = g_new0 (Check, 1);

  check->client = bothy_client_ref (client);
  check->action = g_strdup (action);
  check->details = copy_details (details);
  check->interactive = interactive;
  check->cancellable = g_cancellable_new ();
  check->gone = g_signal_connect (client->gone, "cancelled", G_CALLBACK (on_gone), check->cancellable);
  g_task_set_task_data (task, check, (GDestroyNotify) check_free);
  if (client->user == 0)
    g_task_return_boolean (task, TRUE);
  else if (client->user == BOTHY_NO_USER || g_cancellable_is_cancelled (client->gone))
    deny (task, BOTHY_ERROR_NOT_AUTHORIZED, "Not authorized");
  else
    polkit_authority_get_async (check->cancellable, on_authority, g_object_ref (task));
}

gboolean
bothy_authority_check_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
