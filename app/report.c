/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report.h"

#include <glib/gi18n.h>

#include "words.h"
#include "work/work.h"

AdwToastOverlay *
app_report_overlay (GtkWidget *near)
{
  return ADW_TOAST_OVERLAY (gtk_widget_get_ancestor (near, ADW_TYPE_TOAST_OVERLAY));
}

/* What the toast keeps until the person asks for it. */
typedef struct {
  char *what;
  char *sentence;
  char *details;
} Report;

static void
report_free (gpointer data, GClosure *closure)
{
  Report *report = data;

  g_free (report->what);
  g_free (report->sentence);
  g_free (report->details);
  g_free (report);
}

static void
show_details (AdwToast *toast, Report *report)
{
  GtkApplication *application = GTK_APPLICATION (g_application_get_default ());
  GtkWidget *label = gtk_label_new (report->details);
  AdwDialog *dialog = adw_alert_dialog_new (report->what, report->sentence);

  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_selectable (GTK_LABEL (label), TRUE);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_add_css_class (label, "dim-label");
  adw_alert_dialog_set_extra_child (ADW_ALERT_DIALOG (dialog), label);
  adw_alert_dialog_add_response (ADW_ALERT_DIALOG (dialog), "close", _ ("_Close"));
  adw_dialog_present (dialog, GTK_WIDGET (gtk_application_get_active_window (application)));
}

void
app_report_in (AdwToastOverlay *overlay, const char *what, const GError *error)
{
  g_autofree char *title = NULL;
  AdwToast *toast;
  Report *report;

  if (app_words_is_dismissal (error))
    return;
  report = g_new0 (Report, 1);
  report->what = g_strdup (what);
  report->sentence = g_strdup (app_words_for_error (error));
  report->details = app_words_details (error);
  /* Translators: what did not happen, and the reason: “web” was not started: There is no space left. */
  title = g_strdup_printf (_ ("%s: %s"), what, report->sentence);
  toast = g_object_new (ADW_TYPE_TOAST, "use-markup", FALSE, "title", title, NULL);
  adw_toast_set_timeout (toast, 15);
  adw_toast_set_button_label (toast, _ ("Details"));
  g_signal_connect_data (toast, "button-clicked", G_CALLBACK (show_details), report, report_free, 0);
  adw_toast_overlay_add_toast (overlay, toast);
}

void
app_report (GtkWidget *near, const char *what, const GError *error)
{
  AdwToastOverlay *overlay = app_report_overlay (near);

  if (overlay)
    app_report_in (overlay, what, error);
}

void
app_report_say (GtkWidget *near, const char *sentence)
{
  AdwToastOverlay *overlay = app_report_overlay (near);
  g_autoptr (AdwToast) toast = g_object_new (ADW_TYPE_TOAST, "use-markup", FALSE, "title", sentence, NULL);

  if (overlay)
    adw_toast_overlay_add_toast (overlay, g_steal_pointer (&toast));
}

typedef struct {
  GWeakRef near, overlay; /* whoever clicked may have left the page since */
  char *what;
  AppReportEnd end;
  gpointer data;
} Call;

static void
call_free (Call *call)
{
  g_weak_ref_clear (&call->near);
  g_weak_ref_clear (&call->overlay);
  g_free (call->what);
  g_free (call);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_free)

static void
on_called (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);
  g_autoptr (AdwToastOverlay) overlay = g_weak_ref_get (&call->overlay);
  g_autoptr (GtkWidget) near = g_weak_ref_get (&call->near);

  if (error && overlay)
    app_report_in (overlay, call->what, error);
  if (near && call->end)
    call->end (near, answer != NULL, call->data);
}

void
app_report_call_full (GtkWidget *near,
                      AppObject *object,
                      const char *method,
                      GVariant *parameters,
                      GUnixFDList *fds,
                      const char *what,
                      AppReportEnd end,
                      gpointer data)
{
  Call *call = g_new0 (Call, 1);

  g_weak_ref_init (&call->near, near);
  g_weak_ref_init (&call->overlay, app_report_overlay (near));
  call->what = g_strdup (what);
  call->end = end;
  call->data = data;
  app_object_call (object, method, parameters, fds, NULL, on_called, call);
}

void
app_report_call (
    GtkWidget *near, AppObject *object, const char *method, GVariant *parameters, const char *what)
{
  app_report_call_full (near, object, method, parameters, NULL, what, NULL, NULL);
}

/* ---- an operation ---- */

typedef struct {
  GWeakRef overlay;
  AppClient *client;
  char *what;
} Following;

static void
following_free (Following *following)
{
  g_weak_ref_clear (&following->overlay);
  g_object_unref (following->client);
  g_free (following->what);
  g_free (following);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Following, following_free)

static void
tell_failure (Following *following, const GError *error)
{
  g_autoptr (AdwToastOverlay) overlay = g_weak_ref_get (&following->overlay);

  if (overlay && error)
    app_report_in (overlay, following->what, error);
}

/* The work was kept for this. */
static void
on_ended (AppWork *work, Following *following)
{
  tell_failure (following, app_work_get_error (work));
  g_object_unref (work);
}

static void
on_begun (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Following) following = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);
  g_autoptr (AppWork) work = NULL;
  const char *path = NULL;

  if (answer == NULL) {
    tell_failure (following, error);
    return;
  }
  g_variant_get (answer, "(&o)", &path);
  work = app_work_new_operation (following->client, path);
  if (app_work_has_ended (work))
    tell_failure (following, app_work_get_error (work));
  else
    g_signal_connect_data (g_steal_pointer (&work), "ended", G_CALLBACK (on_ended),
                           g_steal_pointer (&following), (GClosureNotify)(void (*) (void))following_free, 0);
}

void
app_report_operation_in (AdwToastOverlay *overlay,
                         AppClient *client,
                         AppObject *object,
                         const char *method,
                         GVariant *parameters,
                         GUnixFDList *fds,
                         const char *what)
{
  Following *following = g_new0 (Following, 1);

  g_weak_ref_init (&following->overlay, overlay);
  following->client = g_object_ref (client);
  following->what = g_strdup (what);
  app_object_call (object, method, parameters, fds, NULL, on_begun, following);
}

void
app_report_operation (GtkWidget *near,
                      AppClient *client,
                      AppObject *object,
                      const char *method,
                      GVariant *parameters,
                      GUnixFDList *fds,
                      const char *what)
{
  app_report_operation_in (app_report_overlay (near), client, object, method, parameters, fds, what);
}
