/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../client.h"

G_BEGIN_DECLS

/*
 * Something that takes long, as a row shows it: a container that is being made, from getting its image to its start; or
 * an operation that was begun elsewhere. It emits "changed" as it goes on, and "ended" once.
 */

#define APP_TYPE_WORK (app_work_get_type ())
G_DECLARE_FINAL_TYPE (AppWork, app_work, APP, WORK, GObject)

/**
 * app_work_new_container:
 * @name: what the container is to be called
 * @image: an alias or fingerprint of an image that is here, or what PullImage takes
 * @options: a{sv}, as Launch takes it; a floating reference is taken
 *
 * Gets the image if it is missing, makes a container and starts it; that goes on without us.
 *
 * Returns: (transfer full): the work, which has begun
 */
AppWork *app_work_new_container (AppClient *client, const char *name, const char *image, GVariant *options);

/** app_work_new_operation: Returns: (transfer full): the work of the operation at @path, which the client may not know yet; it may have ended */
AppWork *app_work_new_operation (AppClient *client, const char *path);

/** app_work_get_title: Returns: (transfer none): what is made */
const char *app_work_get_title (AppWork *work);

/** app_work_dup_status: Returns: (transfer full): how far it is, in words; after it has failed the reason, and what the service wrote */
char *app_work_dup_status (AppWork *work);

/** app_work_get_fraction: Returns: how far it is, from 0 to 1; -1 when the end is not known */
double app_work_get_fraction (AppWork *work);

/** app_work_get_operation: Returns: (transfer none) (nullable): the operation that is at work now */
AppObject *app_work_get_operation (AppWork *work);

/** app_work_has_ended: Returns: whether "ended" was emitted already */
gboolean app_work_has_ended (AppWork *work);

/** app_work_is_beginning: Returns: whether it has asked for an operation and does not know yet which one that is */
gboolean app_work_is_beginning (AppWork *work);

/** app_work_get_error: Returns: (transfer none) (nullable): why it has failed */
const GError *app_work_get_error (AppWork *work);

/** app_work_get_container: Returns: (transfer none) (nullable): what was made */
AppObject *app_work_get_container (AppWork *work);

/** app_work_cancel: stops it, and undoes it, as long as an operation is at work */
void app_work_cancel (AppWork *work);

G_END_DECLS
