/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "client.h"

G_BEGIN_DECLS

/* What went wrong, told where the person is: a toast, with the service's own words behind a button. */

/**
 * app_report:
 * @near: the widget that was used; the toast is shown in what holds it, a window or a dialog
 * @what: what did not happen, such as "“web” was not stopped"
 *
 * Tells of @error, unless it is only that the person changed his mind.
 */
void app_report (GtkWidget *near, const char *what, const GError *error);

/** app_report_overlay: Returns: (transfer none) (nullable): where toasts of @near are shown */
AdwToastOverlay *app_report_overlay (GtkWidget *near);

/** app_report_in: the same, for an overlay that was looked up before the work began */
void app_report_in (AdwToastOverlay *overlay, const char *what, const GError *error);

/** app_report_say: shows one sentence as a toast, of something that went well */
void app_report_say (GtkWidget *near, const char *sentence);

/**
 * app_report_call:
 * @near: the widget that was used
 * @parameters: (nullable): a tuple; floating references are taken
 * @what: what did not happen, if it fails
 *
 * Calls a method of @object, whose effect its properties tell; only a failure is told.
 */
void app_report_call (
    GtkWidget *near, AppObject *object, const char *method, GVariant *parameters, const char *what);

/**
 * app_report_operation:
 * @client: which knows the operation
 * @fds: (nullable): those that @parameters mentions
 *
 * The same for a method that answers with an operation: what that fails of is told as well.
 */
void app_report_operation (GtkWidget *near,
                           AppClient *client,
                           AppObject *object,
                           const char *method,
                           GVariant *parameters,
                           GUnixFDList *fds,
                           const char *what);

/** app_report_operation_in: the same, for an overlay that was looked up before the work began, or NULL: then nobody is told */
void app_report_operation_in (AdwToastOverlay *overlay,
                              AppClient *client,
                              AppObject *object,
                              const char *method,
                              GVariant *parameters,
                              GUnixFDList *fds,
                              const char *what);

typedef void (*AppReportEnd) (GtkWidget *near, gboolean well, gpointer data);

/**
 * app_report_call_full:
 * @fds: (nullable): those that @parameters mentions
 * @end: (nullable): called at the end if @near is still there, after a failure was told
 */
void app_report_call_full (GtkWidget *near,
                           AppObject *object,
                           const char *method,
                           GVariant *parameters,
                           GUnixFDList *fds,
                           const char *what,
                           AppReportEnd end,
                           gpointer data);

G_END_DECLS
