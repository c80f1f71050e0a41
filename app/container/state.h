/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gtk/gtk.h>

#include "../object.h"

G_BEGIN_DECLS

/* What a container's state means for whoever shows it. */

/** app_state_is_running: Returns: whether it has processes, frozen or not */
gboolean app_state_is_running (AppObject *container);

/** app_state_is_moving: Returns: whether it is on its way from one state to another */
gboolean app_state_is_moving (AppObject *container);

/** app_state_dup_address: Returns: (transfer full) (nullable): its first address without the network's size, IPv4 if it has one */
char *app_state_dup_address (AppObject *container);

/** app_state_dup_line: Returns: (transfer full): state, and what is most worth knowing beside it, in one line */
char *app_state_dup_line (AppObject *container);

/** app_state_toggle: starts it if it stands still, thaws it if it is frozen, else stops it; a failure is told near @widget */
void app_state_toggle (GtkWidget *widget, AppObject *container);

G_END_DECLS
