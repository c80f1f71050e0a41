/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "work.h"

G_BEGIN_DECLS

/* All that takes long just now. It emits "made" with a container that a work has made, and "failed" with a work
   that app_works_make() began and that made none. */

#define APP_TYPE_WORKS (app_works_get_type ())
G_DECLARE_FINAL_TYPE (AppWorks, app_works, APP, WORKS, GObject)

/** app_works_new: Returns: (transfer full): what is at work at the service, and what begins later */
AppWorks *app_works_new (AppClient *client);

/** app_works_get_list: Returns: (transfer none): AppWorks, the oldest first; one that has failed stays until it is dismissed */
GListModel *app_works_get_list (AppWorks *works);

/** app_works_make: makes a container as app_work_new_container() does; the application stays until it is there */
void app_works_make (AppWorks *works, const char *name, const char *image, GVariant *options);

/** app_works_dismiss: takes one that has failed off the list */
void app_works_dismiss (AppWorks *works, AppWork *work);

G_END_DECLS
