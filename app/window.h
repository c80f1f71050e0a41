/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "work/works.h"

G_BEGIN_DECLS

/* The window: the list of containers on one side, and a page on the other. */

#define APP_TYPE_WINDOW (app_window_get_type ())
G_DECLARE_FINAL_TYPE (AppWindow, app_window, APP, WINDOW, AdwApplicationWindow)

/** app_window_new: Returns: (transfer none): a window that shows what @client has */
GtkWidget *app_window_new (GtkApplication *application, AppClient *client, AppWorks *works);

/**
 * app_window_show:
 * @what: "list", "new", "images", "doctor"; "details", "log" or "folders" of a container
 * @container: (nullable): if it needs one; NULL if there is none by that path, which is told
 */
void app_window_show (AppWindow *window, const char *what, AppObject *container);

/** app_window_tell_made: goes to a container that was made, or only says that it is there if the person is at something else */
void app_window_tell_made (AppWindow *window, AppObject *container);

/** app_window_get_overlay: Returns: (transfer none): where toasts are shown */
AdwToastOverlay *app_window_get_overlay (AppWindow *window);

G_END_DECLS
