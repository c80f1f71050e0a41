/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "log-page.h"

#include <gio/gunixinputstream.h>
#include <glib/gi18n.h>

#include "../report.h"

/* The service keeps a mebibyte. */
#define LONGEST (2 * 1024 * 1024)

struct _AppLogPage {
  AdwNavigationPage parent_instance;

  AppObject *container;
  GCancellable *cancellable;
  GtkTextView *text;
};

G_DEFINE_FINAL_TYPE (AppLogPage, app_log_page, ADW_TYPE_NAVIGATION_PAGE)

/* How many characters a line may have: laying out one of a mebibyte takes minutes, in which the window stands still. */
#define LONGEST_LINE 4000

static char *
break_lines (const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);
  gsize length = 0;

  for (const char *at = text; *at; at = g_utf8_next_char (at)) {
    if (*at == '\n') {
      length = 0;
    } else if (++length > LONGEST_LINE) {
      g_string_append_c (out, '\n');
      length = 1;
    }
    g_string_append_len (out, at, g_utf8_next_char (at) - at);
  }
  return g_string_free_and_steal (g_steal_pointer (&out));
}

/* What a terminal would show of it: colours and movements of the cursor are left out. */
static char *
plain (const char *bytes, gsize length)
{
  g_autofree char *valid = g_utf8_make_valid (bytes, (gssize)length);
  g_autoptr (GRegex) controls =
      g_regex_new ("\\x1b\\[[0-?]*[ -/]*[@-~]|\\x1b\\][^\\x07\\x1b]*(\\x07|\\x1b\\\\)|"
                   "\\x1b[ -/]*[0-~]|[\\x00-\\x08\\x0b-\\x1f\\x7f]",
                   0, 0, NULL);
  g_autofree char *text = NULL;

  text = g_regex_replace_literal (controls, valid, -1, 0, "", 0, NULL);
  return break_lines (text ? text : "");
}

static void
show (AppLogPage *self, const char *text)
{
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (self->text);
  GtkTextIter end;

  gtk_text_buffer_set_text (buffer, text[0] ? text : _ ("It has written nothing yet."), -1);
  gtk_text_buffer_get_end_iter (buffer, &end);
  gtk_text_buffer_place_cursor (buffer, &end);
  gtk_text_view_scroll_to_mark (self->text, gtk_text_buffer_get_insert (buffer), 0, TRUE, 0, 1);
}

static void
fail (AppLogPage *self, const GError *error)
{
  app_report (GTK_WIDGET (self), _ ("The log can not be read"), error);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppLogPage) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  g_autofree char *text = NULL;

  if (bytes == NULL) {
    fail (self, error);
    return;
  }
  text = plain (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  show (self, text);
}

static void
on_opened (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppLogPage) self = data;
  g_autoptr (GError) error = NULL;
  int fd = app_object_open_finish (APP_OBJECT (source), result, &error);
  g_autoptr (GInputStream) stream = NULL;

  if (fd < 0) {
    fail (self, error);
    return;
  }
  stream = g_unix_input_stream_new (fd, TRUE);
  if (self->cancellable == NULL)
    return;
  g_input_stream_read_bytes_async (stream, LONGEST, G_PRIORITY_DEFAULT, self->cancellable, on_read,
                                   g_object_ref (self));
}

/* What is still asked holds the page, which is not looked at any more. */
static void
cancel (AppLogPage *self)
{
  if (self->cancellable)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
}

static void
load (AppLogPage *self)
{
  cancel (self);
  self->cancellable = g_cancellable_new ();
  app_object_call (self->container, "OpenLog", NULL, NULL, self->cancellable, on_opened, g_object_ref (self));
}

static GtkWidget *
make_view (AppLogPage *self)
{
  GtkWidget *scrolled = gtk_scrolled_window_new (), *text = gtk_text_view_new ();

  self->text = GTK_TEXT_VIEW (text);
  gtk_text_view_set_editable (self->text, FALSE);
  gtk_text_view_set_monospace (self->text, TRUE);
  gtk_text_view_set_wrap_mode (self->text, GTK_WRAP_WORD_CHAR);
  gtk_widget_add_css_class (text, "log");
  gtk_accessible_update_property (GTK_ACCESSIBLE (text), GTK_ACCESSIBLE_PROPERTY_LABEL, _ ("Log"), -1);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled), text);
  gtk_widget_set_vexpand (scrolled, TRUE);
  return scrolled;
}

AdwNavigationPage *
app_log_page_new (AppObject *container)
{
  AppLogPage *self = g_object_new (APP_TYPE_LOG_PAGE, NULL);
  GtkWidget *view = adw_toolbar_view_new (), *header = adw_header_bar_new ();
  GtkWidget *reload = gtk_button_new_from_icon_name ("view-refresh-symbolic");

  self->container = g_object_ref (container);
  gtk_widget_set_tooltip_text (reload, _ ("Read Again"));
  g_signal_connect_swapped (reload, "clicked", G_CALLBACK (load), self);
  adw_header_bar_pack_end (ADW_HEADER_BAR (header), reload);
  adw_toolbar_view_add_top_bar (ADW_TOOLBAR_VIEW (view), header);
  adw_toolbar_view_set_content (ADW_TOOLBAR_VIEW (view), make_view (self));
  adw_navigation_page_set_title (ADW_NAVIGATION_PAGE (self), _ ("Log"));
  adw_navigation_page_set_child (ADW_NAVIGATION_PAGE (self), view);
  g_signal_connect (self, "map", G_CALLBACK (load), NULL);
  g_signal_connect (self, "unmap", G_CALLBACK (cancel), NULL);
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_log_page_dispose (GObject *object)
{
  AppLogPage *self = APP_LOG_PAGE (object);

  cancel (self);
  g_clear_object (&self->container);
  G_OBJECT_CLASS (app_log_page_parent_class)->dispose (object);
}

static void
app_log_page_class_init (AppLogPageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_log_page_dispose;
}

static void
app_log_page_init (AppLogPage *self)
{
}
