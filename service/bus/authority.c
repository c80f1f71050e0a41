/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/authority.h"

#include "bus/names.h"
#include "base/error.h"
#include "base/per-user.h"

#define DIALOG_SECONDS 120 /* how long a user may think about his password */
#define LOG_SECONDS    60
#define ANSWER_SECONDS 25 /* how long polkit may take without him */

/* Questions under way. The bus lets a connection wait for 128 answers and no more (dbus-daemon's
   max_replies_per_connection), whoever they are for: nobody gets all of them, and some are left for what else bothyd
   asks. */
#define MAX_QUESTIONS          96
#define MAX_QUESTIONS_PER_USER 16

#define POLKIT_NAME       "org.freedesktop.PolicyKit1"
#define POLKIT_PATH       "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE  "org.freedesktop.PolicyKit1.Authority"
#define ALLOW_INTERACTION 1

typedef struct {
  BothyClient *client;
  char *action;
  GVariant *details;    /* a{ss} */
  char *id;             /* of the question, to call it off */
  gboolean asked;       /* polkit knows of it */
  gboolean interactive; /* allowed */
  gboolean in_dialog;
  GCancellable *cancellable;
  gulong gone;
  guint timer;
} Check;

/* One open dialog each, so that nobody is buried under them. */
static BothyPerUser *
get_dialogs (void)
{
  static BothyPerUser *dialogs;

  if (!dialogs)
    dialogs = bothy_per_user_new (1, 0);
  return dialogs;
}

static BothyPerUser *
get_questions (void)
{
  static BothyPerUser *questions;

  if (!questions)
    questions = bothy_per_user_new (MAX_QUESTIONS_PER_USER, MAX_QUESTIONS);
  return questions;
}

static void
check_free (Check *check)
{
  if (check->in_dialog)
    bothy_per_user_release (get_dialogs (), check->client->user);
  if (check->timer)
    g_source_remove (check->timer);
  if (check->gone)
    g_signal_handler_disconnect (check->client->gone, check->gone);
  g_object_unref (check->cancellable);
  g_variant_unref (check->details);
  g_free (check->id);
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

static void ask (GTask *task);

/* polkit would ask the user, and may: once nobody else asks him. */
static void
open_dialog (GTask *task)
{
  Check *check = g_task_get_task_data (task);

  if (!bothy_per_user_take (get_dialogs (), check->client->user)) {
    deny (task, BOTHY_ERROR_LIMITS_EXCEEDED, "You are being asked for a password already");
    return;
  }
  check->in_dialog = TRUE;
  ask (task);
}

/* polkit would go on asking the user. */
static void
call_off (GDBusConnection *bus, const Check *check)
{
  if (!check->asked)
    return;
  g_dbus_connection_call (bus, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, "CancelCheckAuthorization",
                          g_variant_new ("(s)", check->id), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL,
                          NULL);
}

static void
judge (GTask *task, GVariant *answer)
{
  Check *check = g_task_get_task_data (task);
  g_autoptr (GVariant) details = NULL;
  gboolean authorized, challenge;
  const char *dismissed = NULL;

  g_variant_get (answer, "((bb@a{ss}))", &authorized, &challenge, &details);
  g_variant_lookup (details, "polkit.dismissed", "&s", &dismissed);
  if (authorized)
    g_task_return_boolean (task, TRUE);
  else if (dismissed)
    deny (task, BOTHY_ERROR_NOT_AUTHORIZED_DISMISSED, "Not authorized: the question was dismissed");
  else if (!challenge)
    deny (task, BOTHY_ERROR_NOT_AUTHORIZED, "Not authorized");
  else if (check->interactive && !check->in_dialog)
    open_dialog (task);
  else
    deny (task, BOTHY_ERROR_NOT_AUTHORIZED_CAN_OBTAIN,
          "Not authorized; an administrator's password would do");
}

/* Not each time: whoever calls while polkit is away would fill the log. */
static void
log_silence (const GError *error)
{
  static gint64 next;
  gint64 now = g_get_monotonic_time ();

  if (now < next)
    return;
  next = now + LOG_SECONDS * G_USEC_PER_SEC;
  g_message ("polkit did not answer: %s", error->message);
}

static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GDBusConnection *bus = G_DBUS_CONNECTION (source);
  g_autoptr (GTask) task = user_data;
  Check *check = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (bus, result, &error);

  bothy_per_user_release (get_questions (), check->client->user);
  if (answer) {
    judge (task, answer);
    return;
  }
  if (g_cancellable_is_cancelled (check->cancellable))
    call_off (bus, check);
  else
    log_silence (error);
  if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN))
    deny (task, BOTHY_ERROR_NOT_AUTHORIZED, "Not authorized: polkit is not there; install and start polkitd");
  else
    deny (task, BOTHY_ERROR_NOT_AUTHORIZED, "Not authorized: polkit did not answer; is polkitd running?");
}

static GVariant *
make_details (PolkitDetails *details)
{
  g_auto (GStrv) keys = details ? polkit_details_get_keys (details) : NULL;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{ss}"));
  for (char **key = keys; key && *key; key++)
    g_variant_builder_add (&builder, "{ss}", *key, polkit_details_lookup (details, *key));
  return g_variant_builder_end (&builder);
}

/* The subject is the connection, by its name: a pid could be another's by now. */
static GVariant *
make_question (Check *check)
{
  GVariantBuilder subject;

  g_variant_builder_init (&subject, G_VARIANT_TYPE ("a{sv}"));
  g_variant_builder_add (&subject, "{sv}", "name", g_variant_new_string (check->client->name));
  return g_variant_new ("((sa{sv})s@a{ss}us)", "system-bus-name", &subject, check->action, check->details,
                        check->in_dialog ? ALLOW_INTERACTION : 0, check->id);
}

/* Not by polkit's own library: one misshapen answer would make it give a result without values. Of who has left
   by now polkit hears nothing. */
static void
put_question (gpointer data)
{
  static guint64 last_id;
  GTask *task = data;
  Check *check = g_task_get_task_data (task);
  guint seconds = check->in_dialog ? DIALOG_SECONDS : ANSWER_SECONDS;

  check->timer = g_timeout_add_seconds (seconds, on_timeout, check);
  check->asked = !g_cancellable_is_cancelled (check->cancellable);
  check->id = (g_free (check->id), g_strdup_printf ("bothy-%" G_GUINT64_FORMAT, ++last_id));
  g_dbus_connection_call (check->client->bus, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                          "CheckAuthorization", make_question (check), G_VARIANT_TYPE ("((bba{ss}))"),
                          G_DBUS_CALL_FLAGS_NONE, G_MAXINT, check->cancellable, on_checked, task);
}

static void
ask (GTask *task)
{
  Check *check = g_task_get_task_data (task);

  /* The wait for one's turn is not polkit's time. */
  g_clear_handle_id (&check->timer, g_source_remove);
  bothy_per_user_wait (get_questions (), check->client->user, put_question, g_object_ref (task));
}

void
bothy_authority_check (BothyClient *client,
                       const char *action,
                       PolkitDetails *details,
                       gboolean interactive,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Check *check = g_new0 (Check, 1);

  check->client = bothy_client_ref (client);
  check->action = g_strdup (action);
  check->details = g_variant_ref_sink (make_details (details));
  check->interactive = interactive;
  check->cancellable = g_cancellable_new ();
  check->gone = g_signal_connect (client->gone, "cancelled", G_CALLBACK (on_gone), check->cancellable);
  g_task_set_task_data (task, check, (GDestroyNotify)check_free);
  if (client->user == 0)
    g_task_return_boolean (task, TRUE);
  else if (client->user == BOTHY_NO_USER || g_cancellable_is_cancelled (client->gone))
    deny (task, BOTHY_ERROR_NOT_AUTHORIZED, "Not authorized");
  else
    ask (task);
}

gboolean
bothy_authority_check_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

typedef struct {
  void (*answer) (gboolean may, gpointer user_data);
  gpointer user_data;
} AskInspect;

static void
on_inspect_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree AskInspect *ask_inspect = user_data;

  ask_inspect->answer (bothy_authority_check_finish (result, NULL), ask_inspect->user_data);
}

void
bothy_authority_ask_inspect (BothyClient *client,
                             void (*answer) (gboolean may, gpointer user_data),
                             gpointer user_data)
{
  AskInspect *ask_inspect = g_new0 (AskInspect, 1);

  ask_inspect->answer = answer;
  ask_inspect->user_data = user_data;
  bothy_authority_check (client, BOTHY_ACTION_INSPECT, NULL, FALSE, on_inspect_checked, ask_inspect);
}
