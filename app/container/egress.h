/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../object.h"
#include "../report.h"

G_BEGIN_DECLS

/* Where a container may connect to: one switch for everything. */

/** app_egress_is_open: Returns: whether it may connect to everything */
gboolean app_egress_is_open (AppObject *container);

/** app_egress_change: calls SetEgress with @change and one destination; a failure is told near @near, and then @end called, unless that is NULL */
void app_egress_change (
    GtkWidget *near, AppObject *container, const char *change, const char *destination, AppReportEnd end);

#define APP_TYPE_EGRESS_ROW (app_egress_row_get_type ())
G_DECLARE_FINAL_TYPE (AppEgressRow, app_egress_row, APP, EGRESS_ROW, AdwActionRow)

/** app_egress_row_new: Returns: (floating): a row with that switch, which follows @container */
GtkWidget *app_egress_row_new (AppObject *container);

G_END_DECLS
