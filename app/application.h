/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/*
 * The one process of the application in a session. On the session bus it has the actions "shell", "log", "files",
 * "folders" and "details", each with the path of a container, and "new", "list" and "doctor" without: by these others, such as the
 * shell's menu, open it where they want it.
 */

#define APP_TYPE_APPLICATION (app_application_get_type ())
G_DECLARE_FINAL_TYPE (AppApplication, app_application, APP, APPLICATION, AdwApplication)

/** app_application_new: Returns: (transfer full): the application */
GApplication *app_application_new (void);

G_END_DECLS
