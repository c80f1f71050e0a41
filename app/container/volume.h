/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gtk/gtk.h>

#include "../client.h"

G_BEGIN_DECLS

/** app_volume_choose: asks which volume of the person's is to be seen in @container, or what a new one is called, and where; and adds it. A failure is told near @near */
void app_volume_choose (GtkWidget *near, AppClient *client, AppObject *container);

G_END_DECLS
