/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "bothy-search-provider.h"
#include "search.h"
#include "../words.h"

/*
 * bothy-search-provider answers GNOME Shell's search with the caller's containers. The bus starts it when somebody searches,
 * and it leaves ten seconds after the last question; it has no window, and knows no toolkit.
 */

#define INACTIVITY_MS 10000
#define APPLICATION   "org.bothy.Bothy"

struct _SearchProvider {
  GApplication parent_instance;

  BothyShellSearchProvider2 *skeleton;
  AppClient *client; /* NULL before the system bus is there */
  GQueue waiting;    /* Question */
};

#define SEARCH_TYPE_PROVIDER (search_provider_get_type ())
G_DECLARE_FINAL_TYPE (SearchProvider, search_provider, SEARCH, PROVIDER, GApplication)
G_DEFINE_FINAL_TYPE (SearchProvider, search_provider, G_TYPE_APPLICATION)

typedef struct _Question Question;
typedef void (*Answer) (SearchProvider *self, Question *question);

/* One question, which waits until the containers are known. */
struct _Question {
  Answer answer;
  GDBusMethodInvocation *invocation;
  GStrv words;       /* the terms, or results */
  guint32 timestamp; /* of the click */
};

static void
question_free (Question *question)
{
  g_strfreev (question->words);
  g_free (question);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Question, question_free)

static void
find (SearchProvider *self, Question *question)
{
  g_auto (GStrv) found =
      app_search_find (app_client_get_containers (self->client), (const char *const *)question->words);

  bothy_shell_search_provider2_complete_get_initial_result_set (self->skeleton, question->invocation,
                                                                (const char *const *)found);
}

static void
describe (SearchProvider *self, Question *question)
{
  g_autoptr (GVariantBuilder) metas = g_variant_builder_new (G_VARIANT_TYPE ("aa{sv}"));

  for (char **id = question->words; *id; id++) {
    GVariant *meta = app_search_describe (self->client, *id);

    if (meta)
      g_variant_builder_add_value (metas, meta);
  }
  bothy_shell_search_provider2_complete_get_result_metas (self->skeleton, question->invocation,
                                                          g_variant_builder_end (metas));
}

/* The application opens terminals and windows, and says what went wrong. */
static void
open_application (SearchProvider *self, const char *action, const char *path, guint32 timestamp)
{
  g_autofree char *startup = g_strdup_printf ("_TIME%u", timestamp);
  GVariantBuilder parameters = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));
  GVariantBuilder platform = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sv}"));

  if (path)
    g_variant_builder_add (&parameters, "v", g_variant_new_string (path));
  g_variant_builder_add (&platform, "{sv}", "desktop-startup-id", g_variant_new_string (startup));
  g_dbus_connection_call (g_application_get_dbus_connection (G_APPLICATION (self)), APPLICATION,
                          "/org/bothy/Bothy", "org.freedesktop.Application", "ActivateAction",
                          g_variant_new ("(sava{sv})", action, &parameters, &platform), NULL,
                          G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, NULL, NULL);
}

typedef struct {
  SearchProvider *provider;
  guint32 timestamp;
} Start;

static void
on_started (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Start *start = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);

  /* Its page shows what it failed of. */
  if (reply == NULL && !app_words_is_dismissal (error))
    open_application (start->provider, "details", app_object_path (APP_OBJECT (source)), start->timestamp);
  g_application_release (G_APPLICATION (start->provider));
}

static void
activate (SearchProvider *self, Question *question)
{
  gboolean starts;
  const char *path = app_search_parse (question->words[0], &starts);
  AppObject *container = path ? app_client_lookup (self->client, path) : NULL;

  if (container && starts) {
    Start *start = g_new0 (Start, 1);

    *start = (Start){ .provider = self, .timestamp = question->timestamp };
    g_application_hold (G_APPLICATION (self));
    app_object_call (container, "Start", g_variant_new ("(a{sv})", NULL), NULL, NULL, on_started, start);
  } else if (container) {
    open_application (self, "shell", path, question->timestamp);
  }
  bothy_shell_search_provider2_complete_activate_result (self->skeleton, question->invocation);
}

/* Where the service can not be reached there is nothing to be found. */
static void
answer_waiting (SearchProvider *self)
{
  while (self->client && app_client_get_state (self->client) != APP_CLIENT_LOADING &&
         !g_queue_is_empty (&self->waiting)) {
    g_autoptr (Question) question = g_queue_pop_head (&self->waiting);

    question->answer (self, question);
    g_application_release (G_APPLICATION (self));
  }
}

static gboolean
ask (SearchProvider *self,
     GDBusMethodInvocation *invocation,
     Answer answer,
     const char *const *words,
     guint32 timestamp)
{
  Question *question = g_new0 (Question, 1);

  *question = (Question){ .answer = answer, .invocation = invocation, .timestamp = timestamp };
  question->words = g_strdupv ((char **)words);
  g_application_hold (G_APPLICATION (self));
  g_queue_push_tail (&self->waiting, question);
  answer_waiting (self);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
on_initial (BothyShellSearchProvider2 *skeleton,
            GDBusMethodInvocation *invocation,
            const char *const *terms,
            SearchProvider *self)
{
  return ask (self, invocation, find, terms, 0);
}

/* With few containers it is quicker to search anew than to look through what was found. */
static gboolean
on_subsearch (BothyShellSearchProvider2 *skeleton,
              GDBusMethodInvocation *invocation,
              const char *const *previous,
              const char *const *terms,
              SearchProvider *self)
{
  return ask (self, invocation, find, terms, 0);
}

static gboolean
on_metas (BothyShellSearchProvider2 *skeleton,
          GDBusMethodInvocation *invocation,
          const char *const *ids,
          SearchProvider *self)
{
  return ask (self, invocation, describe, ids, 0);
}

static gboolean
on_activate (BothyShellSearchProvider2 *skeleton,
             GDBusMethodInvocation *invocation,
             const char *id,
             const char *const *terms,
             guint32 timestamp,
             SearchProvider *self)
{
  return ask (self, invocation, activate, (const char *const[]){ id, NULL }, timestamp);
}

static gboolean
on_launch (BothyShellSearchProvider2 *skeleton,
           GDBusMethodInvocation *invocation,
           const char *const *terms,
           guint32 timestamp,
           SearchProvider *self)
{
  open_application (self, "list", NULL, timestamp);
  bothy_shell_search_provider2_complete_launch_search (skeleton, invocation);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
on_bus (GObject *source, GAsyncResult *result, gpointer data)
{
  SearchProvider *self = SEARCH_PROVIDER (data);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) bus = g_bus_get_finish (result, &error);

  if (bus == NULL) {
    g_printerr ("bothy-search-provider: %s\n", error->message);
    g_application_quit (G_APPLICATION (self));
  } else {
    self->client = app_client_new (bus);
    g_signal_connect_swapped (self->client, "changed", G_CALLBACK (answer_waiting), self);
  }
  g_application_release (G_APPLICATION (self));
}

/* Before the name is ours, for whoever had it started asks at once. */
static gboolean
search_provider_dbus_register (GApplication *application,
                               GDBusConnection *bus,
                               const char *path,
                               GError **error)
{
  SearchProvider *self = SEARCH_PROVIDER (application);

  return G_APPLICATION_CLASS (search_provider_parent_class)->dbus_register (application, bus, path, error) &&
         g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (self->skeleton), bus, path, error);
}

static void
search_provider_dbus_unregister (GApplication *application, GDBusConnection *bus, const char *path)
{
  g_dbus_interface_skeleton_unexport (G_DBUS_INTERFACE_SKELETON (SEARCH_PROVIDER (application)->skeleton));
  G_APPLICATION_CLASS (search_provider_parent_class)->dbus_unregister (application, bus, path);
}

static void
search_provider_startup (GApplication *application)
{
  G_APPLICATION_CLASS (search_provider_parent_class)->startup (application);
  g_application_hold (application);
  g_bus_get (G_BUS_TYPE_SYSTEM, NULL, on_bus, application);
}

static void
search_provider_finalize (GObject *object)
{
  SearchProvider *self = SEARCH_PROVIDER (object);

  g_queue_clear_full (&self->waiting, (GDestroyNotify)question_free);
  g_clear_object (&self->client);
  g_clear_object (&self->skeleton);
  G_OBJECT_CLASS (search_provider_parent_class)->finalize (object);
}

static void
search_provider_class_init (SearchProviderClass *class)
{
  G_OBJECT_CLASS (class)->finalize = search_provider_finalize;
  G_APPLICATION_CLASS (class)->dbus_register = search_provider_dbus_register;
  G_APPLICATION_CLASS (class)->dbus_unregister = search_provider_dbus_unregister;
  G_APPLICATION_CLASS (class)->startup = search_provider_startup;
}

static void
search_provider_init (SearchProvider *self)
{
  g_queue_init (&self->waiting);
  self->skeleton = bothy_shell_search_provider2_skeleton_new ();
  g_signal_connect (self->skeleton, "handle-get-initial-result-set", G_CALLBACK (on_initial), self);
  g_signal_connect (self->skeleton, "handle-get-subsearch-result-set", G_CALLBACK (on_subsearch), self);
  g_signal_connect (self->skeleton, "handle-get-result-metas", G_CALLBACK (on_metas), self);
  g_signal_connect (self->skeleton, "handle-activate-result", G_CALLBACK (on_activate), self);
  g_signal_connect (self->skeleton, "handle-launch-search", G_CALLBACK (on_launch), self);
}

int
main (int argc, char **argv)
{
  g_autoptr (GApplication) application = NULL;

  app_words_begin ();
  application = g_object_new (SEARCH_TYPE_PROVIDER, "application-id", APPLICATION ".SearchProvider", "flags",
                              G_APPLICATION_IS_SERVICE, "inactivity-timeout", INACTIVITY_MS, NULL);
  return g_application_run (application, argc, argv);
}
