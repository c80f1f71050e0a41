/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "object.h"

G_BEGIN_DECLS

/*
 * What the service has, as lists that follow it. It is asked once each time it comes up; all else are its signals. What
 * was known stays when the service leaves because nothing runs: the next call wakes it.
 */

#define APP_TYPE_CLIENT (app_client_get_type ())
G_DECLARE_FINAL_TYPE (AppClient, app_client, APP, CLIENT, GObject)

typedef enum {
  APP_CLIENT_LOADING, /* nothing is known yet */
  APP_CLIENT_READY,   /* the lists are those of the service, which may sleep by now */
  APP_CLIENT_FAILED,  /* the service can not be reached: app_client_get_error() */
} AppClientState;

/** app_client_new: Returns: (transfer full): a client on @bus, which begins at once; "changed" tells of each new state, "left" that the service went away, with all operations, and "devices-changed" that ListDevices has something else to say, once it was asked */
AppClient *app_client_new (GDBusConnection *bus);

/** app_client_get_state: Returns: whether the lists can be shown */
AppClientState app_client_get_state (AppClient *client);

/** app_client_get_error: Returns: (transfer none) (nullable): why the service can not be reached */
const GError *app_client_get_error (AppClient *client);

/** app_client_wake: starts the service and asks it anew, such as after it could not be reached */
void app_client_wake (AppClient *client);

/** app_client_get_manager: Returns: (transfer none): the service's one Manager */
AppObject *app_client_get_manager (AppClient *client);

/** app_client_get_containers: Returns: (transfer none): the caller's own containers, AppObjects in no order */
GListModel *app_client_get_containers (AppClient *client);

/** app_client_get_images: Returns: (transfer none): images that the caller sees, AppObjects in no order */
GListModel *app_client_get_images (AppClient *client);

/** app_client_get_operations: Returns: (transfer none): operations of the caller's, AppObjects, the oldest first */
GListModel *app_client_get_operations (AppClient *client);

/** app_client_lookup: Returns: (transfer none) (nullable): the container, image or operation at @path */
AppObject *app_client_lookup (AppClient *client, const char *path);

/** app_client_dup_container: Returns: (transfer full): the container at @path, though its signal may not have come yet */
AppObject *app_client_dup_container (AppClient *client, const char *path);

/** app_client_find: Returns: (transfer none) (nullable): the object of @list whose text @property is @value */
AppObject *app_client_find (GListModel *list, const char *property, const char *value);

G_END_DECLS
