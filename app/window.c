/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "window.h"

#include <glib/gi18n.h>

#include "container/container-page.h"
#include "container/folders-page.h"
#include "container/log-page.h"
#include "create/create-dialog.h"
#include "doctor/doctor-page.h"
#include "images/images-page.h"
#include "list/container-row.h"
#include "list/work-row.h"
#include "report.h"
#include "users/users-page.h"
#include "volumes/volumes-page.h"
#include "words.h"

struct _AppWindow {
  AdwApplicationWindow parent_instance;

  AppClient *client;
  AppWorks *works;
  AppObject *shown; /* the container whose page is there, or NULL */
  char *shown_id;   /* its Id, by which it is found again when it gets another name */

  AdwToastOverlay *overlay;
  AdwNavigationSplitView *split;
  AdwNavigationView *pages;
  AdwNavigationPage *first;
  GtkListBox *works_list;
  GtkListBox *containers_list;
  GtkListBox *places_list;
  GtkStack *welcome;
  AdwStatusPage *failed;
};

G_DEFINE_FINAL_TYPE (AppWindow, app_window, ADW_TYPE_APPLICATION_WINDOW)

static int
compare_names (gconstpointer a, gconstpointer b, gpointer data)
{
  AppObject *first = APP_OBJECT ((gpointer)a), *second = APP_OBJECT ((gpointer)b);

  return g_utf8_collate (app_object_text (first, "Name"), app_object_text (second, "Name"));
}

static GtkWidget *
make_container_row (gpointer item, gpointer data)
{
  return app_container_row_new (APP_OBJECT (item));
}

static GtkWidget *
make_work_row (gpointer item, gpointer data)
{
  return app_work_row_new (APP_WINDOW (data)->works, APP_WORK (item));
}

/* Shows which row the page on the other side belongs to. */
static void
select_shown (AppWindow *self)
{
  GtkListBoxRow *row;

  for (int i = 0; (row = gtk_list_box_get_row_at_index (self->containers_list, i)); i++)
    if (app_container_row_get_container (APP_CONTAINER_ROW (row)) == self->shown) {
      gtk_list_box_select_row (self->containers_list, row);
      return;
    }
  gtk_list_box_unselect_all (self->containers_list);
}

static void
show_page (AppWindow *self, AdwNavigationPage *page, AppObject *container)
{
  adw_navigation_view_replace (self->pages, &page, 1);
  g_set_object (&self->shown, container);
  g_free (self->shown_id);
  self->shown_id = container ? g_strdup (app_object_text (container, "Id")) : NULL;
  gtk_list_box_unselect_all (self->places_list);
  select_shown (self);
}

static void
show_content (AppWindow *self)
{
  adw_navigation_split_view_set_show_content (self->split, TRUE);
}

static void
pop_to_root (AppWindow *self)
{
  g_autoptr (GListModel) stack = adw_navigation_view_get_navigation_stack (self->pages);
  g_autoptr (AdwNavigationPage) root = g_list_model_get_item (stack, 0);

  adw_navigation_view_pop_to_page (self->pages, root);
}

static void
show_container (AppWindow *self, AppObject *container)
{
  if (self->shown != container)
    show_page (self, app_container_page_new (self->client, container), container);
  else
    pop_to_root (self);
  show_content (self);
}

/* There is always something to see: the containers, or how to come to one, or why there is nothing. */
static void
update (AppWindow *self)
{
  GListModel *containers = app_client_get_containers (self->client);
  const GError *error = app_client_get_error (self->client);
  gboolean empty = g_list_model_get_n_items (containers) == 0;
  AppObject *again;

  if (self->shown && app_object_is_gone (self->shown)) {
    again = app_client_find (containers, "Id", self->shown_id);
    if (again)
      show_page (self, app_container_page_new (self->client, again), again);
    else
      show_page (self, self->first, NULL);
    if (again == NULL)
      adw_navigation_split_view_set_show_content (self->split, FALSE);
  }
  switch (app_client_get_state (self->client)) {
  case APP_CLIENT_LOADING:
    gtk_stack_set_visible_child_name (self->welcome, "loading");
    break;
  case APP_CLIENT_FAILED:
    adw_status_page_set_description (self->failed, app_words_for_error (error));
    gtk_stack_set_visible_child_name (self->welcome, "failed");
    break;
  case APP_CLIENT_READY:
  default:
    gtk_stack_set_visible_child_name (self->welcome, empty ? "empty" : "choose");
  }
  select_shown (self);
}

/* With nothing chosen yet and room for both sides, the first one is shown. */
static void
show_first (AppWindow *self)
{
  GtkListBoxRow *row = gtk_list_box_get_row_at_index (self->containers_list, 0);
  AppObject *container;

  if (row == NULL || self->shown || adw_navigation_view_get_visible_page (self->pages) != self->first)
    return;
  container = app_container_row_get_container (APP_CONTAINER_ROW (row));
  show_page (self, app_container_page_new (self->client, container), container);
}

/* A container that gets another name goes away and comes again, in the same breath. */
static gboolean
update_soon (gpointer data)
{
  AppWindow *self = APP_WINDOW (data);

  if (self->client) {
    update (self);
    show_first (self);
  }
  return G_SOURCE_REMOVE;
}

static void
on_containers_changed (AppWindow *self)
{
  g_idle_add_full (G_PRIORITY_DEFAULT_IDLE, update_soon, g_object_ref (self), g_object_unref);
}

static void
on_client_changed (AppWindow *self)
{
  update (self);
  show_first (self);
}

static void
on_container_activated (AppWindow *self, GtkListBoxRow *row)
{
  show_container (self, app_container_row_get_container (APP_CONTAINER_ROW (row)));
}

static void
on_place_activated (AppWindow *self, GtkListBoxRow *row)
{
  app_window_show (self, gtk_widget_get_name (GTK_WIDGET (row)), NULL);
}

static void
on_try_again (AppWindow *self)
{
  app_client_wake (self->client);
}

static void
show_of_container (AppWindow *self, const char *what, AppObject *container)
{
  if (container == NULL) {
    app_report_say (GTK_WIDGET (self->pages), app_words_for_name ("NoSuchContainer"));
    return;
  }
  show_container (self, container);
  if (g_str_equal (what, "log"))
    adw_navigation_view_push (self->pages, app_log_page_new (container));
  else if (g_str_equal (what, "folders"))
    adw_navigation_view_push (self->pages, app_folders_page_new (self->client, container));
}

static void
show_place (AppWindow *self, int index, AdwNavigationPage *page)
{
  show_page (self, page, NULL);
  gtk_list_box_select_row (self->places_list, gtk_list_box_get_row_at_index (self->places_list, index));
  show_content (self);
}

/* Nothing that everybody needs: it is in the menu only. */
static void
show_users (AppWindow *self)
{
  show_page (self, app_users_page_new (self->client), NULL);
  show_content (self);
}

void
app_window_show (AppWindow *self, const char *what, AppObject *container)
{
  if (g_str_equal (what, "new"))
    adw_dialog_present (app_create_dialog_new (self->client, self->works, NULL), GTK_WIDGET (self));
  else if (g_str_equal (what, "images"))
    show_place (self, 0, app_images_page_new (self->client, self->works));
  else if (g_str_equal (what, "doctor"))
    show_place (self, 2, app_doctor_page_new (self->client));
  else if (g_str_equal (what, "volumes"))
    show_place (self, 1, app_volumes_page_new (self->client));
  else if (g_str_equal (what, "users"))
    show_users (self);
  else if (g_str_equal (what, "list"))
    adw_navigation_split_view_set_show_content (self->split, FALSE);
  else
    show_of_container (self, what, container);
}

/* Whether nothing is on the screen that somebody might be at: the welcome, or the list on a narrow screen. */
static gboolean
is_idle (AppWindow *self)
{
  if (adw_application_window_get_visible_dialog (ADW_APPLICATION_WINDOW (self)))
    return FALSE;
  return adw_navigation_view_get_visible_page (self->pages) == self->first ||
         (adw_navigation_split_view_get_collapsed (self->split) &&
          !adw_navigation_split_view_get_show_content (self->split));
}

void
app_window_tell_made (AppWindow *self, AppObject *container)
{
  g_autofree char *title = g_strdup_printf (_ ("“%s” is ready"), app_object_text (container, "Name"));
  AdwToast *toast;

  if (is_idle (self)) {
    app_window_show (self, "details", container);
    return;
  }
  /* It came into view by itself, as the only one that there is. */
  if (self->shown == container)
    return;
  toast = g_object_new (ADW_TYPE_TOAST, "use-markup", FALSE, "title", title, NULL);
  adw_toast_set_button_label (toast, _ ("Show"));
  adw_toast_set_action_name (toast, "app.details");
  adw_toast_set_action_target (toast, "s", app_object_path (container));
  adw_toast_overlay_add_toast (self->overlay, toast);
}

AdwToastOverlay *
app_window_get_overlay (AppWindow *self)
{
  return self->overlay;
}

static void
follow (AppWindow *self)
{
  GtkSorter *sorter = GTK_SORTER (gtk_custom_sorter_new (compare_names, NULL, NULL));
  GListModel *containers = app_client_get_containers (self->client);
  g_autoptr (GtkSortListModel) sorted = gtk_sort_list_model_new (g_object_ref (containers), sorter);

  gtk_list_box_bind_model (self->containers_list, G_LIST_MODEL (sorted), make_container_row, self, NULL);
  gtk_list_box_bind_model (self->works_list, app_works_get_list (self->works), make_work_row, self, NULL);
  g_object_bind_property (app_works_get_list (self->works), "n-items", self->works_list, "visible",
                          G_BINDING_SYNC_CREATE);
  g_signal_connect_object (sorted, "items-changed", G_CALLBACK (on_containers_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->client, "changed", G_CALLBACK (on_client_changed), self, G_CONNECT_SWAPPED);
  on_client_changed (self);
}

GtkWidget *
app_window_new (GtkApplication *application, AppClient *client, AppWorks *works)
{
  AppWindow *self = g_object_new (APP_TYPE_WINDOW, "application", application, NULL);

  self->client = g_object_ref (client);
  self->works = g_object_ref (works);
  self->first = g_object_ref (adw_navigation_view_get_visible_page (self->pages));
  follow (self);
  return GTK_WIDGET (self);
}

static void
app_window_dispose (GObject *object)
{
  AppWindow *self = APP_WINDOW (object);

  g_clear_object (&self->shown);
  g_clear_pointer (&self->shown_id, g_free);
  g_clear_object (&self->first);
  g_clear_object (&self->works);
  g_clear_object (&self->client);
  gtk_widget_dispose_template (GTK_WIDGET (self), APP_TYPE_WINDOW);
  G_OBJECT_CLASS (app_window_parent_class)->dispose (object);
}

static void
app_window_class_init (AppWindowClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = app_window_dispose;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/bothy/Bothy/window.ui");
  gtk_widget_class_bind_template_child (widget_class, AppWindow, overlay);
  gtk_widget_class_bind_template_child (widget_class, AppWindow, split);
  gtk_widget_class_bind_template_child (widget_class, AppWindow, pages);
  gtk_widget_class_bind_template_child (widget_class, AppWindow, works_list);
  gtk_widget_class_bind_template_child (widget_class, AppWindow, containers_list);
  gtk_widget_class_bind_template_child (widget_class, AppWindow, places_list);
  gtk_widget_class_bind_template_child (widget_class, AppWindow, welcome);
  gtk_widget_class_bind_template_child (widget_class, AppWindow, failed);
  gtk_widget_class_bind_template_callback (widget_class, on_container_activated);
  gtk_widget_class_bind_template_callback (widget_class, on_place_activated);
  gtk_widget_class_bind_template_callback (widget_class, on_try_again);
}

static void
app_window_init (AppWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
