/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What there is to adopt: one step after the other, none of which changes anything. */
#include "core/adopt/survey.h"

#include "base/error.h"
#include "base/fd.h"
#include "core/accounts/nss.h"
#include "core/adopt/keys.h"
#include "core/adopt/running.h"
#include "core/adopt/tree.h"
#include "platform/untrusted-fd.h"

#include <errno.h>
#include <string.h>

#define READ_SECONDS 60
#define WALK_SECONDS (6 * 3600)
#define LXC          "/var/lib/lxc"

static const enum helper_adoptable_kind helper_kinds[] = { [BOTHY_ADOPT_LXC] = HELPER_ADOPTABLE_LXC,
                                                           [BOTHY_ADOPT_NSPAWN] = HELPER_ADOPTABLE_NSPAWN,
                                                           [BOTHY_ADOPT_INCUS] = HELPER_ADOPTABLE_INCUS };

typedef struct {
  BothyHelperClient *helper;
  BothyAdoptSource *source;
  BothyAdoptSurvey *survey;
  gboolean by_name; /* it is root's */
} Look;

void
bothy_adopt_source_free (BothyAdoptSource *self)
{
  g_clear_object (&self->fds);
  g_free (self->source);
  g_free (self->name);
  g_free (self);
}

BothyAdoptSource *
bothy_adopt_source_copy (const BothyAdoptSource *self)
{
  BothyAdoptSource *copy = g_new0 (BothyAdoptSource, 1);

  *copy = *self;
  copy->source = g_strdup (self->source);
  copy->name = g_strdup (self->name);
  copy->fds = self->fds ? g_object_ref (self->fds) : NULL;
  return copy;
}

void
bothy_adopt_survey_free (BothyAdoptSurvey *self)
{
  g_clear_pointer (&self->plan, bothy_adopt_plan_free);
  g_clear_object (&self->mounts);
  g_clear_pointer (&self->unpacked, bothy_unpacked_free);
  g_clear_pointer (&self->counts, g_hash_table_unref);
  g_strfreev (self->foreign);
  g_free (self->others);
  g_free (self);
}

static void
look_free (Look *look)
{
  g_clear_pointer (&look->survey, bothy_adopt_survey_free);
  bothy_adopt_source_free (look->source);
  g_object_unref (look->helper);
  g_free (look);
}

/* ---- what is in the tree ---- */

guint64
bothy_adopt_survey_count (const BothyAdoptSurvey *self, const char *key)
{
  const char *text = g_hash_table_lookup (self->counts, key);

  return text ? g_ascii_strtoull (text, NULL, 10) : 0;
}

gboolean
bothy_adopt_survey_check (const BothyAdoptSurvey *self, GError **error)
{
  guint64 n = bothy_adopt_survey_count (self, "foreign");
  g_autofree char *paths = g_strjoinv (", ", self->foreign);
  g_autofree char *map = NULL;

  if (n == 0)
    return TRUE;
  map = bothy_adopt_map_describe (&self->plan->map);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
               "%" G_GUINT64_FORMAT
               " of its files have, or name, ids that are none of the container's (its %s): "
               "%s%s; give them to one of its own first",
               n, map, paths, n > g_strv_length (self->foreign) ? ", …" : "");
  return FALSE;
}

gboolean
bothy_adopt_survey_check_in_place (const BothyAdoptSurvey *self, GError **error)
{
  if (!self->others)
    return bothy_adopt_survey_check (self, error);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
               "%s: who has them could change its files, which are to stay as they are; adopt a copy",
               self->others);
  return FALSE;
}

BothyPlace *
bothy_adopt_survey_get_place (const BothyAdoptSurvey *self, const BothyAdoptSource *source)
{
  const BothyAdoptMap *map = &self->plan->map;
  BothyPlace *place = g_new0 (BothyPlace, 1);

  place->kind = helper_kinds[source->kind];
  place->name = g_strdup (source->source);
  place->n_uids = map->n_uids;
  place->n_gids = map->n_gids;
  memcpy (place->uids, map->uids, sizeof place->uids);
  memcpy (place->gids, map->gids, sizeof place->gids);
  return place;
}

static void
take_counts (BothyAdoptSurvey *survey)
{
  g_auto (GStrv) lines = g_strsplit (survey->unpacked->metadata, "\n", -1);
  g_autoptr (GStrvBuilder) foreign = g_strv_builder_new ();

  survey->counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (char **line = lines; *line; line++) {
    char *equals = strchr (*line, '=');

    if (!equals)
      continue;
    *equals = '\0';
    if (g_str_equal (*line, "foreign.path"))
      g_strv_builder_add (foreign, equals + 1);
    else
      g_hash_table_replace (survey->counts, g_strdup (*line), g_strdup (equals + 1));
  }
  survey->foreign = g_strv_builder_end (foreign);
}

static void
on_walked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Look *look = g_task_get_task_data (task);
  GError *error = NULL;

  look->survey->unpacked = bothy_unpack_finish (result, &error);
  if (!look->survey->unpacked) {
    g_prefix_error (&error, "Its tree: ");
    g_task_return_error (task, error);
    return;
  }
  take_counts (look->survey);
  g_task_return_pointer (task, g_steal_pointer (&look->survey), (GDestroyNotify)bothy_adopt_survey_free);
}

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  const struct unpack_request request = {
    .mode = UNPACK_SURVEY, .max_bytes = G_MAXUINT64, .max_inodes = G_MAXUINT64, .max_seconds = WALK_SECONDS
  };
  g_autoptr (GTask) task = user_data;
  Look *look = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) sources = NULL;
  GError *error = NULL;
  const int *fds;

  look->survey->mounts = bothy_adopt_tree_mount_finish (result, &error);
  if (look->survey->mounts) {
    fds = g_unix_fd_list_peek_fds (look->survey->mounts, NULL);
    sources = bothy_unpack_sources (fds[0], fds[1], &error);
  }
  if (sources)
    bothy_unpack (look->helper, look->source->user, &request, -1, sources, NULL, NULL,
                  g_task_get_cancellable (task), on_walked, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

/* ---- who has it ---- */

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Look *look = g_task_get_task_data (task);
  GError *error = NULL;

  if (bothy_adopt_check_stopped_finish (result, &error))
    bothy_adopt_tree_mount (look->helper, look->source->user, look->source->fds, &look->survey->plan->map,
                            on_mounted, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

static void
check_stopped (GTask *task)
{
  const Look *look = g_task_get_task_data (task);

  bothy_adopt_check_stopped (look->source->kind, look->source->source, &look->survey->plan->map, on_stopped,
                             g_object_ref (task));
}

static void
on_ids_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_adopt_map_check_finish (result, &error))
    check_stopped (task);
  else
    g_task_return_error (task, error);
}

static void
check_whose (GTask *task)
{
  const Look *look = g_task_get_task_data (task);

  if (look->source->trusted)
    check_stopped (task);
  else
    bothy_adopt_map_check (&look->survey->plan->map, look->source->user, on_ids_checked, g_object_ref (task));
}

/* Found out for a plan to say, too. */
static void
on_roots_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;

  if (!bothy_adopt_map_check_roots_finish (result, &error))
    ((Look *)g_task_get_task_data (task))->survey->others = g_strdup (error->message);
  check_whose (task);
}

static void
check_ids (GTask *task)
{
  const Look *look = g_task_get_task_data (task);

  if (look->source->in_place)
    bothy_adopt_map_check_roots (&look->survey->plan->map, on_roots_checked, g_object_ref (task));
  else
    check_whose (task);
}

/* ---- what its configuration says ---- */

/* Whose a tree may be as a whole: who is trusted says so for whom he gives it to. */
static guint32
find_whose (const BothyAdoptSource *source)
{
  return source->trusted ? source->owner : source->user;
}

/* Where the configuration does not say which ids the files have, whose the tree's root is does. */
static gboolean
guess_map (const Look *look, guint32 gid, GError **error)
{
  BothyAdoptMap *map = &look->survey->plan->map;
  guint32 tree_uid, tree_gid;

  if (map->n_uids > 0 || map->n_gids > 0) {
    if (bothy_adopt_map_has_roots (map))
      return TRUE;
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Its map of ids (lxc.idmap) has no root, or is one of users or of groups only");
    return FALSE;
  }
  if (!bothy_untrusted_fd_owner (g_unix_fd_list_peek_fds (look->source->fds, NULL)[0], &tree_uid,
                                 &tree_gid)) {
    bothy_error_set_errno (error, errno, "Looking whose its tree is");
    return FALSE;
  }
  return bothy_adopt_map_guess (map, tree_uid, tree_gid, find_whose (look->source), gid, error);
}

static void
on_account (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (BothyAccount) account = bothy_account_look_up_finish (result);
  GError *error = NULL;

  if (guess_map (g_task_get_task_data (task), account->gid, &error))
    check_ids (task);
  else
    g_task_return_error (task, error);
}

/* Root's is opened where LXC has it if nothing is said. */
static gboolean
check_tree (const Look *look, GError **error)
{
  const char *said = look->survey->plan->tree;
  g_autofree char *usual = g_build_filename (LXC, look->source->source, "rootfs", NULL);
  g_autofree char *shown = NULL;

  if (!look->by_name || !said || g_str_equal (said, usual))
    return TRUE;
  shown = bothy_adopt_shorten (said);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Its tree is elsewhere, %s; adopt it as root (\"sudo bothy adopt\"), who can open that",
               shown);
  return FALSE;
}

/* CONFIGURATION: lines, or NULL: there is none. */
static void
make_plan (GTask *task, const char *configuration)
{
  static const char *const no_groups[] = { NULL };
  Look *look = g_task_get_task_data (task);
  const BothyAdoptSource *source = look->source;
  GError *error = NULL;

  look->survey->plan = bothy_adopt_read_configuration (source->kind, source->name, configuration, &error);
  if (look->survey->plan && check_tree (look, &error))
    bothy_account_look_up (find_whose (source), no_groups, on_account, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

static void
on_configuration (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (BothyUnpacked) read = bothy_unpack_finish (result, &error);

  if (read)
    make_plan (task, read->metadata);
  else
    g_task_return_error (task, error);
}

static guint32
form_of (BothyAdoptKind kind)
{
  if (kind == BOTHY_ADOPT_INCUS)
    return UNPACK_IS_BACKUP;
  return kind == BOTHY_ADOPT_NSPAWN ? UNPACK_HAS_SECTIONS : 0;
}

static void
read_configuration (GTask *task)
{
  const Look *look = g_task_get_task_data (task);
  const struct unpack_request request = {
    .mode = UNPACK_CONFIGURATION,
    .flags = form_of (look->source->kind),
    .max_seconds = READ_SECONDS,
  };
  g_autoptr (GUnixFDList) sources = NULL;
  GError *error = NULL;
  int n;
  const int *fds = g_unix_fd_list_peek_fds (look->source->fds, &n);

  if (n < 2) {
    make_plan (task, NULL);
    return;
  }
  sources = bothy_unpack_sources (fds[1], -1, &error);
  if (sources)
    bothy_unpack (look->helper, look->source->user, &request, -1, sources, NULL, NULL,
                  g_task_get_cancellable (task), on_configuration, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

/* ---- root's, by its name ---- */

static void
on_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  static const char *const tools[] = {
    [BOTHY_ADOPT_LXC] = "LXC", [BOTHY_ADOPT_NSPAWN] = "systemd-nspawn", [BOTHY_ADOPT_INCUS] = "Incus or LXD"
  };
  Look *look = g_task_get_task_data (task);
  GError *error = NULL;

  look->source->fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!look->source->fds) {
    g_prefix_error (&error, "Root's container %s of %s: ", look->source->source, tools[look->source->kind]);
    g_task_return_error (task, error);
    return;
  }
  read_configuration (task);
}

static void
open_by_name (GTask *task)
{
  const Look *look = g_task_get_task_data (task);
  struct helper_request request = { .op = HELPER_ADOPTABLE };

  request.adoptable.kind = helper_kinds[look->source->kind];
  g_strlcpy (request.adoptable.name, look->source->source, sizeof request.adoptable.name);
  bothy_helper_client_call (look->helper, &request, NULL, on_opened, g_object_ref (task));
}

void
bothy_adopt_look (BothyHelperClient *helper,
                  const BothyAdoptSource *source,
                  GCancellable *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Look *look = g_new0 (Look, 1);

  look->helper = g_object_ref (helper);
  look->source = bothy_adopt_source_copy (source);
  look->survey = g_new0 (BothyAdoptSurvey, 1);
  look->by_name = !source->fds;
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, look, (GDestroyNotify)look_free);
  if (source->fds)
    read_configuration (task);
  else
    open_by_name (task);
}

BothyAdoptSurvey *
bothy_adopt_look_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
