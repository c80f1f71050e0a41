/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/place.h"

#include "base/error.h"
#include "base/ids.h"

#include <stdio.h>
#include <string.h>

#define MAX_NAME 63

BothyPlace *
bothy_place_copy (const BothyPlace *self)
{
  BothyPlace *copy = g_memdup2 (self, sizeof *self);

  copy->name = g_strdup (self->name);
  return copy;
}

void
bothy_place_free (BothyPlace *self)
{
  g_free (self->name);
  g_free (self);
}

static const char *const kinds[] = {
  [HELPER_ADOPTABLE_LXC] = "lxc", [HELPER_ADOPTABLE_NSPAWN] = "nspawn", [HELPER_ADOPTABLE_INCUS] = "incus"
};

static gboolean
parse_kind (const char *text, enum helper_adoptable_kind *ret_kind)
{
  for (guint kind = HELPER_ADOPTABLE_LXC; kind < G_N_ELEMENTS (kinds); kind++) {
    if (g_str_equal (kinds[kind], text)) {
      *ret_kind = (enum helper_adoptable_kind)kind;
      return TRUE;
    }
  }
  return FALSE;
}

char *
bothy_place_describe (const BothyPlace *self)
{
  return g_strdup_printf ("%s:%s", kinds[self->kind], self->name);
}

/* ---- written down ---- */

static void
set_extents (
    GKeyFile *record, const char *group, const char *key, const struct helper_extent *extents, guint n)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) texts = NULL;

  for (guint i = 0; i < n; i++) {
    g_autofree char *text =
        g_strdup_printf ("%u %u %u", extents[i].inside, extents[i].outside, extents[i].count);

    g_strv_builder_add (builder, text);
  }
  texts = g_strv_builder_end (builder);
  g_key_file_set_string_list (record, group, key, (const char *const *)texts, n);
}

void
bothy_place_to_record (const BothyPlace *self, GKeyFile *record, const char *group)
{
  g_key_file_set_string (record, group, "PlaceKind", kinds[self->kind]);
  g_key_file_set_string (record, group, "PlaceName", self->name);
  set_extents (record, group, "PlaceUids", self->uids, self->n_uids);
  set_extents (record, group, "PlaceGids", self->gids, self->n_gids);
}

static gboolean
get_extents (
    GKeyFile *record, const char *group, const char *key, struct helper_extent *extents, guint *ret_n)
{
  g_auto (GStrv) texts = g_key_file_get_string_list (record, group, key, NULL, NULL);

  for (char **text = texts; text && *text; text++) {
    struct helper_extent *e = &extents[*ret_n];
    char rest;

    if (*ret_n == HELPER_MAX_EXTENTS ||
        sscanf (*text, "%u %u %u%c", &e->inside, &e->outside, &e->count, &rest) != 3 ||
        (guint64)e->inside + e->count > BOTHY_RANGE_SIZE)
      return FALSE;
    ++*ret_n;
  }
  return *ret_n > 0;
}

BothyPlace *
bothy_place_from_record (GKeyFile *record, const char *group, GError **error)
{
  g_autoptr (BothyPlace) self = g_new0 (BothyPlace, 1);
  g_autofree char *kind = g_key_file_get_string (record, group, "PlaceKind", NULL);

  if (!kind)
    return NULL;
  self->name = g_key_file_get_string (record, group, "PlaceName", NULL);
  if (parse_kind (kind, &self->kind) && self->name && strlen (self->name) <= MAX_NAME &&
      get_extents (record, group, "PlaceUids", self->uids, &self->n_uids) &&
      get_extents (record, group, "PlaceGids", self->gids, &self->n_gids))
    return g_steal_pointer (&self);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "Where its files are makes no sense");
  return NULL;
}

/* ---- the label ---- */

static struct helper_request
request_for (const BothyPlace *self, const char *id, enum helper_op op)
{
  struct helper_request request = { .op = op, .adoptable = { .kind = self->kind } };

  g_strlcpy (request.adoptable.name, self->name, sizeof request.adoptable.name);
  g_strlcpy (request.adoptable.label, id, sizeof request.adoptable.label);
  return request;
}

static void
on_labelled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (GUnixFDList) fds =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);

  if (!fds) {
    g_prefix_error (&error, "%s: ", (const char *)g_task_get_task_data (task));
    g_task_return_error (task, error);
  } else
    g_task_return_boolean (task, TRUE);
}

void
bothy_place_label (BothyHelperClient *helper,
                   const BothyPlace *self,
                   const char *id,
                   BothyPlaceLabelling labelling,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  struct helper_request request = request_for (self, id, HELPER_LABEL);
  GTask *task = g_task_new (NULL, NULL, callback, user_data);

  request.adoptable.take = (guint32)labelling;
  g_task_set_task_data (task, bothy_place_describe (self), g_free);
  bothy_helper_client_call (helper, &request, NULL, on_labelled, task);
}

gboolean
bothy_place_label_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- as a layer ---- */

typedef struct {
  BothyPlace *place;
  char *id;
} Mounting;

static void
mounting_free (gpointer data)
{
  Mounting *mounting = data;

  bothy_place_free (mounting->place);
  g_free (mounting->id);
  g_free (mounting);
}

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Mounting *mounting = g_task_get_task_data (task);
  g_autofree char *place = bothy_place_describe (mounting->place);
  GError *error = NULL;
  GUnixFDList *fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);

  if (fds) {
    g_task_return_pointer (task, fds, g_object_unref);
    return;
  }
  g_prefix_error (&error, "Its files are those of %s: ", place);
  g_task_return_error (task, error);
}

static void
on_namespace (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Mounting *mounting = g_task_get_task_data (task);
  const struct helper_request request = request_for (mounting->place, mounting->id, HELPER_TREE_LAYER);
  GError *error = NULL;
  g_autoptr (GUnixFDList) userns =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);

  if (userns)
    bothy_helper_client_call (BOTHY_HELPER_CLIENT (source), &request, userns, on_mounted,
                              g_object_ref (task));
  else
    g_task_return_error (task, error);
}

static guint32
fill_extents (const struct helper_extent *from, guint n, guint32 base, struct helper_extent *to)
{
  for (guint i = 0; i < n; i++)
    to[i] = (struct helper_extent){ from[i].outside, base + from[i].inside, from[i].count };
  return n;
}

void
bothy_place_mount (BothyHelperClient *helper,
                   const BothyPlace *self,
                   const char *id,
                   guint32 base,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  struct helper_request request = { .op = HELPER_USERNS, .owner = base };
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  Mounting *mounting = g_new0 (Mounting, 1);

  mounting->place = bothy_place_copy (self);
  mounting->id = g_strdup (id);
  g_task_set_task_data (task, mounting, mounting_free);
  request.n_extents = fill_extents (self->uids, self->n_uids, base, request.extents);
  request.n_gid_extents = fill_extents (self->gids, self->n_gids, base, request.gid_extents);
  bothy_helper_client_call (helper, &request, NULL, on_namespace, task);
}

GUnixFDList *
bothy_place_mount_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
