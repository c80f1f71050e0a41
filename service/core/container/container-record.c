/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/container-record.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/validate.h"
#include "core/ids/ranges.h"

#include <errno.h>
#include <fcntl.h>

#define GROUP     "Container"
#define DETAILS   "LastErrorDetails"
#define ESCAPED   "Escaped" /* at the end of the key of a list that is not UTF-8 */
#define FILE_NAME "container"

/* ---- writing ---- */

static void
set_strv (GKeyFile *record, const char *key, char **strings)
{
  if (strings)
    g_key_file_set_string_list (record, GROUP, key, (const char *const *)strings, g_strv_length (strings));
}

/* What goes to a program may be any bytes, and a record is UTF-8: escapes have a key of their own then. */
static void
set_words (GKeyFile *record, const char *key, char **words)
{
  g_autofree char *escaped_key = g_strconcat (key, ESCAPED, NULL);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) escaped = NULL;
  gboolean is_text = TRUE;

  for (char **word = words; *word; word++) {
    g_autofree char *text = g_strescape (*word, NULL);

    g_strv_builder_add (builder, text);
    is_text = is_text && g_utf8_validate (*word, -1, NULL);
  }
  escaped = g_strv_builder_end (builder);
  if (is_text)
    set_strv (record, key, words);
  else
    set_strv (record, escaped_key, escaped);
}

static void
set_directory (GKeyFile *record, const char *path)
{
  g_autofree char *escaped = g_strescape (path, NULL);

  if (g_utf8_validate (path, -1, NULL))
    g_key_file_set_string (record, GROUP, "WorkingDirectory", path);
  else
    g_key_file_set_string (record, GROUP, "WorkingDirectory" ESCAPED, escaped);
}

static void
set_ports (GKeyFile *record, GArray *ports)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) texts = NULL;

  for (guint i = 0; i < ports->len; i++) {
    g_autofree char *text = bothy_port_format (&g_array_index (ports, BothyPort, i));

    g_strv_builder_add (builder, text);
  }
  texts = g_strv_builder_end (builder);
  set_strv (record, "Ports", texts);
}

static void
set_network (GKeyFile *record, const BothyContainerNetwork *network)
{
  g_autofree char *text = bothy_container_network_format (network);
  g_autofree char *address = bothy_container_network_format_address (network);

  g_key_file_set_string (record, GROUP, "Network", text);
  g_key_file_set_string (record, GROUP, "Address", address);
  set_strv (record, "Resolvers", network->resolvers);
  if (network->allowed)
    g_key_file_set_boolean (record, GROUP, "NetworkAllowed", TRUE);
}

/* A group of their own: the keys of details are whatever an error has. */
static void
set_error (GKeyFile *record, const GError *error)
{
  g_autoptr (GVariant) details = g_variant_ref_sink (bothy_error_details_to_variant (error));
  GVariantIter iter;
  const char *key, *value;

  g_key_file_set_string (record, GROUP, "LastError", error->message);
  g_key_file_set_string (record, GROUP, "LastErrorName", bothy_error_name (bothy_error_get_code (error)));
  g_variant_iter_init (&iter, details);
  while (g_variant_iter_next (&iter, "{&s&s}", &key, &value))
    g_key_file_set_string (record, DETAILS, key, value);
}

/* A bothyd that is started anew goes on with what was known; what it said last is not worth a write each time. */
static void
set_health (GKeyFile *record, const BothyContainer *self)
{
  const BothyHealthCheck *check = &self->spec->health;

  bothy_health_check_to_record (check, record);
  if (!bothy_health_check_is_on (check))
    return;
  g_key_file_set_string (record, GROUP, "Health",
                         bothy_health_state_name (bothy_container_get_health (self)));
  g_key_file_set_uint64 (record, GROUP, "HealthFailures", self->health.failures);
}

/* How it came to its state, and whether that goes on. */
static void
set_starts (GKeyFile *record, const BothyContainer *self)
{
  g_key_file_set_string (record, GROUP, "Reason", bothy_container_reason_name (self->reason));
  g_key_file_set_string (record, GROUP, "Cause", bothy_container_reason_name (self->cause));
  g_key_file_set_string (record, GROUP, "Boot", self->boot);
  g_key_file_set_boolean (record, GROUP, "Wanted", self->wanted);
  g_key_file_set_boolean (record, GROUP, "Due", self->due != 0);
  g_key_file_set_uint64 (record, GROUP, "Restarts", self->n_restarts);
  g_key_file_set_uint64 (record, GROUP, "HealthRestarts", self->n_health_restarts);
  g_key_file_set_boolean (record, GROUP, "LeftUnhealthy", self->left_unhealthy);
}

GKeyFile *
bothy_container_to_record (BothyContainer *self)
{
  GKeyFile *record = g_key_file_new ();
  const BothyContainerSpec *spec = self->spec;

  g_key_file_set_string (record, GROUP, "Id", self->id);
  g_key_file_set_uint64 (record, GROUP, "Owner", self->owner);
  g_key_file_set_uint64 (record, GROUP, "RangeBase", self->range_base);
  g_key_file_set_string (record, GROUP, "Name", spec->name);
  g_key_file_set_string (record, GROUP, "Image", spec->image);
  g_key_file_set_string (record, GROUP, "Hostname", spec->hostname);
  g_key_file_set_string (record, GROUP, "User", spec->user);
  set_directory (record, spec->working_directory);
  g_key_file_set_string (record, GROUP, "Account", spec->account);
  set_network (record, spec->network);
  g_key_file_set_boolean (record, GROUP, "Ephemeral", spec->ephemeral);
  g_key_file_set_boolean (record, GROUP, "Nesting", spec->nesting);
  set_words (record, "Command", spec->command);
  set_words (record, "Environment", spec->environment);
  g_key_file_set_integer (record, GROUP, "StopSignal", spec->stop_signal);
  set_strv (record, "Sysctls", spec->sysctls);
  g_key_file_set_uint64 (record, GROUP, "ShmSize", spec->shm_size);
  set_ports (record, spec->ports);
  set_strv (record, "Egress", spec->egress);
  bothy_mounts_to_record (spec->mounts, record);
  bothy_devices_to_record (spec->devices, record);
  bothy_limits_to_record (&spec->limits, record);
  bothy_autostart_to_record (&spec->autostart, record);
  if (self->disk.project) {
    g_key_file_set_uint64 (record, GROUP, "Project", self->disk.project);
    g_key_file_set_uint64 (record, GROUP, "BoundBytes", self->disk.bytes);
    g_key_file_set_uint64 (record, GROUP, "BoundInodes", self->disk.inodes);
  }
  g_key_file_set_int64 (record, GROUP, "CreatedAt", self->created_at);
  g_key_file_set_int64 (record, GROUP, "StartedAt", self->started_at);
  g_key_file_set_int64 (record, GROUP, "StoppedAt", self->stopped_at);
  g_key_file_set_boolean (record, GROUP, "Failed", self->state == BOTHY_CONTAINER_FAILED);
  g_key_file_set_integer (record, GROUP, "LastCode", self->last_code);
  g_key_file_set_integer (record, GROUP, "LastSignal", self->last_signal);
  if (self->last_error)
    set_error (record, self->last_error);
  g_key_file_set_string (record, GROUP, "ControlGroup", self->group);
  g_key_file_set_string (record, GROUP, "Below", self->files.below);
  g_key_file_set_string (record, GROUP, "Top", self->files.top);
  g_key_file_set_boolean (record, GROUP, "Fresh", self->files.fresh);
  g_key_file_set_boolean (record, GROUP, "Personal", self->files.personal);
  if (self->files.held)
    g_key_file_set_boolean (record, GROUP, "Held", TRUE);
  if (self->left->len)
    g_key_file_set_string_list (record, GROUP, "LeftVolumes", (const char *const *)self->left->pdata,
                                self->left->len);
  bothy_snapshots_to_record (self->snapshots, record);
  set_health (record, self);
  set_starts (record, self);
  return record;
}

gboolean
bothy_container_record_write (BothyContainer *self,
                              int dirfd,
                              BothyRecordDurability durability,
                              GError **error)
{
  g_autoptr (GKeyFile) record = bothy_container_to_record (self);

  return bothy_record_write (dirfd, FILE_NAME, record, durability, error);
}

gboolean
bothy_container_record_save (BothyContainer *self, int containers_fd, GError **error)
{
  autofd dir = openat (containers_fd, self->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (dir >= 0)
    return bothy_container_record_write (self, dir, BOTHY_RECORD_VOLATILE, error);
  bothy_error_set_errno (error, errno, "Opening the container's directory");
  return FALSE;
}

static void
settle (GTask *task, gpointer source, gpointer directory, GCancellable *cancellable)
{
  GError *error = NULL;

  if (bothy_record_settle (GPOINTER_TO_INT (directory), FILE_NAME, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
close_directory (gpointer directory)
{
  autofd fd = GPOINTER_TO_INT (directory);
}

void
bothy_container_record_settle (BothyContainer *self,
                               int containers_fd,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  int dir = openat (containers_fd, self->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  GError *error = NULL;

  if (dir < 0) {
    bothy_error_set_errno (&error, errno, "Opening the container's directory");
    g_task_return_error (task, error);
    return;
  }
  g_task_set_task_data (task, GINT_TO_POINTER (dir), close_directory);
  g_task_run_in_thread (task, settle);
}

gboolean
bothy_container_record_settle_finish (BothyContainer *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- reading ---- */

static char **
get_strv (GKeyFile *record, const char *key)
{
  char **strings = g_key_file_get_string_list (record, GROUP, key, NULL, NULL);

  return strings ? strings : g_new0 (char *, 1);
}

static char **
get_words (GKeyFile *record, const char *key)
{
  g_autofree char *escaped_key = g_strconcat (key, ESCAPED, NULL);
  g_auto (GStrv) words = NULL;

  if (!g_key_file_has_key (record, GROUP, escaped_key, NULL))
    return get_strv (record, key);
  words = get_strv (record, escaped_key);
  for (char **word = words; *word; word++) {
    char *text = g_strcompress (*word);

    *word = (g_free (*word), text);
  }
  return g_steal_pointer (&words);
}

static GArray *
get_ports (GKeyFile *record)
{
  GArray *ports = g_array_new (FALSE, TRUE, sizeof (BothyPort));
  g_auto (GStrv) texts = get_strv (record, "Ports");

  for (char **text = texts; *text; text++) {
    BothyPort port;

    if (bothy_port_parse (*text, &port))
      g_array_append_val (ports, port);
  }
  return ports;
}

static char *
get_string (GKeyFile *record, const char *key)
{
  char *text = g_key_file_get_string (record, GROUP, key, NULL);

  return text ? text : g_strdup ("");
}

static char *
get_directory (GKeyFile *record)
{
  g_autofree char *escaped = g_key_file_get_string (record, GROUP, "WorkingDirectory" ESCAPED, NULL);

  return escaped ? g_strcompress (escaped) : get_string (record, "WorkingDirectory");
}

/* An address that can not be read must not pass for none: that nic would be bound to no address. */
static BothyContainerNetwork *
get_network (GKeyFile *record, GError **error)
{
  g_autofree char *text = get_string (record, "Network");
  g_autofree char *address = get_string (record, "Address");
  g_auto (GStrv) resolvers = get_strv (record, "Resolvers");
  /* Where it is missing, the strictest. */
  BothyContainerNetwork *network =
      bothy_container_network_parse (*text ? text : "none", address, (const char *const *)resolvers, error);

  if (network)
    network->allowed = g_key_file_get_boolean (record, GROUP, "NetworkAllowed", NULL);
  return network;
}

/* NULL: nothing is wrong. */
static GError *
get_error (GKeyFile *record)
{
  g_autofree char *text = get_string (record, "LastError");
  g_autofree char *name = get_string (record, "LastErrorName");
  g_auto (GStrv) keys = g_key_file_get_keys (record, DETAILS, NULL, NULL);
  GError *error;

  if (!*text)
    return NULL;
  error = g_error_new_literal (BOTHY_ERROR, bothy_error_from_name (name), text);
  for (char **key = keys; key && *key; key++) {
    g_autofree char *value = g_key_file_get_string (record, DETAILS, *key, NULL);

    if (value)
      bothy_error_set_detail (error, *key, value);
  }
  return error;
}

static gboolean
get_number (GKeyFile *record, const char *key, guint64 *ret, GError **error)
{
  g_autoptr (GError) missing = NULL;

  *ret = g_key_file_get_uint64 (record, GROUP, key, &missing);
  if (!missing)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&missing));
  return FALSE;
}

static BothyContainerSpec *
spec_from_record (GKeyFile *record, GError **error)
{
  g_autoptr (BothyContainerSpec) spec = g_new0 (BothyContainerSpec, 1);

  spec->name = get_string (record, "Name");
  spec->image = get_string (record, "Image");
  spec->hostname = get_string (record, "Hostname");
  spec->user = get_string (record, "User");
  spec->working_directory = get_directory (record);
  spec->account = get_string (record, "Account");
  spec->ports = get_ports (record);
  /* No key: everything is allowed. */
  if (g_key_file_has_key (record, GROUP, "Egress", NULL))
    spec->egress = get_strv (record, "Egress");
  spec->command = get_words (record, "Command");
  spec->environment = get_words (record, "Environment");
  spec->stop_signal = g_key_file_get_integer (record, GROUP, "StopSignal", NULL);
  spec->sysctls = get_strv (record, "Sysctls");
  spec->shm_size = g_key_file_get_uint64 (record, GROUP, "ShmSize", NULL);
  spec->ephemeral = g_key_file_get_boolean (record, GROUP, "Ephemeral", NULL);
  spec->nesting = g_key_file_get_boolean (record, GROUP, "Nesting", NULL);
  spec->network = get_network (record, error);
  spec->mounts = spec->network ? bothy_mounts_from_record (record, error) : NULL;
  spec->devices = spec->mounts ? bothy_devices_from_record (record, error) : NULL;
  if (!spec->devices || !bothy_limits_from_record (&spec->limits, record, error) ||
      !bothy_autostart_from_record (&spec->autostart, record, error))
    return NULL;
  bothy_health_check_from_record (&spec->health, record);
  return g_steal_pointer (&spec);
}

/* Its project id is one of its range's numbers. Another one would be somebody else's, so it has none then. */
static guint32
get_project (GKeyFile *record, guint32 base)
{
  guint64 project = g_key_file_get_uint64 (record, GROUP, "Project", NULL);

  return project >= base && project - base < BOTHY_RANGE_SIZE ? (guint32)project : 0;
}

static BothyStateReason
get_reason (GKeyFile *record, const char *key)
{
  g_autofree char *name = get_string (record, key);

  return bothy_container_reason_from_name (name);
}

static void
get_starts (GKeyFile *record, BothyContainer *self)
{
  guint64 restarts = g_key_file_get_uint64 (record, GROUP, "Restarts", NULL);
  guint64 health_restarts = g_key_file_get_uint64 (record, GROUP, "HealthRestarts", NULL);

  self->reason = get_reason (record, "Reason");
  self->cause = get_reason (record, "Cause");
  g_free (self->boot);
  self->boot = get_string (record, "Boot");
  self->wanted = g_key_file_get_boolean (record, GROUP, "Wanted", NULL);
  self->n_restarts = (guint)MIN (restarts, BOTHY_RESTART_MAX_IN_A_ROW);
  self->n_health_restarts = (guint)MIN (health_restarts, BOTHY_RESTART_MAX_IN_A_ROW);
  self->left_unhealthy = g_key_file_get_boolean (record, GROUP, "LeftUnhealthy", NULL);
  if (g_key_file_get_boolean (record, GROUP, "Due", NULL))
    bothy_container_set_due (self);
}

static void
get_health (GKeyFile *record, BothyContainer *self)
{
  g_autofree char *state = get_string (record, "Health");
  guint64 failures = g_key_file_get_uint64 (record, GROUP, "HealthFailures", NULL);
  const BothyContainerHealth health = { .state = bothy_health_state_from_name (state),
                                        .failures = (guint)MIN (failures, BOTHY_HEALTH_MAX_RETRIES),
                                        .code = -1,
                                        .output = (char *)"" };

  if (bothy_health_check_is_on (&self->spec->health))
    bothy_container_set_health (self, &health);
}

/* The keys are missing in what was written before there were snapshots. */
static gboolean
get_files (GKeyFile *record, BothyContainer *self, GError **error)
{
  g_autofree char *below = get_string (record, "Below");
  g_autofree char *top = get_string (record, "Top");
  g_autoptr (GPtrArray) snapshots = bothy_snapshots_from_record (record, error);
  const BothyContainerFiles files = { .top = *top ? top : self->id,
                                      .fresh = g_key_file_get_boolean (record, GROUP, "Fresh", NULL),
                                      .personal = g_key_file_get_boolean (record, GROUP, "Personal", NULL) };

  if (!snapshots)
    return FALSE;
  if ((*below && !bothy_is_uuid (below)) || !bothy_is_uuid (files.top)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "What container %s stands on makes no sense",
                 self->id);
    return FALSE;
  }
  bothy_container_set_below (self, below);
  bothy_container_set_held (self, g_key_file_get_boolean (record, GROUP, "Held", NULL));
  bothy_container_put_files_back (self, &files, g_steal_pointer (&snapshots));
  return TRUE;
}

/* What makes no sense is kept out: it is the id of no volume. */
static void
get_left (GKeyFile *record, BothyContainer *self)
{
  g_auto (GStrv) ids = get_strv (record, "LeftVolumes");

  for (char **id = ids; *id; id++) {
    if (bothy_is_uuid (*id))
      bothy_container_add_left (self, *id);
  }
}

BothyContainer *
bothy_container_from_record (const char *id, GKeyFile *record, GError **error)
{
  g_autoptr (BothyContainerSpec) spec = spec_from_record (record, error);
  g_autofree char *recorded_id = get_string (record, "Id");
  guint64 owner, base;
  g_autoptr (BothyContainer) self = NULL;

  if (!spec || !get_number (record, "Owner", &owner, error) ||
      !get_number (record, "RangeBase", &base, error) || !bothy_validate_name (spec->name, "Name", error))
    return NULL;
  if (!g_str_equal (id, recorded_id) || owner > G_MAXINT32 || base < BOTHY_RANGE_SIZE || base > G_MAXUINT32 ||
      base % BOTHY_RANGE_SIZE != 0 || !bothy_is_fingerprint (spec->image)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "The record of container %s makes no sense", id);
    return NULL;
  }
  self = bothy_container_new (id, (guint32)owner, (guint32)base, g_steal_pointer (&spec));
  self->created_at = g_key_file_get_int64 (record, GROUP, "CreatedAt", NULL);
  self->started_at = g_key_file_get_int64 (record, GROUP, "StartedAt", NULL);
  self->stopped_at = g_key_file_get_int64 (record, GROUP, "StoppedAt", NULL);
  self->last_code = g_key_file_get_integer (record, GROUP, "LastCode", NULL);
  self->last_signal = g_key_file_get_integer (record, GROUP, "LastSignal", NULL);
  self->disk.project = get_project (record, (guint32)base);
  self->disk.bytes = g_key_file_get_uint64 (record, GROUP, "BoundBytes", NULL);
  self->disk.inodes = g_key_file_get_uint64 (record, GROUP, "BoundInodes", NULL);
  self->last_error = get_error (record);
  g_free (self->group);
  self->group = get_string (record, "ControlGroup");
  get_health (record, self);
  get_starts (record, self);
  get_left (record, self);
  if (g_key_file_get_boolean (record, GROUP, "Failed", NULL))
    self->state = BOTHY_CONTAINER_FAILED;
  return get_files (record, self, error) ? g_steal_pointer (&self) : NULL;
}

BothyContainer *
bothy_container_record_load (int containers_fd, const char *id, GError **error)
{
  autofd dir = openat (containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autoptr (GKeyFile) record = NULL;

  if (dir < 0) {
    bothy_error_set_errno (error, errno, "Opening the container's directory");
    return NULL;
  }
  record = bothy_record_read (dir, FILE_NAME, error);
  return record ? bothy_container_from_record (id, record, error) : NULL;
}
