/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/device-monitor.h"

#include "config.h"
#include "base/error.h"
#include "devices.h"
#include "devices/protocol.h"
#include "platform/packet-client.h"

#include <string.h>
#include <unistd.h>

#define SOCKET_PATH   RUNTIME_DIR "/devices.sock"
#define MAX_PACKET    (sizeof (struct devices_message) + DEVICES_MAX_TEXT)
#define MAX_DEVICES   8192 /* more than any machine has */
#define MAX_LABEL     64   /* characters of what a device calls itself */
#define WAIT_SECONDS  5
#define TOUCH_SECONDS 1  /* in which many events about one device are one */
#define AGAIN_SECONDS 1  /* until somebody is to watch again; each time that goes wrong, twice as long */
#define MAX_SECONDS   32 /* for which one waits then */
#define BLIND_SECONDS 5  /* for which nobody watches until nothing is known any more */

struct _BothyDeviceMonitor {
  GObject parent;
  gboolean child;
  BothyPacketClient *peer; /* NULL: nobody watches */
  gboolean ready;
  GHashTable *devices;  /* char * "c1:3" → BothyHostDevice */
  GHashTable *incoming; /* the same of those that are told before it is ready */
  GList *waiting;       /* GTask */
  guint timer;
  guint again, again_seconds; /* until somebody is asked to watch again */
  guint blinding;             /* nobody watches, and soon nothing is known any more */
  gboolean blind;
  GHashTable *touched; /* BothyHostDevice: there was an event about it */
  guint touching;
  guint64 plugged;
};

G_DEFINE_FINAL_TYPE (BothyDeviceMonitor, bothy_device_monitor, G_TYPE_OBJECT)

static guint changed_signal, touched_signal;

/* ---- a device ---- */

BothyHostDevice *
bothy_host_device_ref (BothyHostDevice *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
bothy_host_device_unref (BothyHostDevice *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_free (self->name);
  g_free (self->subsystem);
  g_free (self->path);
  g_free (self->number);
  g_free (self->vendor);
  g_free (self->product);
  g_free (self->serial);
  g_free (self->port);
  g_free (self->vendor_name);
  g_free (self->model_name);
  g_strfreev (self->properties);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyHostDevice, bothy_host_device_unref)

/* What a device says of itself is shown to people, and to polkit. */
static char *
take_text (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *shown = g_string_new (NULL);

  for (const char *c = valid; *c; c = g_utf8_next_char (c)) {
    gunichar character = g_utf8_get_char (c);

    if (g_unichar_isspace (character) || g_unichar_iscntrl (character))
      g_string_append_c (shown, ' ');
    else if (g_unichar_isprint (character) && !g_unichar_iszerowidth (character))
      g_string_append_unichar (shown, character);
    /* Else nobody sees it, or it turns around what one sees. */
  }
  return g_strstrip (g_string_free (shown, FALSE));
}

/* The strings of a message. (transfer full) */
static GPtrArray *
split_text (const char *text, gsize size)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);

  for (const char *end = text + size; text < end; text += strlen (text) + 1)
    g_ptr_array_add (words, take_text (text));
  return words;
}

static char *
dup_word (GPtrArray *words, enum devices_word which)
{
  return g_strdup (words->pdata[which]);
}

static char *
dup_label (GPtrArray *words, enum devices_word which)
{
  const char *word = words->pdata[which];

  return g_utf8_strlen (word, -1) <= MAX_LABEL ? g_strdup (word) : g_utf8_substring (word, 0, MAX_LABEL);
}

static gint
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* In one order, so that two lists can be compared. (transfer full) */
static char **
take_properties (GPtrArray *words)
{
  GPtrArray *properties = g_ptr_array_new ();

  for (guint i = DEVICES_N_WORDS; i < words->len; i++)
    if (!device_property_is_passing (words->pdata[i]))
      g_ptr_array_add (properties, g_strdup (words->pdata[i]));
  g_ptr_array_sort (properties, compare_strings);
  g_ptr_array_add (properties, NULL);
  return (char **)g_ptr_array_free (properties, FALSE);
}

/* NULL: no honest bothy-devices says this. (transfer full) */
static BothyHostDevice *
device_from_message (const struct devices_message *message)
{
  g_autoptr (GPtrArray) words = split_text ((const char *)(message + 1), message->text_size);
  BothyHostDevice *device;

  if (words->len < DEVICES_N_WORDS || words->len > DEVICES_N_WORDS + DEVICES_MAX_PROPERTIES ||
      !device_name_is_valid (words->pdata[DEVICES_NAME]))
    return NULL;
  device = g_new0 (BothyHostDevice, 1);
  g_atomic_ref_count_init (&device->references);
  device->major = message->major;
  device->minor = message->minor;
  device->is_block = message->is_block != 0;
  device->name = dup_word (words, DEVICES_NAME);
  device->subsystem = dup_word (words, DEVICES_SUBSYSTEM);
  device->path = dup_word (words, DEVICES_PATH);
  device->number = dup_word (words, DEVICES_NUMBER);
  device->vendor = g_ascii_strdown (words->pdata[DEVICES_VENDOR], -1);
  device->product = g_ascii_strdown (words->pdata[DEVICES_PRODUCT], -1);
  device->serial = dup_word (words, DEVICES_SERIAL);
  device->port = dup_word (words, DEVICES_PORT);
  device->vendor_name = dup_label (words, DEVICES_VENDOR_NAME);
  device->model_name = dup_label (words, DEVICES_MODEL_NAME);
  device->properties = take_properties (words);
  return device;
}

/* When udev saw it for the first time since it was plugged in; "" where there is no udev. */
static const char *
find_moment (const BothyHostDevice *device)
{
  for (char **property = device->properties; *property; property++)
    if (g_str_has_prefix (*property, "USEC_INITIALIZED="))
      return *property;
  return "";
}

/* Whether NEW is what OLD was, never unplugged since, whatever else changed. */
static gboolean
is_same (const BothyHostDevice *old, const BothyHostDevice *new)
{
  return g_str_equal (old->path, new->path) && g_str_equal (old->name, new->name) &&
         g_str_equal (old->subsystem, new->subsystem) && g_str_equal (old->vendor, new->vendor) &&
         g_str_equal (old->product, new->product) && g_str_equal (old->serial, new->serial) &&
         g_str_equal (old->port, new->port) && g_str_equal (find_moment (old), find_moment (new));
}

static gboolean
is_unchanged (const BothyHostDevice *old, const BothyHostDevice *new)
{
  return is_same (old, new) && g_str_equal (old->number, new->number) &&
         g_str_equal (old->vendor_name, new->vendor_name) && g_str_equal (old->model_name, new->model_name) &&
         g_strv_equal ((const char *const *)old->properties, (const char *const *)new->properties);
}

/* ---- what is told ---- */

static char *
key_of (gboolean is_block, guint32 major, guint32 minor)
{
  return g_strdup_printf ("%c%u:%u", is_block ? 'b' : 'c', major, minor);
}

static void
emit_changed (BothyDeviceMonitor *self)
{
  if (self->ready)
    g_signal_emit (self, changed_signal, 0);
}

static void
take_gone (BothyDeviceMonitor *self, const struct devices_message *message)
{
  g_autofree char *key = key_of (message->is_block != 0, message->major, message->minor);

  if (g_hash_table_remove (self->ready ? self->devices : self->incoming, key))
    emit_changed (self);
}

static gboolean
on_touched (gpointer user_data)
{
  g_autoptr (BothyDeviceMonitor) self = g_object_ref (user_data);
  g_autoptr (GHashTable) touched = g_steal_pointer (&self->touched);
  GHashTableIter iter;
  gpointer host;

  self->touching = 0;
  self->touched = g_hash_table_new_full (NULL, NULL, (GDestroyNotify)bothy_host_device_unref, NULL);
  g_hash_table_iter_init (&iter, touched);
  while (g_hash_table_iter_next (&iter, &host, NULL))
    g_signal_emit (self, touched_signal, 0, host);
  return G_SOURCE_REMOVE;
}

/* Its node's mode and access list may be others, which its properties do not say. */
static void
note_touched (BothyDeviceMonitor *self, BothyHostDevice *host)
{
  g_hash_table_add (self->touched, bothy_host_device_ref (host));
  if (!self->touching)
    self->touching = g_timeout_add_seconds (TOUCH_SECONDS, on_touched, self);
}

/* Users can make events, as many as they like (each virtual machine is one): nobody hears of one that changes nothing. */
static void
take_present (BothyDeviceMonitor *self, const struct devices_message *message)
{
  g_autoptr (BothyHostDevice) device = device_from_message (message);
  g_autofree char *key = key_of (message->is_block != 0, message->major, message->minor);
  BothyHostDevice *old = g_hash_table_lookup (self->devices, key);

  if (old && self->ready)
    note_touched (self, old);
  if (!device) {
    take_gone (self, message);
    return;
  }
  if ((old && self->ready && is_unchanged (old, device)) ||
      (!old && g_hash_table_size (self->devices) + g_hash_table_size (self->incoming) >= MAX_DEVICES))
    return;
  /* Something of it changed; or another one has its number, and nobody said that the first is gone. */
  device->plugged = old && is_same (old, device) ? old->plugged : ++self->plugged;
  g_hash_table_replace (self->ready ? self->devices : self->incoming, g_steal_pointer (&key),
                        g_steal_pointer (&device));
  emit_changed (self);
}

/* Whoever waits is answered: with ERROR (not taken over), or NULL. */
static void
answer_waiting (BothyDeviceMonitor *self, const GError *error)
{
  GList *waiting = g_steal_pointer (&self->waiting);

  g_clear_handle_id (&self->timer, g_source_remove);
  for (GList *l = waiting; l; l = l->next) {
    if (error)
      g_task_return_error (l->data, g_error_copy (error));
    else
      g_task_return_boolean (l->data, TRUE);
    g_object_unref (l->data);
  }
  g_list_free (waiting);
}

/* What is there now, whatever was there before nobody watched for a while. */
static void
take_ready (BothyDeviceMonitor *self)
{
  GHashTable *before = self->devices;

  self->devices = self->incoming;
  self->incoming = before;
  g_hash_table_remove_all (before);
  g_clear_handle_id (&self->blinding, g_source_remove);
  self->blind = FALSE;
  self->again_seconds = 0;
  self->ready = TRUE;
  answer_waiting (self, NULL);
  emit_changed (self);
}

static void
on_packet (BothyPacketClient *peer, BothyPacket *packet, gpointer user_data)
{
  g_autoptr (BothyDeviceMonitor) self = g_object_ref (user_data);
  const struct devices_message *message = (const struct devices_message *)packet->data;

  if (packet->size < sizeof *message || message->version != DEVICES_PROTOCOL_VERSION ||
      packet->size != sizeof *message + message->text_size ||
      (message->text_size > 0 && packet->data[packet->size - 1] != '\0'))
    return;
  if (message->type == DEVICES_PRESENT)
    take_present (self, message);
  else if (message->type == DEVICES_GONE)
    take_gone (self, message);
  else if (message->type == DEVICES_READY && !self->ready)
    take_ready (self);
}

static gboolean watch (BothyDeviceMonitor *self, GError **error);

static gboolean
on_again (gpointer user_data)
{
  BothyDeviceMonitor *self = user_data;
  g_autoptr (GError) error = NULL;

  self->again = 0;
  if (!watch (self, &error))
    g_warning ("%s", error->message);
  return G_SOURCE_REMOVE;
}

static void
try_again_later (BothyDeviceMonitor *self)
{
  self->again_seconds = self->again_seconds ? MIN (2 * self->again_seconds, MAX_SECONDS) : AGAIN_SECONDS;
  g_clear_handle_id (&self->again, g_source_remove);
  self->again = g_timeout_add_seconds (self->again_seconds, on_again, self);
}

/* Whatever was there may have been unplugged, and another one may have its number. */
static gboolean
on_blind (gpointer user_data)
{
  g_autoptr (BothyDeviceMonitor) self = g_object_ref (user_data);

  self->blinding = 0;
  self->blind = TRUE;
  g_hash_table_remove_all (self->devices);
  g_signal_emit (self, changed_signal, 0);
  return G_SOURCE_REMOVE;
}

/* For a moment all is taken to be as it was last seen: bothy-devices may only be updated. */
static void
on_closed (BothyPacketClient *peer, gpointer user_data)
{
  g_autoptr (BothyDeviceMonitor) self = g_object_ref (user_data);
  g_autoptr (GError) error =
      g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED, "bothy-devices ended; devices are not watched");

  g_clear_pointer (&self->peer, bothy_packet_client_unref);
  try_again_later (self);
  if (self->ready && !self->blinding)
    self->blinding = g_timeout_add_seconds (BLIND_SECONDS, on_blind, self);
  self->ready = FALSE;
  answer_waiting (self, error);
}

/* ---- who tells it ---- */

static GSocket *
start_child (GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GSocket) ours = NULL;
  int theirs;

  if (!bothy_packet_socketpair (&ours, &theirs, error))
    return NULL;
  g_subprocess_launcher_take_fd (launcher, theirs, 3);
  process =
      g_subprocess_launcher_spawn (launcher, error, LIBEXEC_DIR "/bothy-devices", "--connection", "3", NULL);
  return process ? g_steal_pointer (&ours) : NULL;
}

static gboolean
watch (BothyDeviceMonitor *self, GError **error)
{
  g_autoptr (GSocket) socket = NULL;

  socket = self->child ? start_child (error) : bothy_packet_connect (SOCKET_PATH, error);
  if (!socket) {
    bothy_error_adopt (error, "bothy-devices can not be reached at " SOCKET_PATH);
    try_again_later (self);
    return FALSE;
  }
  g_hash_table_remove_all (self->incoming);
  self->peer = bothy_packet_client_new (socket, "bothy-devices", MAX_PACKET, on_packet, on_closed, self);
  return TRUE;
}

/* Whoever asks makes nobody try more often. */
static gboolean
ensure_watching (BothyDeviceMonitor *self, GError **error)
{
  if (self->peer)
    return TRUE;
  if (!self->again)
    return watch (self, error);
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_FAILED,
      "bothy-devices ended, and is started again soon; until then nobody knows what devices there are");
  return FALSE;
}

static gboolean
on_late (gpointer user_data)
{
  BothyDeviceMonitor *self = user_data;
  g_autoptr (GError) error =
      g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED, "bothy-devices does not say what devices there are");

  self->timer = 0;
  answer_waiting (self, error);
  return G_SOURCE_REMOVE;
}

void
bothy_device_monitor_wait (BothyDeviceMonitor *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  GError *error = NULL;

  if (!ensure_watching (self, &error))
    g_task_return_error (task, error);
  else if (self->ready)
    g_task_return_boolean (task, TRUE);
  else {
    self->waiting = g_list_append (self->waiting, task);
    if (!self->timer)
      self->timer = g_timeout_add_seconds (WAIT_SECONDS, on_late, self);
    return;
  }
  g_object_unref (task);
}

gboolean
bothy_device_monitor_wait_finish (BothyDeviceMonitor *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

gboolean
bothy_device_monitor_is_ready (BothyDeviceMonitor *self)
{
  return self->ready;
}

gboolean
bothy_device_monitor_is_blind (BothyDeviceMonitor *self)
{
  return self->blind;
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  const BothyHostDevice *const *first = a, *const *second = b;

  return strcmp ((*first)->name, (*second)->name);
}

GPtrArray *
bothy_device_monitor_list (BothyDeviceMonitor *self)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_host_device_unref);
  GHashTableIter iter;
  gpointer device;

  g_hash_table_iter_init (&iter, self->devices);
  while (g_hash_table_iter_next (&iter, NULL, &device))
    g_ptr_array_add (list, bothy_host_device_ref (device));
  g_ptr_array_sort (list, compare_names);
  return list;
}

static void
bothy_device_monitor_finalize (GObject *object)
{
  BothyDeviceMonitor *self = BOTHY_DEVICE_MONITOR (object);

  g_clear_handle_id (&self->timer, g_source_remove);
  g_clear_handle_id (&self->again, g_source_remove);
  g_clear_handle_id (&self->blinding, g_source_remove);
  g_clear_handle_id (&self->touching, g_source_remove);
  g_hash_table_unref (self->touched);
  if (self->peer)
    bothy_packet_client_close (self->peer);
  g_clear_pointer (&self->peer, bothy_packet_client_unref);
  g_hash_table_unref (self->devices);
  g_hash_table_unref (self->incoming);
  G_OBJECT_CLASS (bothy_device_monitor_parent_class)->finalize (object);
}

static void
bothy_device_monitor_class_init (BothyDeviceMonitorClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_device_monitor_finalize;
  changed_signal = g_signal_new ("changed", BOTHY_TYPE_DEVICE_MONITOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
  touched_signal = g_signal_new ("touched", BOTHY_TYPE_DEVICE_MONITOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, G_TYPE_POINTER);
}

static void
bothy_device_monitor_init (BothyDeviceMonitor *self)
{
  self->touched = g_hash_table_new_full (NULL, NULL, (GDestroyNotify)bothy_host_device_unref, NULL);
  self->devices =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)bothy_host_device_unref);
  self->incoming =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)bothy_host_device_unref);
}

BothyDeviceMonitor *
bothy_device_monitor_new (gboolean child)
{
  BothyDeviceMonitor *self = g_object_new (BOTHY_TYPE_DEVICE_MONITOR, NULL);

  self->child = child;
  return self;
}
