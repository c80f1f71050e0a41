/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/launch.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/container/history.h"
#include "core/registry/create.h"
#include "core/registry/lifecycle.h"

typedef struct {
  BothyOperation *operation;
  BothyContainerSpec *spec; /* NULL once it was handed on */
  char *name;               /* of the image, as it was asked for */
  BothyReference reference; /* its name is NULL: the image has to be here */
  BothyCredentials *credentials;
  BothyContainer *container; /* once it is made */
  gboolean started;          /* it runs, because this started it */
  GSource *cancelling;       /* while it is being started, or NULL */
  GError *error;             /* why the container has to go again */
} Launch;

/* Its name is kept for it until then. */
static void
drop_spec (BothyRegistry *self, Launch *launch)
{
  if (launch->spec)
    bothy_registry_cancel_create (self, launch->operation->user, launch->spec);
  g_clear_pointer (&launch->spec, bothy_container_spec_free);
}

/* There is no container; ERROR (taken over) is why. */
static void
fail (GTask *task, GError *error)
{
  drop_spec (g_task_get_source_object (task), g_task_get_task_data (task));
  g_task_return_error (task, error);
}

static void
launch_free (gpointer data)
{
  Launch *launch = data;

  g_clear_pointer (&launch->spec, bothy_container_spec_free);
  bothy_reference_clear (&launch->reference);
  g_clear_pointer (&launch->credentials, bothy_credentials_unref);
  g_clear_object (&launch->container);
  g_clear_error (&launch->error);
  g_object_unref (launch->operation);
  g_free (launch->name);
  g_free (launch);
}

static GError *
cancelled_error (void)
{
  return g_error_new (BOTHY_ERROR, BOTHY_ERROR_CANCELLED, "Cancelled");
}

/* ---- what was made goes again ---- */

static void
on_deleted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = BOTHY_REGISTRY (source);
  Launch *launch = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyOperation) removal = bothy_registry_delete_finish (self, result, &error);
  const BothyContainer *container = launch->container;

  /* It may have been deleted meanwhile, by its owner or, an ephemeral one, by its end. */
  if (!removal && bothy_containers_find (bothy_registry_get_containers (self), container->owner,
                                         container->spec->name) == container)
    g_warning ("Container %s: %s", container->id, error->message);
  g_task_return_error (task, g_steal_pointer (&launch->error));
}

/* Whoever saw it come may have started it, or be about to: then it is his, whether it runs still or not. Nobody starts what this
   launch has started. */
static gboolean
is_others (const Launch *launch)
{
  BothyContainer *container = launch->container;

  return !launch->started && (container->busy || container->due || bothy_container_is_active (container) ||
                              container->started_at != 0);
}

/* ERROR (taken over) is why. */
static void
undo_launch (GTask *task, GError *error)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Launch *launch = g_task_get_task_data (task);

  if (is_others (launch)) {
    g_task_return_error (task, error);
    return;
  }
  launch->error = error;
  bothy_registry_delete_unasked (self, launch->container, on_deleted, g_object_ref (task));
}

/* ---- create and start ---- */

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Launch *launch = g_task_get_task_data (task);
  GError *error = NULL;

  BOTHY_FAULT_POINT ("launch.started");
  launch->started = bothy_registry_change_finish (BOTHY_REGISTRY (source), result, &error);
  g_source_destroy (launch->cancelling);
  g_clear_pointer (&launch->cancelling, g_source_unref);
  if (g_cancellable_is_cancelled (launch->operation->cancellable)) {
    g_clear_error (&error);
    undo_launch (task, cancelled_error ());
  } else if (!launch->started)
    undo_launch (task, error);
  else
    g_task_return_pointer (task, g_object_ref (launch->container), g_object_unref);
}

/* The call that asked for it was answered before there was a container whose history could have it. */
static void
note_launch (BothyRegistry *self, const Launch *launch)
{
  g_autofree char *deed = g_strconcat ("Launch image=", launch->name, NULL);

  bothy_history_note (bothy_containers_get_directory (bothy_registry_get_containers (self)),
                      launch->container, launch->operation->user, deed, "owner");
}

/* A start that is under way ends first, which takes a moment; one that waits for others may have to wait long. */
static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  const Launch *launch = g_task_get_task_data (user_data);

  bothy_registry_take_start_back (g_task_get_source_object (user_data), launch->container,
                                  BOTHY_REASON_ASKED);
  return G_SOURCE_REMOVE;
}

static void
start (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Launch *launch = g_task_get_task_data (task);

  bothy_operation_set_phase (launch->operation, "starting");
  launch->cancelling = g_cancellable_source_new (launch->operation->cancellable);
  g_source_set_callback (launch->cancelling, G_SOURCE_FUNC (on_cancelled), task, NULL);
  g_source_attach (launch->cancelling, NULL);
  bothy_registry_start (self, launch->container, NULL, BOTHY_REASON_ASKED, on_started, g_object_ref (task));
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = BOTHY_REGISTRY (source);
  Launch *launch = g_task_get_task_data (task);
  GError *error = NULL;

  launch->container = bothy_registry_create_finish (self, result, &error);
  BOTHY_FAULT_POINT ("launch.created");
  if (!launch->container)
    g_task_return_error (task, error);
  else if (g_cancellable_is_cancelled (launch->operation->cancellable))
    undo_launch (task, cancelled_error ());
  else {
    note_launch (self, launch);
    start (task);
  }
}

static void
create (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Launch *launch = g_task_get_task_data (task);

  if (g_cancellable_is_cancelled (launch->operation->cancellable)) {
    fail (task, cancelled_error ());
    return;
  }
  bothy_operation_set_phase (launch->operation, "creating");
  /* It reserves the name itself, before anybody else comes to that. */
  bothy_registry_cancel_create (self, launch->operation->user, launch->spec);
  bothy_registry_create (self, launch->operation->user, g_steal_pointer (&launch->spec), on_created,
                         g_object_ref (task));
}

/* ---- the image ---- */

static void
on_pulled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Launch *launch = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (BothyImage) image = bothy_puller_pull_finish (BOTHY_PULLER (source), result, &error);

  if (!image) {
    fail (task, error);
    return;
  }
  /* A name may mean another one in a moment. */
  launch->spec->image = (g_free (launch->spec->image), g_strdup (image->fingerprint));
  bothy_operation_set_progress (launch->operation, -1, launch->operation->bytes);
  create (task);
}

static void
pull (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  const Launch *launch = g_task_get_task_data (task);
  const char *aliases[] = { launch->name, NULL };
  const BothyPullRequest wanted = { .reference = &launch->reference,
                                    .aliases = aliases,
                                    .credentials = launch->credentials };

  bothy_puller_pull (bothy_registry_get_puller (self), launch->operation, &wanted, on_pulled,
                     g_object_ref (task));
}

void
bothy_registry_launch (BothyRegistry *self,
                       BothyOperation *operation,
                       const BothyLaunch *wanted,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Launch *launch = g_new0 (Launch, 1);

  launch->operation = g_object_ref (operation);
  launch->spec = wanted->spec;
  launch->name = g_strdup (wanted->spec->image);
  if (wanted->reference) {
    launch->reference.remote = g_strdup (wanted->reference->remote);
    launch->reference.registry = g_strdup (wanted->reference->registry);
    launch->reference.name = g_strdup (wanted->reference->name);
  }
  if (wanted->credentials)
    launch->credentials = bothy_credentials_ref (wanted->credentials);
  g_task_set_task_data (task, launch, launch_free);
  if (wanted->reference &&
      !bothy_image_store_find (bothy_registry_get_images (self), operation->user, launch->name, NULL))
    pull (task);
  else
    create (task);
}

BothyContainer *
bothy_registry_launch_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
