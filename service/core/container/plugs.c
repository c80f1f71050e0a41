/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/plugs.h"

#include "config.h"
#include "base/error.h"
#include "base/fault.h"
#include "core/devices/access.h"

struct _BothyPlugs {
  GObject parent;
  BothyHelperClient *helper;
  BothyDeviceMonitor *monitor;
  GHashTable *boards; /* id of a container → Board */
};

G_DEFINE_FINAL_TYPE (BothyPlugs, bothy_plugs, G_TYPE_OBJECT)

/* A device that a container has, or is about to have. */
typedef struct {
  char *device; /* the name of the BothyDevice that it is plugged in for */
  BothyHostDevice *host;
  gboolean given;
} Plug;

/* A container that runs. One step is taken after the other. */
typedef struct {
  gatomicrefcount references;
  BothyPlugs *plugs;
  BothyContainer *container;
  BothySupervisor *supervisor;
  GPtrArray *nodes;    /* Plug */
  GHashTable *refused; /* char *, see refusal_key() → GError: not tried again until something changes */
  GList *waiting;      /* GTask: until there is nothing to do */
  Plug *current;       /* of nodes: what a step is taken with, or NULL */
  gboolean working;
  gboolean over; /* the container has ended */
} Board;

static void advance (Board *board);

static void
plug_free (gpointer data)
{
  Plug *plug = data;

  g_free (plug->device);
  bothy_host_device_unref (plug->host);
  g_free (plug);
}

static Board *
board_ref (Board *board)
{
  g_atomic_ref_count_inc (&board->references);
  return board;
}

static void
board_unref (Board *board)
{
  if (!g_atomic_ref_count_dec (&board->references))
    return;
  g_ptr_array_unref (board->nodes);
  g_hash_table_unref (board->refused);
  g_object_unref (board->supervisor);
  g_object_unref (board->container);
  g_object_unref (board->plugs);
  g_free (board);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Board, board_unref)

static char *
refusal_key (const char *device, const BothyHostDevice *host)
{
  return g_strdup_printf ("%s\t%u:%u", device, host->major, host->minor);
}

/* ---- what is to be done ---- */

static gboolean
is_same (const BothyHostDevice *a, const BothyHostDevice *b)
{
  return a->major == b->major && a->minor == b->minor && a->is_block == b->is_block;
}

static gboolean
is_wanted (const BothyDevice *device, const BothyHostDevice *host)
{
  return bothy_device_match_has (device->match, host) && bothy_device_kind (host) != BOTHY_DEVICE_NEVER;
}

/* Whether what PLUG was made for is still so: the same device, plugged in that once, and still asked for. Another one with
   its number is another one. */
static gboolean
is_current (Board *board, const Plug *plug, GPtrArray *hosts)
{
  const BothyDevice *device = bothy_devices_find (board->container->spec->devices, plug->device);

  for (guint i = 0; device && i < hosts->len; i++) {
    const BothyHostDevice *host = hosts->pdata[i];

    if (is_same (host, plug->host))
      return host->plugged == plug->host->plugged && is_wanted (device, host);
  }
  return FALSE;
}

static Plug *
find_stale (Board *board, GPtrArray *hosts)
{
  for (guint i = 0; i < board->nodes->len; i++)
    if (!is_current (board, board->nodes->pdata[i], hosts))
      return board->nodes->pdata[i];
  return NULL;
}

static gboolean
has_node (Board *board, const BothyHostDevice *host)
{
  for (guint i = 0; i < board->nodes->len; i++)
    if (is_same (((Plug *)board->nodes->pdata[i])->host, host))
      return TRUE;
  return FALSE;
}

/* One that is there, asked for, not plugged in and not refused. RET_HOST stays HOSTS'. NULL: there is none. */
static const BothyDevice *
find_missing (Board *board, GPtrArray *hosts, BothyHostDevice **ret_host)
{
  const GPtrArray *devices = board->container->spec->devices;

  for (guint i = 0; i < devices->len; i++) {
    const BothyDevice *device = devices->pdata[i];

    for (guint j = 0; j < hosts->len; j++) {
      g_autofree char *key = refusal_key (device->name, hosts->pdata[j]);

      *ret_host = hosts->pdata[j];
      if (is_wanted (device, *ret_host) && !has_node (board, *ret_host) &&
          !g_hash_table_contains (board->refused, key))
        return device;
    }
  }
  return NULL;
}

BothyContainer *
bothy_plugs_find_holder (BothyPlugs *self, const BothyHostDevice *host)
{
  GHashTableIter iter;
  gpointer value;

  if (bothy_device_is_shared (host))
    return NULL;
  g_hash_table_iter_init (&iter, self->boards);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Board *board = value;

    if (has_node (board, host))
      return board->container;
  }
  return NULL;
}

/* ---- one step ---- */

/* "NAME\tNODE" of each that is there, for whoever looks. */
static void
publish (Board *board)
{
  GPtrArray *nodes = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < board->nodes->len; i++) {
    const Plug *plug = board->nodes->pdata[i];

    if (plug->given)
      g_ptr_array_add (nodes, g_strdup_printf ("%s\t/dev/%s", plug->device, plug->host->name));
  }
  bothy_container_set_nodes (board->container, nodes);
}

static void
end_step (Board *board)
{
  board->working = FALSE;
  board->current = NULL;
  if (!board->over)
    publish (board);
  advance (board);
}

static void
on_revoked_unasked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GUnixFDList) reply = NULL;
  g_autoptr (GError) error = NULL;

  reply = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!reply)
    g_warning ("Taking a device away: %s", error->message);
}

/* HOST NULL: all that the container ever had. */
static void
take_node_back (Board *board, const BothyHostDevice *host, GAsyncReadyCallback callback, gpointer user_data)
{
  struct helper_request request = { .op = HELPER_DEVICE_REVOKE };

  if (host)
    request = bothy_device_request (HELPER_DEVICE_REVOKE, host);
  g_strlcpy (request.device.id, board->container->id, sizeof request.device.id);
  bothy_helper_client_call (board->plugs->helper, &request, NULL, callback, user_data);
}

/* The current one can not be, as ERROR (taken over) says. */
static void
refuse (Board *board, GError *error)
{
  const Plug *plug = board->current;

  bothy_error_adopt (&error, "Plugging it in");
  g_prefix_error (&error, "Device /dev/%s: ", plug->host->name);
  g_message ("Container %s: %s", board->container->id, error->message);
  g_hash_table_replace (board->refused, refusal_key (plug->device, plug->host), error);
  g_ptr_array_remove (board->nodes, board->current);
  end_step (board);
}

/* Something is otherwise than it was: what was refused is tried again. */
static void
advance_all (BothyPlugs *self)
{
  g_autoptr (GList) boards = g_hash_table_get_values (self->boards);

  for (GList *l = boards; l; l = l->next)
    board_ref (l->data);
  for (GList *l = boards; l; l = l->next) {
    Board *board = l->data;

    g_hash_table_remove_all (board->refused);
    advance (board);
    board_unref (board);
  }
}

/* ---- taken away ---- */

static void
on_unplugged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Board) board = user_data;
  g_autoptr (GError) error = NULL;

  if (!bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, NULL, &error))
    g_debug ("Taking a device out of /dev: %s", error->message);
  g_ptr_array_remove (board->nodes, board->current);
  end_step (board);
  /* Another container may have waited for it. */
  advance_all (board->plugs);
}

static void
tell_to_unplug (Board *board, const char *name, GAsyncReadyCallback callback)
{
  const struct supervisor_message message = { .type = SUPERVISOR_NO_DEVICE };
  g_autoptr (GByteArray) text = g_byte_array_new ();

  bothy_supervisor_add_text (text, name);
  bothy_supervisor_call (board->supervisor, message, text, NULL, callback, board_ref (board));
}

/* It can not be opened any more, whatever is left of it inside. If that could not be said, the name goes all the same. */
static void
on_revoked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Board) board = user_data;

  on_revoked_unasked (source, result, NULL);
  tell_to_unplug (board, board->current->host->name, on_unplugged);
}

static void
unplug (Board *board, Plug *plug)
{
  board->current = plug;
  board->working = TRUE;
  plug->given = FALSE;
  take_node_back (board, plug->host, on_revoked, board_ref (board));
}

/* ---- plugged in ---- */

static void
on_plugged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Board) board = user_data;
  Plug *plug = board->current;
  GError *error = NULL;

  if (bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, NULL, &error)) {
    plug->given = TRUE;
    end_step (board);
    return;
  }
  take_node_back (board, plug->host, on_revoked_unasked, NULL);
  refuse (board, error);
}

static void
on_node_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Board) board = user_data;
  const Plug *plug = board->current;
  const BothyDevice *device = bothy_devices_find (board->container->spec->devices, plug->device);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GByteArray) text = g_byte_array_new ();
  struct supervisor_message message = { .type = SUPERVISOR_DEVICE };
  g_autofree char *link = device ? bothy_device_make_link (device, plug->host) : NULL;
  GError *error = NULL;

  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  BOTHY_FAULT_POINT ("device.made");
  if (fds && !device)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_DEVICE, "it was removed");
  if (error) {
    if (fds || board->over)
      take_node_back (board, plug->host, on_revoked_unasked, NULL);
    refuse (board, error);
    return;
  }
  bothy_supervisor_add_text (text, plug->host->name);
  bothy_supervisor_add_text (text, device->user);
  bothy_supervisor_add_text (text, link);
  message.value = (gint32)device->mode;
  bothy_supervisor_call (board->supervisor, message, text, fds, on_plugged, board_ref (board));
}

static void
make_node (Board *board)
{
  struct helper_request request = bothy_device_request (HELPER_DEVICE_NODE, board->current->host);

  request.owner = board->container->range_base;
  g_strlcpy (request.device.id, board->container->id, sizeof request.device.id);
  bothy_helper_client_call (board->plugs->helper, &request, NULL, on_node_made, board_ref (board));
}

static void
on_access_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Board) board = user_data;
  GError *error = NULL;

  if (bothy_device_check_access_finish (BOTHY_HELPER_CLIENT (source), result, &error))
    make_node (board);
  else
    refuse (board, error);
}

static void
plug_in (Board *board, const BothyDevice *device, BothyHostDevice *host)
{
  Plug *plug = g_new0 (Plug, 1);
  const BothyContainer *holder = bothy_plugs_find_holder (board->plugs, host);

  plug->device = g_strdup (device->name);
  plug->host = bothy_host_device_ref (host);
  g_ptr_array_add (board->nodes, plug);
  board->current = plug;
  board->working = TRUE;
  if (holder)
    refuse (board, g_error_new (BOTHY_ERROR, BOTHY_ERROR_BUSY,
                                "another container has it, and only one can; remove it there first"));
  else if (bothy_device_is_approved ((const char *const *)device->approved, host))
    make_node (board);
  else if (bothy_device_kind (host) == BOTHY_DEVICE_OWN)
    bothy_device_check_access (board->plugs->helper, board->container->owner, host, on_access_checked,
                               board_ref (board));
  else
    refuse (board, g_error_new (BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
                                "an administrator has to agree to it: add it while it is there"));
}

/* ---- one after the other ---- */

static void
answer_waiting (Board *board)
{
  GList *waiting = g_steal_pointer (&board->waiting);

  for (GList *l = waiting; l; l = l->next) {
    g_task_return_boolean (l->data, TRUE);
    g_object_unref (l->data);
  }
  g_list_free (waiting);
}

/* While nobody knows what devices there are, all stays as it is. */
static void
advance (Board *board)
{
  g_autoptr (Board) self = board_ref (board);
  g_autoptr (GPtrArray) hosts = NULL;
  const BothyDevice *device = NULL;
  BothyHostDevice *host;
  Plug *stale = NULL;

  if (board->working)
    return;
  if (!board->over && bothy_device_monitor_is_ready (board->plugs->monitor)) {
    hosts = bothy_device_monitor_list (board->plugs->monitor);
    stale = find_stale (board, hosts);
    device = stale ? NULL : find_missing (board, hosts, &host);
  }
  if (stale)
    unplug (board, stale);
  else if (device)
    plug_in (board, device, host);
  else
    answer_waiting (board);
}

static void
on_monitor_ready (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Board) board = user_data;
  g_autoptr (GError) error = NULL;

  if (!bothy_device_monitor_wait_finish (BOTHY_DEVICE_MONITOR (source), result, &error))
    g_warning ("Devices of container %s: %s", board->container->id, error->message);
  g_hash_table_remove_all (board->refused);
  advance (board);
}

/* TASK, taken over, waits until nothing is left to do. */
static void
wait_for (Board *board, GTask *task)
{
  board->waiting = g_list_append (board->waiting, task);
  if (board->container->spec->devices->len == 0 && board->nodes->len == 0)
    advance (board);
  else
    bothy_device_monitor_wait (board->plugs->monitor, on_monitor_ready, board_ref (board));
}

static Board *
board_new (BothyPlugs *self, BothyContainer *container, BothySupervisor *supervisor)
{
  Board *board = g_new0 (Board, 1);

  g_atomic_ref_count_init (&board->references);
  board->plugs = g_object_ref (self);
  board->container = g_object_ref (container);
  board->supervisor = g_object_ref (supervisor);
  board->nodes = g_ptr_array_new_with_free_func (plug_free);
  board->refused = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_error_free);
  return board;
}

static void
on_cleared (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  BothyPlugs *self = g_task_get_source_object (task);
  Board *board = g_hash_table_lookup (self->boards, g_task_get_task_data (task));

  on_revoked_unasked (source, result, NULL);
  if (board)
    board->working = FALSE;
  if (board)
    wait_for (board, task);
  else {
    g_task_return_boolean (task, TRUE);
    g_object_unref (task);
  }
}

static void
on_all_unplugged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Board) board = user_data;

  bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, NULL, NULL);
}

/* Whether an earlier bothyd had something plugged into CONTAINER: bothy-helper has a directory for it then. */
static gboolean
has_earlier_nodes (const BothyContainer *container)
{
  g_autofree char *path = g_build_filename (RUNTIME_DIR, "devices", container->id, NULL);

  return g_file_test (path, G_FILE_TEST_IS_DIR);
}

void
bothy_plugs_begin (BothyPlugs *self,
                   BothyContainer *container,
                   BothySupervisor *supervisor,
                   gboolean fresh,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Board *board = board_new (self, container, supervisor);

  g_task_set_task_data (task, g_strdup (container->id), g_free);
  g_hash_table_replace (self->boards, g_strdup (container->id), board);
  if (container->spec->devices->len == 0 && (fresh || !has_earlier_nodes (container))) {
    wait_for (board, task);
    return;
  }
  board->working = TRUE;
  if (!fresh)
    tell_to_unplug (board, "", on_all_unplugged);
  take_node_back (board, NULL, on_cleared, task);
}

void
bothy_plugs_sync (BothyPlugs *self,
                  BothyContainer *container,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Board *board = g_hash_table_lookup (self->boards, container->id);

  if (board)
    wait_for (board, task);
  else {
    g_task_return_boolean (task, TRUE);
    g_object_unref (task);
  }
}

void
bothy_plugs_finish (BothyPlugs *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}

const GError *
bothy_plugs_get_refusal (BothyPlugs *self, BothyContainer *container, const char *name)
{
  const Board *board = g_hash_table_lookup (self->boards, container->id);
  g_autofree char *prefix = g_strdup_printf ("%s\t", name);
  GHashTableIter iter;
  gpointer key, error;

  if (!board)
    return NULL;
  g_hash_table_iter_init (&iter, board->refused);
  while (g_hash_table_iter_next (&iter, &key, &error))
    if (g_str_has_prefix (key, prefix))
      return error;
  return NULL;
}

/* What others waited for is free now. */
void
bothy_plugs_end (BothyPlugs *self, BothyContainer *container)
{
  g_autoptr (Board) board = g_hash_table_lookup (self->boards, container->id);

  if (!board)
    return;
  board_ref (board);
  board->over = TRUE;
  if (board->nodes->len > 0)
    take_node_back (board, NULL, on_revoked_unasked, NULL);
  g_hash_table_remove (self->boards, container->id);
  bothy_container_set_nodes (container, g_ptr_array_new_with_free_func (g_free));
  advance (board);
  advance_all (self);
}

BothyDeviceMonitor *
bothy_plugs_get_monitor (BothyPlugs *self)
{
  return self->monitor;
}

static void
bothy_plugs_finalize (GObject *object)
{
  BothyPlugs *self = BOTHY_PLUGS (object);

  g_object_unref (self->helper);
  g_object_unref (self->monitor);
  g_hash_table_unref (self->boards);
  G_OBJECT_CLASS (bothy_plugs_parent_class)->finalize (object);
}

static void
bothy_plugs_class_init (BothyPlugsClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_plugs_finalize;
}

static void
bothy_plugs_init (BothyPlugs *self)
{
  self->boards = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)board_unref);
}

BothyPlugs *
bothy_plugs_new (BothyHelperClient *helper, BothyDeviceMonitor *monitor)
{
  BothyPlugs *self = g_object_new (BOTHY_TYPE_PLUGS, NULL);

  self->helper = g_object_ref (helper);
  self->monitor = g_object_ref (monitor);
  g_signal_connect_object (monitor, "changed", G_CALLBACK (advance_all), self, G_CONNECT_SWAPPED);
  return self;
}
