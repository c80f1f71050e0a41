/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/adopt.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/images/expiry.h"
#include "core/images/import-place.h"
#include "core/images/import-tree.h"
#include "core/registry/create.h"
#include "core/registry/set-autostart.h"
#include "platform/untrusted-fd.h"

#define NOT_YET "0000000000000000000000000000000000000000000000000000000000000000"

typedef struct {
  BothyAdoptSource *source;
  BothyContainerNetwork *network; /* in place of what the plan says; or NULL */
  BothyContainerSpec *spec;       /* what the plan says; NULL: it is not known yet, or handed on */
  BothyAutostart autostart;       /* what it says of that, which is set at the end */
  BothyAdoptSurvey *survey;
  BothyImage *image; /* in use as long as this is */
  BothyAdoptProgress progress;
  BothyAdoptWarning warning;
  gpointer watch_data;
} Adoption;

static void
adoption_free (Adoption *adoption)
{
  bothy_autostart_clear (&adoption->autostart);
  g_clear_pointer (&adoption->spec, bothy_container_spec_free);
  g_clear_pointer (&adoption->network, bothy_container_network_free);
  g_clear_pointer (&adoption->survey, bothy_adopt_survey_free);
  g_clear_object (&adoption->image);
  bothy_adopt_source_free (adoption->source);
  g_free (adoption);
}

/* ---- what stands on files that are elsewhere ---- */

BothyContainer *
bothy_registry_find_in_place (BothyRegistry *self, BothyAdoptKind kind, const char *source)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));
  BothyImageStore *images = bothy_registry_get_images (self);
  g_autofree char *wanted = g_strdup_printf ("%s:%s", bothy_adopt_kind_name (kind), source);

  for (GList *l = containers; l; l = l->next) {
    const BothyImage *image = bothy_image_store_lookup (images, BOTHY_CONTAINER (l->data)->spec->image);
    const BothyPlace *place = image ? bothy_image_store_get_place (images, image) : NULL;
    g_autofree char *found = place ? bothy_place_describe (place) : NULL;

    if (g_strcmp0 (found, wanted) == 0)
      return l->data;
  }
  return NULL;
}

gboolean
bothy_registry_check_not_in_place (BothyRegistry *self, const BothyAdoptSource *source, GError **error)
{
  const BothyContainer *container =
      source->fds ? NULL : bothy_registry_find_in_place (self, source->kind, source->source);

  if (!container)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
               "%s:%s was adopted in place already: container %s stands on its files; \"bothy adopt --undo\" "
               "gives it back",
               bothy_adopt_kind_name (source->kind), source->source, container->spec->name);
  return FALSE;
}

/* ---- the container ---- */

/* One more that is started by itself may be one too many. */
static void
set_autostart (BothyRegistry *self, const Adoption *adoption, BothyContainer *container)
{
  const BothyAutostartChange change = { .values = adoption->autostart,
                                        .has_mode = TRUE,
                                        .has_delay = adoption->autostart.delay > 0 };
  g_autoptr (GError) error = NULL;

  if (adoption->autostart.mode == BOTHY_AUTOSTART_NO)
    return;
  if (!bothy_registry_check_autostarts (self, container, &change, &error) ||
      !bothy_registry_set_autostart (self, container, &change, &error)) {
    g_prefix_error (&error, "It is not started by itself: ");
    adoption->warning (error->message, adoption->watch_data);
  }
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = BOTHY_REGISTRY (source);
  const Adoption *adoption = g_task_get_task_data (task);
  GError *error = NULL;
  BothyContainer *container = bothy_registry_create_finish (self, result, &error);

  if (container)
    set_autostart (self, adoption, container);
  /* Without a container on it, it goes. */
  bothy_image_store_use (bothy_registry_get_images (self), adoption->image, -1);
  if (container)
    g_task_return_pointer (task, container, g_object_unref);
  else
    g_task_return_error (task, error);
}

/* ---- its files ---- */

/* IMAGE (taken over) has its files; or ERROR (taken over) says why there is none. */
static void
take_image (GTask *task, BothyImage *image, GError *error)
{
  BothyRegistry *self = g_task_get_source_object (task);
  BothyImageStore *images = bothy_registry_get_images (self);
  Adoption *adoption = g_task_get_task_data (task);

  adoption->image = image;
  if (!image) {
    g_task_return_error (task, error);
    return;
  }
  BOTHY_FAULT_POINT ("adopt.imported");
  bothy_image_store_use (images, image, 1);
  adoption->progress ("creating", -1, 0, adoption->watch_data);
  adoption->spec->image = (g_free (adoption->spec->image), g_strdup (adoption->image->fingerprint));
  bothy_registry_create (self, adoption->source->owner, g_steal_pointer (&adoption->spec), on_created,
                         g_object_ref (task));
}

static void
on_imported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  BothyImage *image = bothy_image_store_import_tree_finish (BOTHY_IMAGE_STORE (source), result, &error);

  take_image (task, image, error);
}

static void
on_placed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  BothyImage *image = bothy_image_store_import_place_finish (BOTHY_IMAGE_STORE (source), result, &error);

  take_image (task, image, error);
}

static void
on_progress (guint64 bytes_in, guint64 bytes_out, gpointer user_data)
{
  const Adoption *adoption = user_data;
  guint64 total = MAX (adoption->survey->unpacked->bytes, 1);

  adoption->progress ("copying", MIN (1.0, (double)bytes_out / (double)total), bytes_out,
                      adoption->watch_data);
}

/* What the image of such a tree is like. */
static BothyImage *
describe_tree (const BothyUnpacked *unpacked)
{
  BothyImage *like = bothy_image_new (NOT_YET);

  bothy_image_set_os_release (like, unpacked->os_release);
  like->architecture = (g_free (like->architecture), g_strdup (unpacked->architecture));
  like->created_at = g_get_real_time ();
  return like;
}

static void
import_tree (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Adoption *adoption = g_task_get_task_data (task);
  g_autoptr (BothyImage) like = describe_tree (adoption->survey->unpacked);
  g_autoptr (GUnixFDList) layers = bothy_untrusted_fds_new ();
  const BothyTreeSource tree = {
    .layers = layers, .like = like, .origin = BOTHY_ORIGIN_ADOPTED, .is_exact = TRUE
  };
  const int *fds = g_unix_fd_list_peek_fds (adoption->survey->mounts, NULL);
  GError *error = NULL;

  if (bothy_untrusted_fds_append (layers, fds[0], &error) < 0) {
    g_task_return_error (task, error);
    return;
  }
  adoption->progress ("copying", 0, 0, adoption->watch_data);
  bothy_image_store_import_tree (bothy_registry_get_images (self), adoption->source->owner, &tree,
                                 on_progress, adoption, g_task_get_cancellable (task), on_imported,
                                 g_object_ref (task));
}

/* Its files stay where they are. */
static void
import_place (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  const Adoption *adoption = g_task_get_task_data (task);
  g_autoptr (BothyPlace) place = bothy_adopt_survey_get_place (adoption->survey, adoption->source);

  bothy_image_store_import_place (bothy_registry_get_images (self), adoption->source->owner, place,
                                  adoption->survey->unpacked, on_placed, g_object_ref (task));
}

/* ---- the plan ---- */

static gboolean
check_survey (const Adoption *adoption, GError **error)
{
  return adoption->source->in_place ? bothy_adopt_survey_check_in_place (adoption->survey, error)
                                    : bothy_adopt_survey_check (adoption->survey, error);
}

static void
on_looked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Adoption *adoption = g_task_get_task_data (task);
  BothyContainerSpec *spec;
  GError *error = NULL;

  adoption->survey = bothy_adopt_look_finish (result, &error);
  if (!adoption->survey || !check_survey (adoption, &error)) {
    g_task_return_error (task, error);
    return;
  }
  spec = g_steal_pointer (&adoption->survey->plan->spec);
  if (adoption->network) {
    bothy_container_network_free (spec->network);
    spec->network = g_steal_pointer (&adoption->network);
  }
  adoption->spec = spec;
  bothy_autostart_copy (&adoption->autostart, &spec->autostart);
  bothy_autostart_clear (&spec->autostart);
  /* Before anything is copied. */
  if (!bothy_registry_check_create (self, adoption->source->owner, spec, &error) ||
      !bothy_registry_check_not_in_place (self, adoption->source, &error))
    g_task_return_error (task, error);
  else if (adoption->source->in_place)
    import_place (task);
  else
    import_tree (task);
}

void
bothy_registry_adopt (BothyRegistry *self,
                      const BothyAdoptSource *source,
                      BothyContainerNetwork *network,
                      BothyAdoptProgress progress,
                      BothyAdoptWarning warning,
                      gpointer watch_data,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  Adoption *adoption = g_new0 (Adoption, 1);
  GError *error = NULL;

  adoption->source = bothy_adopt_source_copy (source);
  adoption->network = network;
  adoption->progress = progress;
  adoption->warning = warning;
  adoption->watch_data = watch_data;
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, adoption, (GDestroyNotify)adoption_free);
  if (bothy_registry_check_not_in_place (self, source, &error))
    bothy_adopt_look (bothy_registry_get_helper (self), source, cancellable, on_looked, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

BothyContainer *
bothy_registry_adopt_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
