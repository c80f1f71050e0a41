/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/container.h"

#include "base/error.h"
#include "base/validate.h"
#include "core/ids/ranges.h"
#include "network/egress.h"
#include "network/lanaddress.h"
#include "network/resolvers.h"

#include <string.h>

#define GROUP "Container"

G_DEFINE_FINAL_TYPE (BothyContainer, bothy_container, G_TYPE_OBJECT)

enum { CHANGED, BEGINNING, READDRESSED, ENDED, OUT_OF_MEMORY, PROCESS_FOUND, N_SIGNALS };
static guint signals[N_SIGNALS];

void
bothy_container_spec_free (BothyContainerSpec *spec)
{
  g_free (spec->name);
  g_free (spec->image);
  g_free (spec->hostname);
  g_strfreev (spec->command);
  g_strfreev (spec->entrypoint);
  g_strfreev (spec->environment);
  g_free (spec->user);
  g_free (spec->working_directory);
  g_free (spec->account);
  g_free (spec->network);
  g_free (spec->address);
  g_strfreev (spec->resolvers);
  g_clear_pointer (&spec->ports, g_array_unref);
  g_strfreev (spec->egress);
  g_free (spec);
}

const char *
bothy_container_state_name (BothyContainerState state)
{
  switch (state) {
  case BOTHY_CONTAINER_STOPPED:
    return "stopped";
  case BOTHY_CONTAINER_STARTING:
    return "starting";
  case BOTHY_CONTAINER_RUNNING:
    return "running";
  case BOTHY_CONTAINER_FREEZING:
    return "freezing";
  case BOTHY_CONTAINER_FROZEN:
    return "frozen";
  case BOTHY_CONTAINER_STOPPING:
    return "stopping";
  case BOTHY_CONTAINER_FAILED:
    return "failed";
  default:
    g_return_val_if_reached ("failed");
  }
}

gboolean
bothy_container_is_active (BothyContainer *self)
{
  return self->state != BOTHY_CONTAINER_STOPPED && self->state != BOTHY_CONTAINER_FAILED;
}

const char *
bothy_container_lan (const BothyContainer *self)
{
  const char *network = self->spec->network;

  return g_str_has_prefix (network, BOTHY_CONTAINER_LAN) ? network + strlen (BOTHY_CONTAINER_LAN) : NULL;
}

char *
bothy_container_nic_name (const BothyContainer *self)
{
  g_auto (GStrv) parts = g_strsplit (self->id, "-", -1);

  return g_strjoinv ("", parts);
}

gboolean
bothy_container_wants_network (const BothyContainer *self)
{
  return !g_str_equal (self->spec->network, "none");
}

void
bothy_container_set_nic (BothyContainer *self, const char *nic)
{
  char *old = self->nic;

  self->nic = g_strdup (nic);
  g_free (old);
}

void
bothy_container_set_network (BothyContainer *self, const char *const *addresses, const char *error)
{
  g_strfreev (self->addresses);
  self->addresses = g_strdupv ((char **)addresses);
  g_free (self->network_error);
  self->network_error = g_strdup (error);
  bothy_container_emit_changed (self);
  g_signal_emit (self, signals[READDRESSED], 0);
}

void
bothy_container_emit_changed (BothyContainer *self)
{
  g_signal_emit (self, signals[CHANGED], 0);
}

void
bothy_container_emit_beginning (BothyContainer *self, BothySupervisor *supervisor)
{
  g_signal_emit (self, signals[BEGINNING], 0, supervisor);
}

void
bothy_container_set_state (BothyContainer *self, BothyContainerState state)
{
  self->state = state;
  bothy_container_emit_changed (self);
}

gboolean
bothy_container_begin (BothyContainer *self, const char *what, GError **error)
{
  if (self->busy) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY,
                 "Container %s is busy: %s; try again when that is done", self->spec->name, self->busy);
    return FALSE;
  }
  self->busy = what;
  return TRUE;
}

void
bothy_container_end (BothyContainer *self)
{
  self->busy = NULL;
}

gboolean
bothy_container_require_running (BothyContainer *self, GError **error)
{
  if (self->state == BOTHY_CONTAINER_RUNNING && self->supervisor)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "Container %s is %s, not running",
               self->spec->name, bothy_container_state_name (self->state));
  return FALSE;
}

static void
set_strv (GKeyFile *record, const char *key, char **strings)
{
  if (strings)
    g_key_file_set_string_list (record, GROUP, key, (const char *const *)strings, g_strv_length (strings));
}

static char **
get_strv (GKeyFile *record, const char *key)
{
  char **strings = g_key_file_get_string_list (record, GROUP, key, NULL, NULL);

  return strings ? strings : g_new0 (char *, 1);
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
  g_key_file_set_string (record, GROUP, "WorkingDirectory", spec->working_directory);
  g_key_file_set_string (record, GROUP, "Account", spec->account);
  g_key_file_set_string (record, GROUP, "Network", spec->network);
  g_key_file_set_string (record, GROUP, "Address", spec->address);
  set_strv (record, "Resolvers", spec->resolvers);
  if (spec->network_allowed)
    g_key_file_set_boolean (record, GROUP, "NetworkAllowed", TRUE);
  g_key_file_set_boolean (record, GROUP, "Ephemeral", spec->ephemeral);
  g_key_file_set_boolean (record, GROUP, "Nesting", spec->nesting);
  set_strv (record, "Command", spec->command);
  set_strv (record, "Environment", spec->environment);
  g_key_file_set_integer (record, GROUP, "StopSignal", spec->stop_signal);
  set_ports (record, spec->ports);
  set_strv (record, "Egress", spec->egress);
  bothy_limits_to_record (&spec->limits, record);
  g_key_file_set_int64 (record, GROUP, "CreatedAt", self->created_at);
  g_key_file_set_int64 (record, GROUP, "StartedAt", self->started_at);
  g_key_file_set_int64 (record, GROUP, "StoppedAt", self->stopped_at);
  g_key_file_set_boolean (record, GROUP, "Failed", self->state == BOTHY_CONTAINER_FAILED);
  g_key_file_set_integer (record, GROUP, "LastCode", self->last_code);
  g_key_file_set_integer (record, GROUP, "LastSignal", self->last_signal);
  g_key_file_set_string (record, GROUP, "LastError", self->last_error);
  g_key_file_set_string (record, GROUP, "ControlGroup", self->group);
  return record;
}

static char *
get_string (GKeyFile *record, const char *key)
{
  char *text = g_key_file_get_string (record, GROUP, key, NULL);

  return text ? text : g_strdup ("");
}

static BothyContainerSpec *
spec_from_record (GKeyFile *record, GError **error)
{
  BothyContainerSpec *spec = g_new0 (BothyContainerSpec, 1);

  spec->name = get_string (record, "Name");
  spec->image = get_string (record, "Image");
  spec->hostname = get_string (record, "Hostname");
  spec->user = get_string (record, "User");
  spec->working_directory = get_string (record, "WorkingDirectory");
  spec->account = get_string (record, "Account");
  spec->network = get_string (record, "Network");
  spec->address = get_string (record, "Address");
  spec->resolvers = get_strv (record, "Resolvers");
  spec->network_allowed = g_key_file_get_boolean (record, GROUP, "NetworkAllowed", NULL);
  /* Where it is missing, the strictest. */
  if (!*spec->network)
    spec->network = (g_free (spec->network), g_strdup ("none"));
  spec->ports = get_ports (record);
  /* No key: everything is allowed. */
  if (g_key_file_has_key (record, GROUP, "Egress", NULL))
    spec->egress = get_strv (record, "Egress");
  spec->command = get_strv (record, "Command");
  spec->environment = get_strv (record, "Environment");
  spec->stop_signal = g_key_file_get_integer (record, GROUP, "StopSignal", NULL);
  spec->ephemeral = g_key_file_get_boolean (record, GROUP, "Ephemeral", NULL);
  spec->nesting = g_key_file_get_boolean (record, GROUP, "Nesting", NULL);
  bothy_limits_from_record (&spec->limits, record, error);
  return spec;
}

/* One that can not be read must not pass for none: that nic would be bound to no address. */
static gboolean
is_address (const char *text)
{
  BothyLanAddress address;

  return !*text || bothy_lan_address_parse (text, &address, NULL);
}

static gboolean
are_resolvers (char **addresses)
{
  g_auto (GStrv) parsed = bothy_resolvers_parse ((const char *const *)addresses, NULL);

  return parsed != NULL;
}

BothyContainer *
bothy_container_from_record (const char *id, GKeyFile *record, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (BothyContainerSpec) spec = spec_from_record (record, &local_error);
  g_autofree char *recorded_id = get_string (record, "Id");
  guint64 owner = g_key_file_get_uint64 (record, GROUP, "Owner", error);
  guint64 base = g_key_file_get_uint64 (record, GROUP, "RangeBase", NULL);
  BothyContainer *self;

  if (local_error) {
    g_propagate_error (error, g_steal_pointer (&local_error));
    return NULL;
  }
  if ((error && *error) || !bothy_validate_name (spec->name, "Name", error))
    return NULL;
  if (!g_str_equal (id, recorded_id) || owner > G_MAXINT32 || base < BOTHY_RANGE_SIZE || base > G_MAXUINT32 ||
      base % BOTHY_RANGE_SIZE != 0 || !bothy_is_fingerprint (spec->image) || !is_address (spec->address) ||
      !are_resolvers (spec->resolvers)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "The record of container %s makes no sense", id);
    return NULL;
  }
  self = bothy_container_new (id, (guint32)owner, (guint32)base, g_steal_pointer (&spec));
  self->created_at = g_key_file_get_int64 (record, GROUP, "CreatedAt", NULL);
  self->started_at = g_key_file_get_int64 (record, GROUP, "StartedAt", NULL);
  self->stopped_at = g_key_file_get_int64 (record, GROUP, "StoppedAt", NULL);
  self->last_code = g_key_file_get_integer (record, GROUP, "LastCode", NULL);
  self->last_signal = g_key_file_get_integer (record, GROUP, "LastSignal", NULL);
  g_free (self->last_error);
  self->last_error = get_string (record, "LastError");
  g_free (self->group);
  self->group = get_string (record, "ControlGroup");
  if (g_key_file_get_boolean (record, GROUP, "Failed", NULL))
    self->state = BOTHY_CONTAINER_FAILED;
  return self;
}

static void
bothy_container_finalize (GObject *object)
{
  BothyContainer *self = BOTHY_CONTAINER (object);

  if (self->supervisor)
    g_signal_handlers_disconnect_by_data (self->supervisor, self);
  g_clear_object (&self->supervisor);
  g_clear_pointer (&self->oom, bothy_oom_free);
  bothy_container_spec_free (self->spec);
  g_free (self->id);
  g_free (self->last_error);
  g_free (self->group);
  g_strfreev (self->addresses);
  g_free (self->nic);
  g_free (self->network_error);
  G_OBJECT_CLASS (bothy_container_parent_class)->finalize (object);
}

static void
bothy_container_class_init (BothyContainerClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_container_finalize;
  signals[CHANGED] =
      g_signal_new ("changed", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[ENDED] =
      g_signal_new ("ended", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[OUT_OF_MEMORY] = g_signal_new ("out-of-memory", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL,
                                         NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT64);
  signals[BEGINNING] = g_signal_new ("beginning", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                     NULL, G_TYPE_NONE, 1, BOTHY_TYPE_SUPERVISOR);
  signals[READDRESSED] = g_signal_new ("readdressed", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                       NULL, G_TYPE_NONE, 0);
  signals[PROCESS_FOUND] = g_signal_new ("process-found", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL,
                                         NULL, NULL, G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_UINT);
}

static void
bothy_container_init (BothyContainer *self)
{
  self->last_code = -1;
  self->last_error = g_strdup ("");
  self->group = g_strdup ("");
  self->nic = g_strdup ("");
  self->addresses = g_new0 (char *, 1);
  self->network_error = g_strdup ("");
}

BothyContainer *
bothy_container_new (const char *id, guint32 owner, guint32 range_base, BothyContainerSpec *spec)
{
  BothyContainer *self = g_object_new (BOTHY_TYPE_CONTAINER, NULL);

  self->id = g_strdup (id);
  self->owner = owner;
  self->range_base = range_base;
  self->spec = spec;
  if (!spec->address)
    spec->address = g_strdup ("");
  if (!spec->resolvers)
    spec->resolvers = g_new0 (char *, 1);
  if (!spec->ports)
    spec->ports = g_array_new (FALSE, TRUE, sizeof (BothyPort));
  if (!spec->egress)
    spec->egress = g_strdupv ((char *[]){ (char *)BOTHY_EGRESS_ALL, NULL });
  return self;
}
