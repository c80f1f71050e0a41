/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hand and an eye in the application, for tests: preloaded into it, it reads commands from a socket, one a line, and
 * does in the main loop what a person would, to widgets that it finds by what is written on them. Each answer is one line,
 * "ok" or "no" with what was found.
 *
 *   tree                 all that is to be read, one line with | between
 *   has TEXT             whether TEXT is to be read somewhere, as a whole
 *   click TEXT           activates the button, row, switch or image's list item that says TEXT, or has it as its tooltip
 *   type TITLE=TEXT      writes TEXT into the field with that title, and has it applied
 *   value TITLE=NUMBER   moves the slider or field of numbers with that title
 *   choose TITLE=NUMBER  chooses a line of a list to choose from
 *   size WIDTH HEIGHT    of the window
 *   shot FILE            a picture of the window
 *   unnamed              what can be clicked and has no name for who can not see it
 *   drop NAME=PATH       as if the folder at PATH were dropped on the row of the container NAME
 */
#include <adwaita.h>
#include <errno.h>
#include <glib-unix.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <unistd.h>

typedef gboolean (*Test) (GtkWidget *widget, const char *text);

static GtkWidget *
window (void)
{
  GApplication *application = g_application_get_default ();
  GtkWindow *active = application ? gtk_application_get_active_window (GTK_APPLICATION (application)) : NULL;
  GList *windows = application ? gtk_application_get_windows (GTK_APPLICATION (application)) : NULL;

  return active ? GTK_WIDGET (active) : windows ? windows->data : NULL;
}

/* What is behind another page, or folded in, nobody sees. */
static gboolean
is_seen (GtkWidget *widget)
{
  return gtk_widget_get_mapped (widget) && gtk_widget_get_child_visible (widget);
}

static GtkWidget *
find (GtkWidget *widget, Test test, const char *text)
{
  if (widget == NULL || !is_seen (widget))
    return NULL;
  /* What lies on top comes last. */
  for (GtkWidget *child = gtk_widget_get_last_child (widget); child;
       child = gtk_widget_get_prev_sibling (child)) {
    GtkWidget *found = find (child, test, text);

    if (found)
      return found;
  }
  return test (widget, text) ? widget : NULL;
}

static char *
without_mnemonic (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text ? text : "", "_", -1);

  return g_strjoinv ("", parts);
}

static gboolean
is_text (const char *written, const char *text)
{
  g_autofree char *plain = without_mnemonic (written);

  return g_strcmp0 (written, text) == 0 || g_str_equal (plain, text);
}

static gboolean
says (GtkWidget *widget, const char *text)
{
  return (GTK_IS_LABEL (widget) && is_text (gtk_label_get_label (GTK_LABEL (widget)), text)) ||
         (GTK_IS_TEXT (widget) && is_text (gtk_editable_get_text (GTK_EDITABLE (widget)), text)) ||
         (GTK_IS_BUTTON (widget) && is_text (gtk_widget_get_tooltip_text (widget), text));
}

/* What was typed into a field is no name of anything. */
static gboolean
is_written (GtkWidget *widget, const char *text)
{
  return !GTK_IS_TEXT (widget) && says (widget, text);
}

/* The head of a row that unfolds has its title too, and is none. */
static gboolean
is_titled (GtkWidget *widget, const char *text)
{
  GtkWidget *expander = gtk_widget_get_ancestor (widget, ADW_TYPE_EXPANDER_ROW);

  if (expander && expander != widget &&
      g_strcmp0 (adw_preferences_row_get_title (ADW_PREFERENCES_ROW (expander)), text) == 0)
    return FALSE;
  return ADW_IS_PREFERENCES_ROW (widget) &&
         is_text (adw_preferences_row_get_title (ADW_PREFERENCES_ROW (widget)), text);
}

static void
read_out (GtkWidget *widget, GString *out)
{
  if (!is_seen (widget))
    return;
  if (GTK_IS_LABEL (widget) && gtk_label_get_text (GTK_LABEL (widget))[0])
    g_string_append_printf (out, "%s|", gtk_label_get_text (GTK_LABEL (widget)));
  else if (GTK_IS_TEXT (widget))
    g_string_append_printf (out, "%s|", gtk_editable_get_text (GTK_EDITABLE (widget)));
  else if (GTK_IS_BUTTON (widget) && gtk_widget_get_tooltip_text (widget))
    g_string_append_printf (out, "[%s]|", gtk_widget_get_tooltip_text (widget));
  else if (GTK_IS_TEXT_VIEW (widget)) {
    g_autofree char *text = NULL;

    g_object_get (gtk_text_view_get_buffer (GTK_TEXT_VIEW (widget)), "text", &text, NULL);
    g_string_append_printf (out, "%s|", text);
  }
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
       child = gtk_widget_get_next_sibling (child))
    read_out (child, out);
}

static char *
tree (const char *argument)
{
  g_autoptr (GString) out = g_string_new ("ok ");

  if (window ())
    read_out (window (), out);
  g_strdelimit (out->str, "\n", ' ');
  /* Numbers are tied to their units. */
  g_string_replace (out, "\302\240", " ", 0);
  return g_strdup (out->str);
}

static char *
has (const char *text)
{
  return g_strdup (find (window (), says, text) ? "ok" : "no");
}

/* A click on a label means what the label is on. */
static char *
click (const char *text)
{
  GtkWidget *found = find (window (), is_written, text), *widget;

  for (widget = found; widget; widget = gtk_widget_get_parent (widget)) {
    if (!gtk_widget_is_sensitive (widget))
      return g_strdup ("no: it is insensitive");
    if (GTK_IS_BUTTON (widget) || GTK_IS_LIST_BOX_ROW (widget)) {
      gboolean done = gtk_widget_activate (widget);

      return g_strdup_printf ("%s %s", done ? "ok" : "no", G_OBJECT_TYPE_NAME (widget));
    }
    if (g_str_equal (G_OBJECT_TYPE_NAME (widget), "GtkListItemWidget")) {
      gtk_widget_activate_action (widget, "listitem.select", "(bb)", FALSE, FALSE);
      gtk_widget_activate (widget);
      return g_strdup ("ok");
    }
  }
  return g_strdup (found ? "no: it can not be clicked" : "no: it is not there");
}

static char *
type (const char *argument)
{
  const char *equals = strchr (argument, '=');
  g_autofree char *title = g_strndup (argument, (gsize)(equals - argument));
  GtkWidget *row = g_str_equal (title, "search") ? NULL : find (window (), is_titled, title);

  if (row && GTK_IS_EDITABLE (row)) {
    gtk_editable_set_text (GTK_EDITABLE (row), equals + 1);
    if (ADW_IS_ENTRY_ROW (row) && adw_entry_row_get_show_apply_button (ADW_ENTRY_ROW (row)))
      g_signal_emit_by_name (row, "apply");
    return g_strdup ("ok");
  }
  return g_strdup ("no: there is no such field");
}

static gboolean
is_search (GtkWidget *widget, const char *text)
{
  return GTK_IS_SEARCH_ENTRY (widget);
}

static char *
search (const char *text)
{
  GtkWidget *entry = find (window (), is_search, NULL);

  if (entry == NULL)
    return g_strdup ("no");
  gtk_editable_set_text (GTK_EDITABLE (entry), text);
  return g_strdup ("ok");
}

static gboolean
is_scale (GtkWidget *widget, const char *text)
{
  return GTK_IS_SCALE (widget);
}

static char *
value (const char *argument)
{
  const char *equals = strchr (argument, '=');
  g_autofree char *title = g_strndup (argument, (gsize)(equals - argument));
  GtkWidget *row = find (window (), is_titled, title);
  double number = g_ascii_strtod (equals + 1, NULL);
  GtkWidget *scale = row ? find (row, is_scale, NULL) : NULL;

  if (scale)
    gtk_range_set_value (GTK_RANGE (scale), number);
  else if (ADW_IS_SPIN_ROW (row))
    adw_spin_row_set_value (ADW_SPIN_ROW (row), number);
  else
    return g_strdup ("no: there is no such number");
  return g_strdup ("ok");
}

static char *
choose (const char *argument)
{
  const char *equals = strchr (argument, '=');
  g_autofree char *title = g_strndup (argument, (gsize)(equals - argument));
  GtkWidget *row = find (window (), is_titled, title);

  if (ADW_IS_COMBO_ROW (row))
    adw_combo_row_set_selected (ADW_COMBO_ROW (row), (guint)atoi (equals + 1));
  else if (ADW_IS_SWITCH_ROW (row))
    adw_switch_row_set_active (ADW_SWITCH_ROW (row), atoi (equals + 1));
  else if (ADW_IS_EXPANDER_ROW (row) && adw_expander_row_get_show_enable_switch (ADW_EXPANDER_ROW (row))) {
    adw_expander_row_set_enable_expansion (ADW_EXPANDER_ROW (row), atoi (equals + 1));
    adw_expander_row_set_expanded (ADW_EXPANDER_ROW (row), atoi (equals + 1));
  } else if (ADW_IS_EXPANDER_ROW (row))
    adw_expander_row_set_expanded (ADW_EXPANDER_ROW (row), atoi (equals + 1));
  else
    return g_strdup ("no: there is no such list");
  return g_strdup ("ok");
}

static char *
size (const char *argument)
{
  int width = 0, height = 0;

  if (sscanf (argument, "%d %d", &width, &height) != 2 || window () == NULL)
    return g_strdup ("no");
  gtk_window_set_default_size (GTK_WINDOW (window ()), width, height);
  return g_strdup ("ok");
}

static char *
shot (const char *file)
{
  GtkWidget *widget = window ();
  g_autoptr (GdkPaintable) paintable = gtk_widget_paintable_new (widget);
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  g_autoptr (GskRenderNode) node = NULL;
  g_autoptr (GdkTexture) texture = NULL;

  gdk_paintable_snapshot (paintable, snapshot, gtk_widget_get_width (widget), gtk_widget_get_height (widget));
  node = gtk_snapshot_free_to_node (snapshot);
  if (node == NULL)
    return g_strdup ("no: nothing is drawn");
  texture = gsk_renderer_render_texture (gtk_native_get_renderer (GTK_NATIVE (widget)), node, NULL);
  return g_strdup (gdk_texture_save_to_png (texture, file) ? "ok" : "no");
}

/* A button with a picture only has to have a tooltip, from which GTK takes its name. */
static void
find_unnamed (GtkWidget *widget, GString *out)
{
  if (!is_seen (widget))
    return;
  if (GTK_IS_BUTTON (widget) && gtk_button_get_icon_name (GTK_BUTTON (widget)) &&
      gtk_widget_get_tooltip_text (widget) == NULL &&
      !gtk_widget_get_ancestor (widget, g_type_from_name ("AdwBackButton")))
    g_string_append_printf (out, " %s", gtk_button_get_icon_name (GTK_BUTTON (widget)));
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
       child = gtk_widget_get_next_sibling (child))
    find_unnamed (child, out);
}

static char *
unnamed (const char *argument)
{
  g_autoptr (GString) out = g_string_new ("ok");

  find_unnamed (window (), out);
  return g_strdup (out->str);
}

static gboolean
has_drop_target (GtkWidget *widget, const char *text)
{
  g_autoptr (GListModel) controllers = gtk_widget_observe_controllers (widget);

  if (!GTK_IS_LIST_BOX_ROW (widget) || !find (widget, says, text))
    return FALSE;
  for (guint i = 0; i < g_list_model_get_n_items (controllers); i++) {
    g_autoptr (GObject) controller = g_list_model_get_item (controllers, i);

    if (GTK_IS_DROP_TARGET (controller))
      return TRUE;
  }
  return FALSE;
}

static char *
drop (const char *argument)
{
  const char *equals = strchr (argument, '=');
  g_autofree char *name = g_strndup (argument, (gsize)(equals - argument));
  GtkWidget *row = find (window (), has_drop_target, name);
  g_autoptr (GListModel) controllers = row ? gtk_widget_observe_controllers (row) : NULL;
  g_autoptr (GFile) file = g_file_new_for_path (equals + 1);
  GdkFileList *list = gdk_file_list_new_from_array (&file, 1);
  GValue dropped = G_VALUE_INIT;
  gboolean taken = FALSE;

  g_value_init (&dropped, GDK_TYPE_FILE_LIST);
  g_value_take_boxed (&dropped, list);
  for (guint i = 0; controllers && i < g_list_model_get_n_items (controllers); i++) {
    g_autoptr (GObject) controller = g_list_model_get_item (controllers, i);

    if (GTK_IS_DROP_TARGET (controller))
      g_signal_emit_by_name (controller, "drop", &dropped, 1.0, 1.0, &taken);
  }
  g_value_unset (&dropped);
  return g_strdup (taken ? "ok" : "no");
}

static const struct {
  const char *name;
  char *(*run) (const char *argument);
} commands[] = {
  { "tree", tree },     { "has", has },         { "click", click },   { "type", type },
  { "search", search }, { "value", value },     { "choose", choose }, { "size", size },
  { "shot", shot },     { "unnamed", unnamed }, { "drop", drop },
};

static char *
obey (const char *line)
{
  const char *space = strchr (line, ' ');
  g_autofree char *name = space ? g_strndup (line, (gsize)(space - line)) : g_strdup (line);

  if (window () == NULL)
    return g_strdup ("no: there is no window");
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (commands[i].name, name))
      return commands[i].run (space ? space + 1 : "");
  return g_strdup ("no: there is no such command");
}

static void
on_line (GObject *source, GAsyncResult *result, gpointer data)
{
  GDataInputStream *input = G_DATA_INPUT_STREAM (source);
  GSocketConnection *connection = G_SOCKET_CONNECTION (data);
  g_autofree char *line = g_data_input_stream_read_line_finish_utf8 (input, result, NULL, NULL);
  g_autofree char *answer = line ? obey (line) : NULL;
  g_autofree char *reply = answer ? g_strconcat (answer, "\n", NULL) : NULL;

  if (reply == NULL || !g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)),
                                                   reply, strlen (reply), NULL, NULL, NULL)) {
    g_object_unref (connection);
    return;
  }
  g_data_input_stream_read_line_async (input, G_PRIORITY_LOW, NULL, on_line, connection);
}

static gboolean
on_incoming (GSocketService *service, GSocketConnection *connection, GObject *source, gpointer data)
{
  GDataInputStream *input = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (connection)));

  g_data_input_stream_read_line_async (input, G_PRIORITY_LOW, NULL, on_line, g_object_ref (connection));
  g_object_unref (input);
  return TRUE;
}

/* Before main(), which takes over the default main context with what is here. */
__attribute__ ((constructor)) static void
begin (void)
{
  const char *path = g_getenv ("BOTHY_APP_DRIVER");
  g_autoptr (GSocketAddress) address = NULL;
  GSocketService *service;

  if (path == NULL || !g_str_equal (program_invocation_short_name, "bothy-app"))
    return;
  /* One who ended may have left it. */
  unlink (path);
  address = g_unix_socket_address_new (path);
  service = g_socket_service_new ();
  g_signal_connect (service, "incoming", G_CALLBACK (on_incoming), NULL);
  if (!g_socket_listener_add_address (G_SOCKET_LISTENER (service), address, G_SOCKET_TYPE_STREAM,
                                      G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, NULL))
    g_printerr ("driver: can not listen at %s\n", path);
  g_unsetenv ("LD_PRELOAD");
  g_unsetenv ("BOTHY_APP_DRIVER");
}
