/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gtk/gtk.h>

#include "../object.h"

G_BEGIN_DECLS

/* How a folder of the person's comes into a container. */

/** app_share_choose: lets the person choose a folder, then goes on as app_share_ask() */
void app_share_choose (GtkWidget *near, AppObject *container);

/** app_share_ask: asks where @folder is to be seen in @container, and shares it; a failure is told near @near */
void app_share_ask (GtkWidget *near, AppObject *container, GFile *folder);

/** app_share_accept_drops: from now on a folder that is dropped on @widget is shared with @container */
void app_share_accept_drops (GtkWidget *widget, AppObject *container);

G_END_DECLS
