/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/plugs.h"

#include "config.h"
#include "base/error.h"
#include "base/fault.h"
#include "core/container/plugged.h"
#include "core/devices/access.h"

#define TELL_MILLISECONDS  200 /* in which what happens is told of once: a stick has several nodes */
#define AGAIN_SECONDS      2   /* in which logind has given the seat's devices to whoever sits there now */
#define SUPERVISOR_SECONDS 10 /* until its answer is not waited for: it looks into files of the container's */

struct _BothyPlugs {
  GObject parent;
  BothyHelperClient *helper;
  BothyDeviceMonitor *monitor;
  GHashTable *boards; /* id of a container → Board */
  guint again;        /* until it is looked once more who may open what */
  guint telling;      /* until "changed" is emitted */
};

G_DEFINE_FINAL_TYPE (BothyPlugs, bothy_plugs, G_TYPE_OBJECT)

static guint changed_signal;

/*
 * A container that runs. What its supervisor is asked is asked one after the other, for the supervisor looks into files of the
 * container's, and may wait for these. That a device can not be opened any more waits for nothing of this: see
 * revoke_stale().
 */
typedef struct {
  gatomicrefcount references;
  BothyPlugs *plugs;
  BothyContainer *container;
  BothySupervisor *supervisor;
  BothyPlugged *plugged;
  GList *waiting;     /* GTask: until there is nothing to do */
  BothyPlug *current; /* of what is plugged in: what a step is taken with, or NULL */
  guint unanswered;   /* how many answers of the supervisor's are not waited for any more */
  gboolean working;
} Board;

static void advance (Board *board);

static gboolean
on_telling (gpointer user_data)
{
  BothyPlugs *self = user_data;

  self->telling = 0;
  g_signal_emit (self, changed_signal, 0);
  return G_SOURCE_REMOVE;
}

/* What there is, or who has it, is otherwise. */
static void
tell_soon (BothyPlugs *self)
{
  if (!self->telling)
    self->telling = g_timeout_add (TELL_MILLISECONDS, on_telling, self);
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
  bothy_plugged_free (board->plugged);
  g_object_unref (board->supervisor);
  g_object_unref (board->container);
  g_object_unref (board->plugs);
  g_free (board);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Board, board_unref)

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
    const BothyPlug *plug = bothy_plugged_find (board->plugged, host);

    if (plug && plug->claimed)
      return board->container;
  }
  return NULL;
}

/* ---- one step ---- */

static gboolean
is_published (GPtrArray *before, GPtrArray *now)
{
  for (guint i = 0; i < now->len && before->len == now->len; i++)
    if (!g_str_equal (before->pdata[i], now->pdata[i]))
      return FALSE;
  return before->len == now->len;
}

/* What is there, for whoever looks. */
static void
publish (Board *board)
{
  g_autoptr (GPtrArray) nodes = bothy_plugged_list_nodes (board->plugged);

  if (board->plugged->over || is_published (board->container->nodes, nodes))
    return;
  bothy_container_set_nodes (board->container, g_steal_pointer (&nodes));
  tell_soon (board->plugs);
}

/* Somebody else may have HOST now: who was told that it is taken tries again. */
static void
wake_others (Board *board, const BothyHostDevice *host)
{
  g_autoptr (GList) boards = g_hash_table_get_values (board->plugs->boards);

  if (bothy_device_is_shared (host))
    return;
  for (GList *l = boards; l; l = l->next)
    board_ref (l->data);
  for (GList *l = boards; l; l = l->next) {
    Board *other = l->data;

    if (other != board) {
      bothy_plugged_forget_refusals (other->plugged, host, BOTHY_ERROR_BUSY);
      advance (other);
    }
    board_unref (other);
  }
}

/* Nothing is left of PLUG, and it may be made again. */
static void
remove_plug (Board *board, BothyPlug *removed)
{
  g_autoptr (BothyPlug) plug = bothy_plug_ref (removed);

  g_ptr_array_remove (board->plugged->plugs, removed);
  if (!plug->claimed)
    return;
  wake_others (board, plug->host);
  tell_soon (board->plugs);
}

static void
end_step (Board *board)
{
  board->working = FALSE;
  board->current = NULL;
  publish (board);
  advance (board);
}

/* A call about a plug, to be answered. */
typedef struct {
  Board *board;
  BothyPlug *plug;
  guint timer; /* 0: it is not waited for any more */
  void (*done) (Board *board, BothyPlug *plug, GError *error);
} Call;

static Call *
call_new (Board *board, BothyPlug *plug)
{
  Call *call = g_new0 (Call, 1);

  call->board = board_ref (board);
  call->plug = bothy_plug_ref (plug);
  return call;
}

static void
call_free (Call *call)
{
  g_clear_handle_id (&call->timer, g_source_remove);
  bothy_plug_unref (call->plug);
  board_unref (call->board);
  g_free (call);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_free)

/* ---- what nobody may open any more ---- */

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
take_node_back (BothyPlugs *self,
                const BothyContainer *container,
                const BothyHostDevice *host,
                GAsyncReadyCallback callback,
                gpointer user_data)
{
  struct helper_request request = { .op = HELPER_DEVICE_REVOKE };

  if (host)
    request = bothy_device_request (HELPER_DEVICE_REVOKE, host);
  g_strlcpy (request.device.id, container->id, sizeof request.device.id);
  bothy_helper_client_call (self->helper, &request, NULL, callback, user_data);
}

static void
on_revoked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Call) call = user_data;

  on_revoked_unasked (source, result, NULL);
  call->plug->revoking = FALSE;
  advance (call->board);
}

static void
take_away (Board *board, BothyPlug *plug)
{
  plug->stale = TRUE;
  plug->given = FALSE;
  if (!plug->made)
    return;
  plug->made = FALSE;
  plug->revoking = TRUE;
  take_node_back (board->plugs, board->container, plug->host, on_revoked, call_new (board, plug));
}

/* At once, whatever is waited for: from now on another device may have its number. */
static void
revoke_stale (Board *board, GPtrArray *hosts)
{
  for (guint i = 0; i < board->plugged->plugs->len; i++) {
    BothyPlug *plug = board->plugged->plugs->pdata[i];

    if (!plug->stale && !bothy_plugged_is_current (board->plugged, plug, hosts))
      take_away (board, plug);
  }
}

/* The current one can not be, as ERROR (taken over) says. */
static void
refuse (Board *board, GError *error)
{
  BothyPlug *plug = board->current;

  bothy_error_adopt (&error, "Plugging it in");
  g_prefix_error (&error, "Device /dev/%s: ", plug->host->name);
  g_message ("Container %s: %s", board->container->id, error->message);
  bothy_plugged_refuse (board->plugged, plug, error);
  take_away (board, plug);
  if (!plug->revoking)
    remove_plug (board, plug);
  end_step (board);
}

/* ---- what the supervisor is asked ---- */

static GError *
late_error (void)
{
  return g_error_new (BOTHY_ERROR, BOTHY_ERROR_DEVICE_FAILED,
                      "the container's supervisor does not answer; perhaps it waits for a file system in the "
                      "container that does not: stop the container");
}

static void
on_supervisor_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Call) call = user_data;
  Board *board = call->board;
  GError *error = NULL;

  bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &error);
  if (call->timer) {
    g_clear_handle_id (&call->timer, g_source_remove);
    call->done (board, call->plug, error);
    return;
  }
  g_clear_error (&error);
  if (--board->unanswered > 0)
    return;
  bothy_plugged_forget_all_refusals (board->plugged);
  advance (board);
}

static gboolean
on_supervisor_late (gpointer user_data)
{
  Call *call = user_data;

  call->timer = 0;
  call->board->unanswered++;
  call->done (call->board, call->plug, late_error ());
  return G_SOURCE_REMOVE;
}

/* DONE gets the error, which it takes over, or NULL; within some seconds. */
static void
call_supervisor (Board *board,
                 BothyPlug *plug,
                 struct supervisor_message message,
                 GByteArray *text,
                 GUnixFDList *fds,
                 void (*done) (Board *board, BothyPlug *plug, GError *error))
{
  Call *call = call_new (board, plug);

  call->done = done;
  call->timer = g_timeout_add_seconds (SUPERVISOR_SECONDS, on_supervisor_late, call);
  bothy_supervisor_call (board->supervisor, message, text, fds, on_supervisor_answer, call);
}

static void
on_told (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Board) board = user_data;
  g_autoptr (GError) error = NULL;

  if (!bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &error))
    g_debug ("Taking devices out of /dev: %s", error->message);
}

/* The node NAME, or "": all of ours go from /dev. It does one thing after the other, so that this need not be waited for. */
static void
tell_to_unplug (Board *board, const char *name)
{
  const struct supervisor_message message = { .type = SUPERVISOR_NO_DEVICE };
  g_autoptr (GByteArray) text = g_byte_array_new ();

  bothy_supervisor_add_text (text, name);
  bothy_supervisor_call (board->supervisor, message, text, NULL, on_told, board_ref (board));
}

/* ---- taken away ---- */

static void
on_unplugged (Board *board, BothyPlug *plug, GError *error)
{
  if (error)
    g_debug ("Taking a device out of /dev: %s", error->message);
  g_clear_error (&error);
  remove_plug (board, plug);
  end_step (board);
}

/* It can not be opened any more, whatever is left of it inside. If that could not be said, the name goes all the same. */
static void
unplug (Board *board, BothyPlug *plug)
{
  const struct supervisor_message message = { .type = SUPERVISOR_NO_DEVICE };
  g_autoptr (GByteArray) text = g_byte_array_new ();

  board->current = plug;
  board->working = TRUE;
  if (board->unanswered > 0) {
    tell_to_unplug (board, plug->host->name);
    on_unplugged (board, plug, NULL);
    return;
  }
  bothy_supervisor_add_text (text, plug->host->name);
  call_supervisor (board, plug, message, text, NULL, on_unplugged);
}

/* ---- plugged in ---- */

static gboolean
is_current_now (Board *board, const BothyPlug *plug)
{
  g_autoptr (GPtrArray) hosts = bothy_device_monitor_list (board->plugs->monitor);

  return bothy_plugged_is_current (board->plugged, plug, hosts);
}

static GError *
gone_error (void)
{
  return g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_DEVICE, "it was removed meanwhile");
}

static void
on_plugged (Board *board, BothyPlug *plug, GError *error)
{
  if (!error) {
    plug->given = !plug->stale;
    end_step (board);
    return;
  }
  /* If it only was late, it may still do it; it is told to undo it. */
  refuse (board, error);
}

static void
on_node_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Board) board = user_data;
  BothyPlug *plug = board->current;
  const BothyDevice *device = bothy_devices_find (board->container->spec->devices, plug->device);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GByteArray) text = g_byte_array_new ();
  struct supervisor_message message = { .type = SUPERVISOR_DEVICE };
  g_autofree char *link = device ? bothy_device_make_link (device, plug->host) : NULL;
  GError *error = NULL;

  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  BOTHY_FAULT_POINT ("device.made");
  /* Also if it is not known: a helper that was too slow may have made it. */
  plug->made = TRUE;
  if (fds && !is_current_now (board, plug))
    error = gone_error ();
  if (error) {
    refuse (board, error);
    return;
  }
  bothy_supervisor_add_text (text, plug->host->name);
  bothy_supervisor_add_text (text, device->user);
  bothy_supervisor_add_text (text, link);
  message.value = (gint32)device->mode;
  call_supervisor (board, plug, message, text, fds, on_plugged);
}

/* Its user may have it. */
static void
make_node (Board *board)
{
  struct helper_request request = bothy_device_request (HELPER_DEVICE_NODE, board->current->host);

  if (bothy_plugs_find_holder (board->plugs, board->current->host)) {
    refuse (board, g_error_new (BOTHY_ERROR, BOTHY_ERROR_BUSY,
                                "another container has it, and only one can; remove it there first"));
    return;
  }
  board->current->claimed = TRUE;
  request.owner = board->container->range_base;
  g_strlcpy (request.device.id, board->container->id, sizeof request.device.id);
  bothy_helper_client_call (board->plugs->helper, &request, NULL, on_node_made, board_ref (board));
}

static void
on_access_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Board) board = user_data;
  GError *error = NULL;

  if (!bothy_device_check_access_finish (BOTHY_HELPER_CLIENT (source), result, &error))
    refuse (board, error);
  else if (!is_current_now (board, board->current))
    refuse (board, gone_error ());
  else
    make_node (board);
}

static void
plug_in (Board *board, const BothyDevice *device, BothyHostDevice *host)
{
  board->current = bothy_plugged_add (board->plugged, device, host);
  board->working = TRUE;
  if (board->unanswered > 0)
    refuse (board, late_error ());
  else if (bothy_device_is_approved ((const char *const *)device->approved, host))
    make_node (board);
  else if (bothy_device_kind (host) == BOTHY_DEVICE_OWN && !device->approved_only)
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

/* While nobody knows what devices there are, all stays as it is, but for what is not asked for any more. That is for seconds: then
   the monitor is blind, its list is empty, and everything is taken away. */
static void
advance (Board *board)
{
  g_autoptr (Board) self = board_ref (board);
  g_autoptr (GPtrArray) hosts = bothy_device_monitor_list (board->plugs->monitor);
  const BothyDevice *device = NULL;
  BothyHostDevice *host = NULL;
  BothyPlug *revoked;

  if (board->plugged->over) {
    answer_waiting (board);
    return;
  }
  revoke_stale (board, hosts);
  publish (board);
  if (board->working)
    return;
  revoked = bothy_plugged_find_revoked (board->plugged);
  if (revoked) {
    unplug (board, revoked);
    return;
  }
  if (bothy_device_monitor_is_ready (board->plugs->monitor))
    device = bothy_plugged_find_missing (board->plugged, hosts, &host);
  if (!bothy_plugged_is_revoking (board->plugged) &&
      (!device || bothy_plugged_was_tried (board->plugged, device, host)))
    answer_waiting (board);
  if (device)
    plug_in (board, device, host);
}

static void
on_checked_again (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Call) call = user_data;
  g_autoptr (GError) error = NULL;

  if (bothy_device_check_access_finish (BOTHY_HELPER_CLIENT (source), result, &error) || call->plug->stale ||
      !g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED))
    return;
  g_message ("Container %s: Device /dev/%s: its owner may not open it any more", call->board->container->id,
             call->plug->host->name);
  take_away (call->board, call->plug);
  advance (call->board);
}

/* Whether the container has PLUG because its owner may open it himself, now as then. */
static void
check_plug_again (Board *board, BothyPlug *plug)
{
  const BothyDevice *device = bothy_devices_find (board->container->spec->devices, plug->device);

  if (device && plug->claimed && !plug->stale &&
      !bothy_device_is_approved ((const char *const *)device->approved, plug->host))
    bothy_device_check_access (board->plugs->helper, board->container->owner, plug->host, on_checked_again,
                               call_new (board, plug));
}

/* Of HOST, or of all of them (NULL): what is not allowed any more goes, and what was not allowed is tried again. */
static void
check_board_again (Board *board, const BothyHostDevice *host)
{
  const GPtrArray *plugs = board->plugged->plugs;

  for (guint i = 0; i < plugs->len; i++) {
    BothyPlug *plug = plugs->pdata[i];

    if (!host || bothy_plug_is_of (plug, host))
      check_plug_again (board, plug);
  }
  bothy_plugged_forget_refusals (board->plugged, host, BOTHY_ERROR_NOT_AUTHORIZED);
  advance (board);
}

static void
check_again (BothyPlugs *self, const BothyHostDevice *host)
{
  g_autoptr (GList) boards = g_hash_table_get_values (self->boards);

  for (GList *l = boards; l; l = l->next)
    board_ref (l->data);
  for (GList *l = boards; l; l = l->next) {
    check_board_again (l->data, host);
    board_unref (l->data);
  }
}

static gboolean
on_again (gpointer user_data)
{
  BothyPlugs *self = user_data;

  self->again = 0;
  check_again (self, NULL);
  return G_SOURCE_REMOVE;
}

void
bothy_plugs_check_again (BothyPlugs *self)
{
  if (!self->again)
    self->again = g_timeout_add_seconds (AGAIN_SECONDS, on_again, self);
}

/* Something is otherwise than it was. */
static void
advance_all (BothyPlugs *self)
{
  g_autoptr (GList) boards = g_hash_table_get_values (self->boards);

  tell_soon (self);
  for (GList *l = boards; l; l = l->next)
    board_ref (l->data);
  for (GList *l = boards; l; l = l->next) {
    advance (l->data);
    board_unref (l->data);
  }
}

static void
on_monitor_ready (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Board) board = user_data;
  g_autoptr (GError) error = NULL;

  if (!bothy_device_monitor_wait_finish (BOTHY_DEVICE_MONITOR (source), result, &error))
    g_warning ("Devices of container %s: %s", board->container->id, error->message);
  bothy_plugged_forget_all_refusals (board->plugged);
  advance (board);
}

/* TASK, taken over, waits until nothing is left to do. */
static void
wait_for (Board *board, GTask *task)
{
  g_autoptr (GPtrArray) hosts = bothy_device_monitor_list (board->plugs->monitor);

  /* What is not asked for any more need not wait for whoever says what there is. */
  revoke_stale (board, hosts);
  board->waiting = g_list_append (board->waiting, task);
  bothy_plugged_forget_tries (board->plugged);
  if (board->container->spec->devices->len == 0)
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
  board->plugged = bothy_plugged_new (container);
  return board;
}

static void
on_cleared (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Board *board = g_task_get_task_data (task);

  on_revoked_unasked (source, result, NULL);
  board->working = FALSE;
  wait_for (board, task);
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

  g_task_set_task_data (task, board_ref (board), (GDestroyNotify)board_unref);
  g_hash_table_replace (self->boards, g_strdup (container->id), board);
  if (container->spec->devices->len == 0 && (fresh || !has_earlier_nodes (container))) {
    wait_for (board, task);
    return;
  }
  board->working = TRUE;
  if (!fresh)
    tell_to_unplug (board, "");
  take_node_back (self, container, NULL, on_cleared, task);
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

  return board ? bothy_plugged_get_refusal (board->plugged, name) : NULL;
}

void
bothy_plugs_clear (BothyPlugs *self, const BothyContainer *container)
{
  take_node_back (self, container, NULL, on_revoked_unasked, NULL);
}

/* What others waited for is free now. */
void
bothy_plugs_end (BothyPlugs *self, BothyContainer *container)
{
  g_autoptr (Board) board = g_hash_table_lookup (self->boards, container->id);

  if (!board)
    return;
  board_ref (board);
  board->plugged->over = TRUE;
  if (board->plugged->plugs->len > 0) {
    bothy_plugs_clear (self, container);
    tell_soon (self);
  }
  g_hash_table_remove (self->boards, container->id);
  bothy_container_set_nodes (container, g_ptr_array_new_with_free_func (g_free));
  advance (board);
  for (guint i = 0; i < board->plugged->plugs->len; i++)
    wake_others (board, ((BothyPlug *)board->plugged->plugs->pdata[i])->host);
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

  g_clear_handle_id (&self->again, g_source_remove);
  g_clear_handle_id (&self->telling, g_source_remove);
  g_object_unref (self->helper);
  g_object_unref (self->monitor);
  g_hash_table_unref (self->boards);
  G_OBJECT_CLASS (bothy_plugs_parent_class)->finalize (object);
}

static void
bothy_plugs_class_init (BothyPlugsClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_plugs_finalize;
  changed_signal =
      g_signal_new ("changed", BOTHY_TYPE_PLUGS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
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
  g_signal_connect_object (monitor, "touched", G_CALLBACK (check_again), self, G_CONNECT_SWAPPED);
  return self;
}
