/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/create.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "core/container/container-record.h"
#include "core/container/defaults.h"
#include "core/images/builtin.h"
#include "core/images/expiry.h"
#include "core/registry/disk.h"
#include "core/registry/mounts.h"
#include "core/registry/static-addresses.h"
#include "core/registry/volumes.h"
#include "storage/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

typedef struct {
  guint32 owner;
  BothyContainerSpec *spec; /* the container's, once there is one */
  gboolean reserved;        /* its name and address are kept for it */
  char *directory;          /* its name while it is made */
  int dir;
  int data; /* where its files will be */
  int containers_fd;
  BothyImage *image;
  BothyUpper *below; /* what its files begin with, with a hold, or NULL: the image's alone */
  guint32 base;
  BothyContainer *container;
} Create;

static void
create_free (Create *create)
{
  bothy_clear_fd (&create->dir);
  bothy_clear_fd (&create->data);
  if (!create->container)
    bothy_container_spec_free (create->spec);
  g_clear_object (&create->image);
  g_clear_object (&create->container);
  if (create->below)
    create->below->holds--;
  g_free (create->directory);
  g_free (create);
}

/* It can not be made, as ERROR (taken over) says: take back what was done. */
static void
abandon (GTask *task, GError *error)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Create *create = g_task_get_task_data (task);

  /* If the directory was not made, the trash can not take it, which is fine: hence no error is looked at. */
  if (create->directory)
    bothy_containers_trash (bothy_registry_get_containers (self), create->container, create->directory, NULL);
  if (create->base)
    bothy_ranges_release (bothy_registry_get_ranges (self), create->base);
  if (create->image)
    bothy_image_store_use (bothy_registry_get_images (self), create->image, -1);
  if (create->reserved)
    bothy_containers_cancel (bothy_registry_get_containers (self), create->owner, create->spec);
  g_task_return_error (task, error);
}

static void
write_and_place (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Create *create = task_data;
  BothyContainer *container = create->container;
  /* An ephemeral one does not outlive a power cut, so nobody has to wait for the disk. */
  BothyRecordDurability durability =
      container->spec->ephemeral ? BOTHY_RECORD_VOLATILE : BOTHY_RECORD_DURABLE;
  GError *error = NULL;

  BOTHY_FAULT_POINT ("create.before-record");
  if (bothy_container_record_write (container, create->dir, durability, &error)) {
    BOTHY_FAULT_POINT ("create.recorded");
    if (!bothy_record_place (create->containers_fd, create->directory, container->id, durability))
      bothy_error_set_errno (&error, errno, "Placing the container");
    BOTHY_FAULT_POINT ("create.placed");
  }
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyRegistry *self = BOTHY_REGISTRY (source);
  g_autoptr (GTask) task = user_data;
  Create *create = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error)) {
    abandon (task, error);
    return;
  }
  bothy_containers_add (bothy_registry_get_containers (self), create->container);
  g_task_return_pointer (task, g_object_ref (create->container), g_object_unref);
}

static void
on_owned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GTask) thread = NULL;
  GError *error = NULL;

  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!fds) {
    abandon (task, error);
    return;
  }
  thread = g_task_new (self, NULL, on_committed, g_object_ref (task));
  g_task_set_task_data (thread, g_task_get_task_data (task), NULL);
  g_task_run_in_thread (thread, write_and_place);
}

static void
on_bounded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  struct helper_request own = { .op = HELPER_OWN, .owner = BOTHY_NEUTRAL_BASE };
  BothyRegistry *self = BOTHY_REGISTRY (source);
  g_autoptr (GTask) task = user_data;
  Create *create = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  if (bothy_disk_assign_finish (self, result, &error))
    fds = bothy_fd_list (&create->data, 1, &error);
  BOTHY_FAULT_POINT ("create.bounded");
  if (fds)
    bothy_helper_client_call (bothy_registry_get_helper (self), &own, fds, on_owned, g_object_ref (task));
  else
    abandon (task, error);
}

/* The directory "data" becomes the neutral root's; the supervisor makes the rest in it. */
static gboolean
make_directories (Create *create, GError **error)
{
  create->directory = g_strconcat (BOTHY_STORE_NEW, create->container->id, NULL);
  if (mkdirat (create->containers_fd, create->directory, 0700) == 0) {
    create->dir =
        openat (create->containers_fd, create->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (create->dir >= 0 && mkdirat (create->dir, "data", 0700) == 0)
      create->data = openat (create->dir, "data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  if (create->data < 0)
    bothy_error_set_errno (error, errno, "Making the container's directory");
  return create->data >= 0;
}

static void
on_range (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Create *create = g_task_get_task_data (task);
  g_autofree char *id = g_uuid_string_random ();
  gboolean made = FALSE;
  GError *error = NULL;

  create->base = bothy_ranges_take_finish (bothy_registry_get_ranges (self), result, &error);
  if (create->base) {
    create->container = bothy_container_new (id, create->owner, create->base, create->spec);
    if (create->below)
      bothy_container_set_below (create->container, create->below->id);
    /* The range is his for ever, so it has to be known who he is. */
    if (bothy_owners_note (bothy_registry_get_owners (self), create->owner, &error))
      made = make_directories (create, &error);
  }
  BOTHY_FAULT_POINT ("create.made-directory");
  if (made)
    bothy_disk_assign (self, create->container, create->data, on_bounded, g_object_ref (task));
  else
    abandon (task, error);
}

/* It stands on its image, so that stays. */
static void
take_image (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  const Create *create = g_task_get_task_data (task);

  bothy_image_store_use (bothy_registry_get_images (self), create->image, 1);
  bothy_runner_prepare_group (bothy_registry_get_runner (self), create->owner);
  bothy_ranges_take (bothy_registry_get_ranges (self), create->owner, create->spec->granted_ranges, on_range,
                     g_object_ref (task));
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  BothyImageStore *images = bothy_registry_get_images (self);
  Create *create = g_task_get_task_data (task);
  GError *error = NULL;

  create->image = bothy_builtin_resolve_finish (BOTHY_BUILTIN (source), result, &error);
  if (!create->image) {
    abandon (task, error);
    return;
  }
  /* It may have gone while the answer was on its way. */
  if (bothy_image_store_lookup (images, create->image->fingerprint) != create->image) {
    g_clear_object (&create->image);
    abandon (task, g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE, "Image %.80s was just removed",
                                create->spec->image));
    return;
  }
  create->spec->image = (g_free (create->spec->image), g_strdup (create->image->fingerprint));
  bothy_defaults_apply (create->spec, create->image->defaults);
  take_image (task);
}

static void
on_address (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  const Create *create = g_task_get_task_data (task);
  GError *error = NULL;

  if (bothy_static_address_check_finish (BOTHY_CONTAINERS (source), result, &error))
    bothy_builtin_resolve (bothy_registry_get_builtin (self), create->owner, create->spec->image, on_resolved,
                           g_object_ref (task));
  else
    abandon (task, error);
}

static gboolean
resolve_volumes (BothyRegistry *self, guint32 owner, BothyContainerSpec *spec, GError **error)
{
  for (guint i = 0; spec->mounts && i < spec->mounts->len; i++) {
    if (!bothy_volume_resolve (self, owner, spec->mounts->pdata[i], error))
      return FALSE;
  }
  return TRUE;
}

gboolean
bothy_registry_reserve_create (BothyRegistry *self,
                               guint32 owner,
                               const BothyContainerSpec *spec,
                               GError **error)
{
  return (!spec->mounts || bothy_registry_check_mounts (self, owner, spec->mounts->len, error)) &&
         bothy_containers_reserve (bothy_registry_get_containers (self), owner, spec, error);
}

void
bothy_registry_cancel_create (BothyRegistry *self, guint32 owner, const BothyContainerSpec *spec)
{
  bothy_containers_cancel (bothy_registry_get_containers (self), owner, spec);
}

gboolean
bothy_registry_check_create (BothyRegistry *self,
                             guint32 owner,
                             const BothyContainerSpec *spec,
                             GError **error)
{
  if (!bothy_registry_reserve_create (self, owner, spec, error))
    return FALSE;
  bothy_registry_cancel_create (self, owner, spec);
  return TRUE;
}

/* Begin to make one, whose name is kept for it from now on. NULL: that can not be, and the caller has been told. */
static GTask *
begin_create (BothyRegistry *self,
              guint32 owner,
              BothyContainerSpec *spec,
              GAsyncReadyCallback callback,
              gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  BothyContainers *containers = bothy_registry_get_containers (self);
  Create *create = g_new0 (Create, 1);
  GError *error = NULL;

  create->dir = -1;
  create->data = -1;
  create->owner = owner;
  create->spec = spec;
  create->containers_fd = bothy_containers_get_directory (containers);
  g_task_set_task_data (task, create, (GDestroyNotify)create_free);
  create->reserved = resolve_volumes (self, owner, spec, &error) &&
                     bothy_registry_reserve_create (self, owner, spec, &error);
  if (create->reserved)
    return g_steal_pointer (&task);
  abandon (task, error);
  return NULL;
}

void
bothy_registry_create_on (BothyRegistry *self,
                          guint32 owner,
                          BothyContainerSpec *spec,
                          BothyUpper *below,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr (GTask) task = begin_create (self, owner, spec, callback, user_data);
  BothyImage *image;
  Create *create;

  if (!task)
    return;
  create = g_task_get_task_data (task);
  create->below = below;
  below->holds++;
  image = bothy_image_store_lookup (bothy_registry_get_images (self), spec->image);
  if (image) {
    create->image = g_object_ref (image);
    take_image (task);
  } else
    abandon (task, g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE,
                                "The image that it stands on is gone: %.12s", spec->image));
}

void
bothy_registry_create (BothyRegistry *self,
                       guint32 owner,
                       BothyContainerSpec *spec,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = begin_create (self, owner, spec, callback, user_data);
  BothyContainers *containers = bothy_registry_get_containers (self);

  if (!task)
    return;
  if (spec->network->address)
    bothy_static_address_check (containers, bothy_registry_get_bridges (self), spec, on_address,
                                g_object_ref (task));
  else
    bothy_builtin_resolve (bothy_registry_get_builtin (self), owner, spec->image, on_resolved,
                           g_object_ref (task));
}

BothyContainer *
bothy_registry_create_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
