/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/*
 * One object of the service: its properties as they were last heard of, and its methods, which never block.
 * It emits "changed" when properties have changed, and "gone" when the service has removed it.
 */

#define APP_TYPE_OBJECT (app_object_get_type ())
G_DECLARE_FINAL_TYPE (AppObject, app_object, APP, OBJECT, GObject)

/**
 * app_object_new:
 * @info: the interface that it has, as dbus/ describes it
 * @properties: (nullable): a{sv}
 *
 * Returns: (transfer full): the object at @path
 */
AppObject *
app_object_new (GDBusConnection *bus, GDBusInterfaceInfo *info, const char *path, GVariant *properties);

/** app_object_path: Returns: its path, which it has as long as it lives */
const char *app_object_path (AppObject *object);

/** app_object_update: takes in some properties, a{sv}, or all of them; "changed" follows if one of them is another */
void app_object_update (AppObject *object, GVariant *properties);

/** app_object_set_gone: says that the service has removed it */
void app_object_set_gone (AppObject *object);

/** app_object_is_gone: Returns: whether the service has removed it */
gboolean app_object_is_gone (AppObject *object);

/** app_object_get: Returns: (transfer full) (nullable): a property, if it is known and of @type */
GVariant *app_object_get (AppObject *object, const char *name, const char *type);

/** app_object_text: Returns: (transfer none): a text, "" if it is not known; it is valid until the next change */
const char *app_object_text (AppObject *object, const char *name);

/** app_object_texts: Returns: (transfer full): an array of texts, empty if it is not known */
GStrv app_object_texts (AppObject *object, const char *name);

/** app_object_number: Returns: a number of the type u or t, 0 if it is not known */
guint64 app_object_number (AppObject *object, const char *name);

/**
 * app_object_call:
 * @parameters: (nullable): a tuple; floating references are taken
 * @fds: (nullable): those that @parameters mentions
 *
 * Calls a method for a person who has just asked for it: who has to authenticate for it is asked to. It waits for the
 * answer as long as it takes.
 */
void app_object_call (AppObject *object,
                      const char *method,
                      GVariant *parameters,
                      GUnixFDList *fds,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer data);

/** app_object_ask: the same for what nobody has asked for: it never opens a dialog */
void app_object_ask (AppObject *object,
                     const char *method,
                     GVariant *parameters,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer data);

/**
 * app_object_call_finish:
 * @fds: (out) (optional) (nullable): those that the answer mentions
 *
 * Of app_object_call() and app_object_ask().
 *
 * Returns: (transfer full) (nullable): the answer, of the type that dbus/ says
 */
GVariant *app_object_call_finish (AppObject *object, GAsyncResult *result, GUnixFDList **fds, GError **error);

/** app_object_open_finish: the same for a method that answers with a file descriptor. Returns: it, which is the caller's, or -1 */
int app_object_open_finish (AppObject *object, GAsyncResult *result, GError **error);

G_END_DECLS
