/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "object.h"

#include <glib/gi18n.h>

#define BOTHY_NAME "org.bothy.Bothy1"

struct _AppObject {
  GObject parent_instance;

  GDBusConnection *bus;
  GDBusInterfaceInfo *info;
  char *path;
  GHashTable *properties; /* name -> GVariant */
  gboolean gone;
};

G_DEFINE_FINAL_TYPE (AppObject, app_object, G_TYPE_OBJECT)

enum {
  SIGNAL_CHANGED,
  SIGNAL_GONE,
  N_SIGNALS,
};
static guint signals[N_SIGNALS];

static void
app_object_finalize (GObject *object)
{
  AppObject *self = APP_OBJECT (object);

  g_clear_object (&self->bus);
  g_clear_pointer (&self->path, g_free);
  g_clear_pointer (&self->properties, g_hash_table_unref);
  G_OBJECT_CLASS (app_object_parent_class)->finalize (object);
}

static void
app_object_class_init (AppObjectClass *class)
{
  G_OBJECT_CLASS (class)->finalize = app_object_finalize;
  signals[SIGNAL_CHANGED] =
      g_signal_new ("changed", APP_TYPE_OBJECT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_GONE] =
      g_signal_new ("gone", APP_TYPE_OBJECT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
app_object_init (AppObject *self)
{
  self->properties = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_variant_unref);
}

AppObject *
app_object_new (GDBusConnection *bus, GDBusInterfaceInfo *info, const char *path, GVariant *properties)
{
  AppObject *self = g_object_new (APP_TYPE_OBJECT, NULL);

  g_set_object (&self->bus, bus);
  self->info = info;
  self->path = g_strdup (path);
  if (properties)
    app_object_update (self, properties);
  return self;
}

const char *
app_object_path (AppObject *self)
{
  return self->path;
}

void
app_object_update (AppObject *self, GVariant *properties)
{
  gboolean changed = FALSE;
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_iter_init (&iter, properties);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value)) {
    GVariant *old = g_hash_table_lookup (self->properties, name);

    if (old && g_variant_equal (old, value)) {
      g_variant_unref (value);
      continue;
    }
    changed = TRUE;
    g_hash_table_insert (self->properties, g_strdup (name), value);
  }
  if (changed)
    g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

void
app_object_set_gone (AppObject *self)
{
  self->gone = TRUE;
  g_signal_emit (self, signals[SIGNAL_GONE], 0);
}

gboolean
app_object_is_gone (AppObject *self)
{
  return self->gone;
}

GVariant *
app_object_get (AppObject *self, const char *name, const char *type)
{
  GVariant *value = g_hash_table_lookup (self->properties, name);

  return value && g_variant_is_of_type (value, G_VARIANT_TYPE (type)) ? g_variant_ref (value) : NULL;
}

const char *
app_object_text (AppObject *self, const char *name)
{
  g_autoptr (GVariant) value = app_object_get (self, name, "s");

  /* The table keeps it. */
  return value ? g_variant_get_string (value, NULL) : "";
}

GStrv
app_object_texts (AppObject *self, const char *name)
{
  g_autoptr (GVariant) value = app_object_get (self, name, "as");

  return value ? g_variant_dup_strv (value, NULL) : g_new0 (char *, 1);
}

guint64
app_object_number (AppObject *self, const char *name)
{
  g_autoptr (GVariant) wide = app_object_get (self, name, "t");
  g_autoptr (GVariant) narrow = app_object_get (self, name, "u");

  if (wide)
    return g_variant_get_uint64 (wide);
  return narrow ? g_variant_get_uint32 (narrow) : 0;
}

/* The type of a method's answer. One that is of another type comes from another version, and GDBus refuses it. */
static GVariantType *
answer_type (AppObject *self, const char *method)
{
  GDBusMethodInfo *info = g_dbus_interface_info_lookup_method (self->info, method);
  g_autoptr (GString) text = g_string_new ("(");

  g_return_val_if_fail (info != NULL, NULL);
  for (gsize i = 0; info->out_args && info->out_args[i]; i++)
    g_string_append (text, info->out_args[i]->signature);
  g_string_append_c (text, ')');
  return g_variant_type_new (text->str);
}

typedef struct {
  GVariant *answer;
  GUnixFDList *fds;
} Answer;

static void
answer_free (Answer *answer)
{
  g_clear_pointer (&answer->answer, g_variant_unref);
  g_clear_object (&answer->fds);
  g_free (answer);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Answer, answer_free)

static void
on_answer (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (Answer) answer = g_new0 (Answer, 1);
  g_autoptr (GError) error = NULL;

  answer->answer = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), &answer->fds,
                                                                    result, &error);
  if (answer->answer)
    g_task_return_pointer (task, g_steal_pointer (&answer), (GDestroyNotify)answer_free);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
call (AppObject *self,
      const char *method,
      GVariant *parameters,
      GUnixFDList *fds,
      GDBusCallFlags flags,
      GTask *task)
{
  g_autoptr (GVariantType) type = answer_type (self, method);

  /* GDBus gives up after 25 seconds on its own, while a dialog is still open or a container shuts down. */
  g_dbus_connection_call_with_unix_fd_list (self->bus, BOTHY_NAME, self->path, self->info->name, method,
                                            parameters, type, flags, G_MAXINT, fds,
                                            g_task_get_cancellable (task), on_answer, task);
}

void
app_object_call (AppObject *self,
                 const char *method,
                 GVariant *parameters,
                 GUnixFDList *fds,
                 GCancellable *cancellable,
                 GAsyncReadyCallback callback,
                 gpointer data)
{
  call (self, method, parameters, fds, G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
        g_task_new (self, cancellable, callback, data));
}

void
app_object_ask (AppObject *self,
                const char *method,
                GVariant *parameters,
                GCancellable *cancellable,
                GAsyncReadyCallback callback,
                gpointer data)
{
  call (self, method, parameters, NULL, G_DBUS_CALL_FLAGS_NONE,
        g_task_new (self, cancellable, callback, data));
}

GVariant *
app_object_call_finish (AppObject *self, GAsyncResult *result, GUnixFDList **fds, GError **error)
{
  g_autoptr (Answer) answer = NULL;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  answer = g_task_propagate_pointer (G_TASK (result), error);
  if (answer == NULL)
    return NULL;
  if (fds)
    *fds = g_steal_pointer (&answer->fds);
  return g_steal_pointer (&answer->answer);
}

int
app_object_open_finish (AppObject *self, GAsyncResult *result, GError **error)
{
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (self, result, &fds, error);
  gint32 handle;

  if (answer == NULL)
    return -1;
  g_variant_get_child (answer, 0, "h", &handle);
  if (fds == NULL || handle < 0 || handle >= g_unix_fd_list_get_length (fds)) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                         _ ("The service answered without a file descriptor"));
    return -1;
  }
  return g_unix_fd_list_get (fds, handle, error);
}
