/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* A small curve of the last values, the newest at its end. */

#define APP_TYPE_PLOT (app_plot_get_type ())
G_DECLARE_FINAL_TYPE (AppPlot, app_plot, APP, PLOT, GtkWidget)

/** app_plot_add: appends a value, not below 0; @most is what is drawn at full height, 0 for the highest of the values */
void app_plot_add (AppPlot *plot, double value, double most);

/** app_plot_clear: forgets all values */
void app_plot_clear (AppPlot *plot);

G_END_DECLS
