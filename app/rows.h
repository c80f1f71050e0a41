/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/* The rows of a group that show an array, made anew when it has become another. */

typedef struct AppRows AppRows;

/** AppRowsMake: Returns: (floating): the row for one element of the array */
typedef GtkWidget *(*AppRowsMake) (GVariant *item, gpointer data);

/** app_rows_new: Returns: (transfer full): no rows yet; those to come are appended to @group, which has to stay */
AppRows *app_rows_new (AdwPreferencesGroup *group, AppRowsMake make, gpointer data);

/** app_rows_free: forgets the rows, which go with their group */
void app_rows_free (AppRows *rows);

/** app_rows_set: shows the elements of @array, none if it is NULL; does nothing if these are there */
void app_rows_set (AppRows *rows, GVariant *array);

/** app_rows_forget: makes the rows anew at the next app_rows_set(), whatever that gets */
void app_rows_forget (AppRows *rows);

/** app_rows_button: Returns: (floating): a flat button for the end of a row; @label is its tooltip and what is read out */
GtkWidget *app_rows_button (const char *icon, const char *label);

/** app_rows_link: Returns: (floating): a row that leads to a page, for which it is activated */
GtkWidget *app_rows_link (const char *title, GCallback activated, gpointer data);

/** app_rows_none: Returns: (transfer none): a row of @group that says why there are no others, and is not shown yet */
AdwActionRow *app_rows_none (AdwPreferencesGroup *group);

/** app_rows_page: gives @page a title, a header, with @button in it unless that is NULL, and a body. Returns: (transfer none): the body, to which groups are added */
AdwPreferencesPage *app_rows_page (AdwNavigationPage *page, const char *title, GtkWidget *button);

/** app_rows_group: Returns: (transfer none): a new group at the end of @body; @title and @description may be NULL */
AdwPreferencesGroup *app_rows_group (AdwPreferencesPage *body, const char *title, const char *description);

G_END_DECLS
