/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/devices.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/devices/access.h"
#include "core/registry/change.h"

/* ---- may he? ---- */

void
bothy_device_verdict_free (BothyDeviceVerdict *verdict)
{
  g_strfreev (verdict->approved);
  g_free (verdict->vendor);
  g_free (verdict->model);
  g_free (verdict->nodes);
  g_free (verdict);
}

typedef struct {
  BothyDevice *device;
  BothyContainer *container;
  guint32 user;
  GPtrArray *hosts; /* those that are meant, and can be had at all */
  guint next;       /* of them: which one is tried */
  BothyDeviceVerdict *verdict;
} Weighing;

static void
weighing_free (gpointer data)
{
  Weighing *weighing = data;

  bothy_device_free (weighing->device);
  g_object_unref (weighing->container);
  g_clear_pointer (&weighing->hosts, g_ptr_array_unref);
  g_clear_pointer (&weighing->verdict, bothy_device_verdict_free);
  g_free (weighing);
}

static BothyDeviceMonitor *
get_monitor (BothyRegistry *self)
{
  return bothy_plugs_get_monitor (bothy_runner_get_plugs (bothy_registry_get_runner (self)));
}

/* Those that are meant of the ones that are there; one that is for no container is passed over, and counted. */
static GPtrArray *
find_hosts (BothyRegistry *self, const BothyDevice *device, guint *ret_never)
{
  g_autoptr (GPtrArray) all = bothy_device_monitor_list (get_monitor (self));
  GPtrArray *found = g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_host_device_unref);

  *ret_never = 0;
  for (guint i = 0; i < all->len; i++) {
    BothyHostDevice *host = all->pdata[i];

    if (!bothy_device_match_has (device->match, host))
      continue;
    if (bothy_device_kind (host) == BOTHY_DEVICE_NEVER || bothy_device_has_disk (host, all))
      ++*ret_never;
    else
      g_ptr_array_add (found, bothy_host_device_ref (host));
  }
  return found;
}

static BothyDeviceVerdict *
describe_hosts (GPtrArray *hosts)
{
  BothyDeviceVerdict *verdict = g_new0 (BothyDeviceVerdict, 1);
  g_autoptr (GStrvBuilder) approved = g_strv_builder_new ();
  g_autoptr (GString) nodes = g_string_new (NULL);

  for (guint i = 0; i < hosts->len; i++) {
    const BothyHostDevice *host = hosts->pdata[i];
    g_autofree char *identity = bothy_device_identity (host);

    g_strv_builder_add (approved, identity);
    g_string_append_printf (nodes, "%s/dev/%s", i ? ", " : "", host->name);
    if (i == 0) {
      verdict->vendor = g_strdup (*host->vendor_name ? host->vendor_name : host->vendor);
      verdict->model = g_strdup (*host->model_name ? host->model_name
                                 : *host->product  ? host->product
                                                   : host->name);
    }
  }
  verdict->approved = g_strv_builder_end (approved);
  verdict->nodes = g_string_free (g_steal_pointer (&nodes), FALSE);
  return verdict;
}

static void weigh_next (GTask *task);

static void
on_access (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Weighing *weighing = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!bothy_device_check_access_finish (BOTHY_HELPER_CLIENT (source), result, &error)) {
    if (!g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED)) {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
    weighing->verdict->ask = TRUE;
  }
  weighing->next++;
  weigh_next (task);
}

/* An administrator is asked, unless one of them is nothing that he could know again. */
static void
end_weighing (GTask *task)
{
  Weighing *weighing = g_task_get_task_data (task);

  for (guint i = 0; i < weighing->hosts->len && weighing->verdict->ask; i++) {
    const BothyHostDevice *host = weighing->hosts->pdata[i];

    if (!bothy_device_is_made_up (host))
      continue;
    g_task_return_new_error (
        task, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
        "/dev/%s was made by a program, which says of it what it likes, so that nobody can "
        "agree to it; only who may open it himself may give it to his containers",
        host->name);
    return;
  }
  g_task_return_pointer (task, g_steal_pointer (&weighing->verdict),
                         (GDestroyNotify)bothy_device_verdict_free);
}

/* Until one of them is not his to give. Who is not its owner gives nothing of the owner's. */
static void
weigh_next (GTask *task)
{
  Weighing *weighing = g_task_get_task_data (task);
  BothyRegistry *self = g_task_get_source_object (task);

  if (weighing->user != weighing->container->owner && weighing->hosts->len > 0)
    weighing->verdict->ask = TRUE;
  for (; weighing->next < weighing->hosts->len && !weighing->verdict->ask; weighing->next++) {
    const BothyHostDevice *host = weighing->hosts->pdata[weighing->next];

    if (bothy_device_kind (host) == BOTHY_DEVICE_OWN) {
      bothy_device_check_access (bothy_registry_get_helper (self), weighing->user, host, on_access,
                                 g_object_ref (task));
      return;
    }
    weighing->verdict->ask = TRUE;
  }
  end_weighing (task);
}

/* Root's word about what is not there yet holds for all that USB's numbers say. */
static void
approve_absent (Weighing *weighing)
{
  const char *text = bothy_device_match_text (weighing->device->match);

  if (weighing->user != 0 || weighing->hosts->len > 0 || !g_str_has_prefix (text, "usb:"))
    return;
  g_strfreev (weighing->verdict->approved);
  weighing->verdict->approved = g_strdupv ((char *[]){ (char *)text, NULL });
  weighing->verdict->ask = TRUE;
}

static void
on_known (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Weighing *weighing = g_task_get_task_data (task);
  GError *error = NULL;
  guint never;

  if (!bothy_device_monitor_wait_finish (BOTHY_DEVICE_MONITOR (source), result, &error)) {
    g_task_return_error (task, error);
    return;
  }
  weighing->hosts = find_hosts (g_task_get_source_object (task), weighing->device, &never);
  if (weighing->hosts->len == 0 && never > 0) {
    g_task_return_new_error (
        task, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
        "%s: such a device is for no container, whoever asks: it leads to memory, disks or "
        "consoles of the machine",
        bothy_device_match_text (weighing->device->match));
    return;
  }
  weighing->verdict = describe_hosts (weighing->hosts);
  weighing->verdict->approved_only = weighing->user != 0 && weighing->user != weighing->container->owner;
  if (weighing->verdict->approved_only && weighing->hosts->len == 0) {
    g_task_return_new_error (
        task, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
        "%s: no such device is there, and in another's container you can have only what is "
        "there, with an administrator's yes: plug it in first",
        bothy_device_match_text (weighing->device->match));
    return;
  }
  approve_absent (weighing);
  weigh_next (task);
}

void
bothy_registry_weigh_device (BothyRegistry *self,
                             BothyContainer *container,
                             const BothyDevice *device,
                             guint32 user,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Weighing *weighing = g_new0 (Weighing, 1);

  weighing->device = bothy_device_copy (device);
  weighing->container = g_object_ref (container);
  weighing->user = user;
  g_task_set_task_data (task, weighing, weighing_free);
  bothy_device_monitor_wait (get_monitor (self), on_known, task);
}

BothyDeviceVerdict *
bothy_registry_weigh_device_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- adding and removing ---- */

typedef struct {
  BothyChange *change;
  BothyContainer *container;
  char *name;
  GError *error; /* why it is taken away again */
} Plugging;

static void
plugging_free (gpointer data)
{
  Plugging *plugging = data;

  g_clear_pointer (&plugging->change, bothy_change_free);
  g_clear_error (&plugging->error);
  g_object_unref (plugging->container);
  g_free (plugging->name);
  g_free (plugging);
}

/* NULL: something else is done to CONTAINER, and the caller has been told. */
static GTask *
begin_plugging (BothyRegistry *self,
                BothyContainer *container,
                const char *name,
                const char *what,
                GAsyncReadyCallback callback,
                gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Plugging *plugging = g_new0 (Plugging, 1);
  GError *error = NULL;

  plugging->container = g_object_ref (container);
  plugging->name = g_strdup (name);
  plugging->change = bothy_change_begin (bothy_registry_get_containers (self), container, what, &error);
  g_task_set_task_data (task, plugging, plugging_free);
  if (plugging->change) {
    /* The container's own files are looked into. */
    container->yields = TRUE;
    return g_steal_pointer (&task);
  }
  g_task_return_error (task, error);
  return NULL;
}

/* It is over; ERROR (taken over) or NULL is the result. */
static void
end_plugging (GTask *task, GError *error)
{
  const Plugging *plugging = g_task_get_task_data (task);

  bothy_change_end (plugging->change);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static gboolean
save_container (BothyRegistry *self, BothyContainer *container, GError **error)
{
  return bothy_containers_save (bothy_registry_get_containers (self), container, error);
}

static void
on_taken_away (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Plugging *plugging = g_task_get_task_data (task);

  bothy_plugs_finish (BOTHY_PLUGS (source), result);
  end_plugging (task, g_steal_pointer (&plugging->error));
}

/* It is on record no more; what of it is plugged in goes. */
static void
take_away (BothyRegistry *self, GTask *task)
{
  const Plugging *plugging = g_task_get_task_data (task);

  bothy_plugs_sync (bothy_runner_get_plugs (bothy_registry_get_runner (self)), plugging->container,
                    on_taken_away, g_object_ref (task));
}

void
bothy_registry_remove_device (BothyRegistry *self,
                              BothyContainer *container,
                              const char *name,
                              GAsyncReadyCallback callback,
                              gpointer user_data)
{
  g_autoptr (GTask) task =
      begin_plugging (self, container, name, "taking a device away", callback, user_data);
  const BothyDevice *found = bothy_devices_find (container->spec->devices, name);
  BothyDevice *kept;
  GError *error = NULL;

  if (!task)
    return;
  if (!found) {
    end_plugging (
        task, g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_DEVICE,
                           "Container %s has no device called %s; \"bothy device list %s\" shows what it has",
                           container->spec->name, name, container->spec->name));
    return;
  }
  kept = bothy_device_copy (found);
  bothy_container_remove_device (container, name);
  if (!save_container (self, container, &error)) {
    bothy_container_add_device (container, kept);
    end_plugging (task, error);
    return;
  }
  bothy_device_free (kept);
  BOTHY_FAULT_POINT ("device.removing");
  take_away (self, task);
}

static gboolean
check_quota (BothyRegistry *self, guint32 owner, GError **error)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));
  guint max = bothy_registry_get_configuration (self)->max_devices, has = 0;

  for (GList *l = containers; l; l = l->next) {
    const BothyContainer *container = l->data;

    if (container->owner == owner)
      has += container->spec->devices->len;
  }
  if (has < max)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
               "Your containers have %u devices, and a user may have %u; take one away first (\"bothy device "
               "remove\")",
               has, max);
  return FALSE;
}

/* What is there is plugged in; or why it could not be, and then it goes again. */
static void
on_plugged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Plugging *plugging = g_task_get_task_data (task);
  const GError *refusal = bothy_plugs_get_refusal (BOTHY_PLUGS (source), plugging->container, plugging->name);
  GError *error = NULL;

  bothy_plugs_finish (BOTHY_PLUGS (source), result);
  BOTHY_FAULT_POINT ("device.plugged");
  if (!refusal) {
    bothy_container_set_device_settled (plugging->container, plugging->name);
    if (save_container (self, plugging->container, &error)) {
      end_plugging (task, NULL);
      return;
    }
  }
  plugging->error = error ? error : g_error_copy (refusal);
  bothy_container_remove_device (plugging->container, plugging->name);
  save_container (self, plugging->container, NULL);
  take_away (self, task);
}

void
bothy_registry_add_device (BothyRegistry *self,
                           BothyContainer *container,
                           const BothyDevice *device,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task =
      begin_plugging (self, container, device->name, "plugging a device in", callback, user_data);
  BothyDevice *added;
  GError *error = NULL;

  if (!task)
    return;
  if (!bothy_devices_check (container->spec->devices, device->name, &error) ||
      !check_quota (self, container->owner, &error)) {
    end_plugging (task, error);
    return;
  }
  added = bothy_device_copy (device);
  added->unsettled = container->supervisor != NULL;
  bothy_container_add_device (container, added);
  if (!save_container (self, container, &error)) {
    bothy_container_remove_device (container, device->name);
    end_plugging (task, error);
    return;
  }
  BOTHY_FAULT_POINT ("device.recorded");
  bothy_plugs_sync (bothy_runner_get_plugs (bothy_registry_get_runner (self)), container, on_plugged,
                    g_object_ref (task));
}

gboolean
bothy_registry_device_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- what an earlier bothyd left ---- */

static void
on_settled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyContainer) container = user_data;
  g_autoptr (GError) error = NULL;

  if (!bothy_registry_device_finish (BOTHY_REGISTRY (source), result, &error))
    g_warning ("Container %s: %s", container->id, error->message);
}

/* There is one at most: one change of a container is under way at a time. */
void
bothy_registry_settle_devices (BothyRegistry *self, BothyContainer *container)
{
  const GPtrArray *devices = container->spec->devices;

  for (guint i = 0; i < devices->len; i++) {
    const BothyDevice *device = devices->pdata[i];

    if (device->unsettled) {
      bothy_registry_remove_device (self, container, device->name, on_settled, g_object_ref (container));
      return;
    }
  }
}

/* ---- what there is ---- */

typedef struct {
  guint32 user;
  GPtrArray *hosts;
  GVariantBuilder *list;
  guint next;
} Listing;

static void
listing_free (gpointer data)
{
  Listing *listing = data;

  g_clear_pointer (&listing->hosts, g_ptr_array_unref);
  g_variant_builder_unref (listing->list);
  g_free (listing);
}

/* Whose it is now: only the name of a container of USER's is for his eyes. */
static const char *
name_holder (BothyRegistry *self, const BothyHostDevice *host, guint32 user, gboolean *ret_taken)
{
  const BothyContainer *holder =
      bothy_plugs_find_holder (bothy_runner_get_plugs (bothy_registry_get_runner (self)), host);

  *ret_taken = holder != NULL;
  return holder && holder->owner == user ? holder->spec->name : "";
}

static void
add_host (BothyRegistry *self, Listing *listing, const char *allowed)
{
  const BothyHostDevice *host = listing->hosts->pdata[listing->next];
  GVariantBuilder *list = listing->list;
  gboolean taken;
  const char *container = name_holder (self, host, listing->user, &taken);
  g_autofree char *node = g_strdup_printf ("/dev/%s", host->name);
  g_autofree char *usb =
      *host->vendor ? g_strdup_printf ("usb:%s:%s", host->vendor, host->product) : g_strdup ("");

  g_variant_builder_open (list, G_VARIANT_TYPE ("a{sv}"));
  g_variant_builder_add (list, "{sv}", "node", g_variant_new_string (node));
  g_variant_builder_add (list, "{sv}", "id", g_variant_new_string (usb));
  g_variant_builder_add (list, "{sv}", "serial", g_variant_new_string (host->serial));
  g_variant_builder_add (list, "{sv}", "class", g_variant_new_string (bothy_device_class (host)));
  g_variant_builder_add (list, "{sv}", "vendor", g_variant_new_string (host->vendor_name));
  g_variant_builder_add (list, "{sv}", "model", g_variant_new_string (host->model_name));
  g_variant_builder_add (list, "{sv}", "container", g_variant_new_string (container));
  g_variant_builder_add (list, "{sv}", "in-use", g_variant_new_boolean (taken));
  g_variant_builder_add (list, "{sv}", "allowed", g_variant_new_string (allowed));
  g_variant_builder_close (list);
}

static void list_next (GTask *task);

static void
on_listed_access (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Listing *listing = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (bothy_device_check_access_finish (BOTHY_HELPER_CLIENT (source), result, &error))
    add_host (g_task_get_source_object (task), listing, "yes");
  else if (g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED))
    add_host (g_task_get_source_object (task), listing, "ask");
  /* Else it went away meanwhile, or has no node. */
  listing->next++;
  list_next (task);
}

/* Those that an administrator may agree to, but nobody can call by a class or a number of USB, are not shown: a machine has
   dozens that are nobody's business. */
static void
list_next (GTask *task)
{
  Listing *listing = g_task_get_task_data (task);
  BothyRegistry *self = g_task_get_source_object (task);

  for (; listing->next < listing->hosts->len; listing->next++) {
    const BothyHostDevice *host = listing->hosts->pdata[listing->next];

    if (bothy_device_kind (host) != BOTHY_DEVICE_OWN)
      continue;
    bothy_device_check_access (bothy_registry_get_helper (self), listing->user, host, on_listed_access,
                               g_object_ref (task));
    return;
  }
  g_task_return_pointer (task, g_variant_ref_sink (g_variant_builder_end (listing->list)),
                         (GDestroyNotify)g_variant_unref);
}

static void
on_listable (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Listing *listing = g_task_get_task_data (task);
  GError *error = NULL;

  if (!bothy_device_monitor_wait_finish (BOTHY_DEVICE_MONITOR (source), result, &error)) {
    g_task_return_error (task, error);
    return;
  }
  listing->hosts = bothy_device_monitor_list (BOTHY_DEVICE_MONITOR (source));
  list_next (task);
}

void
bothy_registry_list_devices (BothyRegistry *self,
                             guint32 user,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Listing *listing = g_new0 (Listing, 1);

  listing->user = user;
  listing->list = g_variant_builder_new (G_VARIANT_TYPE ("aa{sv}"));
  g_task_set_task_data (task, listing, listing_free);
  bothy_device_monitor_wait (get_monitor (self), on_listable, task);
}

GVariant *
bothy_registry_list_devices_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
