/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/properties.h"

#include "bus/paths.h"
#include "bus/names.h"
#include "config.h"
#include "base/error.h"
#include "network/default-bridge.h"
#include "platform/cgroup-manager.h"

static void
add (GVariantBuilder *builder, const char *name, GVariant *value)
{
  g_variant_builder_add (builder, "{sv}", name, value);
}

static void
add_string (GVariantBuilder *builder, const char *name, const char *value)
{
  add (builder, name, g_variant_new_string (value));
}

static void
add_time (GVariantBuilder *builder, const char *name, gint64 value)
{
  add (builder, name, g_variant_new_uint64 ((guint64)value));
}

const char *
bothy_properties_error_name (const GError *error)
{
  return error ? bothy_error_name (bothy_error_get_code (error)) : "";
}

/* A program's arguments may be any bytes; what is not UTF-8 among them is shown as U+FFFD. */
static GVariant *
words_to_variant (char **words)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_STRING_ARRAY);
  for (; *words; words++)
    g_variant_builder_add_value (&builder, g_variant_new_take_string (g_utf8_make_valid (*words, -1)));
  return g_variant_builder_end (&builder);
}

/* ---- Manager ---- */

gboolean
bothy_properties_manager_visible (GObject *target, guint32 user)
{
  return TRUE;
}

GVariant *
bothy_properties_of_manager (GObject *target, guint32 user)
{
  BothyRegistry *registry = BOTHY_REGISTRY (target);
  const BothyConfiguration *configuration = bothy_registry_get_configuration (registry);
  const char *features[] = { bothy_cgroup_manager_is_systemd () ? "systemd" : "cgroupfs" };
  g_autofree char *bridge = bothy_path_of_bridge (BOTHY_BRIDGE_NAME);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sv}"));
  add (&builder, "DefaultBridge", g_variant_new_object_path (bridge));
  add_string (&builder, "Version", PACKAGE_VERSION);
  add (&builder, "Features", g_variant_new_strv (features, G_N_ELEMENTS (features)));
  add (&builder, "Degraded", g_variant_new_boolean (bothy_registry_is_degraded (registry)));
  add (&builder, "MaxContainers", g_variant_new_uint32 (configuration->max_containers));
  add (&builder, "MaxRanges", g_variant_new_uint32 (configuration->max_ranges));
  add (&builder, "MaxAllRanges", g_variant_new_uint32 (configuration->max_all_ranges));
  add (&builder, "MaxNics", g_variant_new_uint32 (configuration->max_nics));
  add (&builder, "MaxPorts", g_variant_new_uint32 (configuration->max_ports));
  add (&builder, "MaxAutostarts", g_variant_new_uint32 (configuration->max_autostarts));
  add (&builder, "MaxDevices", g_variant_new_uint32 (configuration->max_devices));
  add (&builder, "MaxMounts", g_variant_new_uint32 (configuration->max_mounts));
  add (&builder, "MaxVolumes", g_variant_new_uint32 (configuration->max_volumes));
  add (&builder, "MaxSnapshots", g_variant_new_uint32 (configuration->max_snapshots));
  add (&builder, "MaxOperations", g_variant_new_uint32 (configuration->max_operations));
  add (&builder, "MaxProcesses", g_variant_new_uint32 (configuration->max_processes));
  add (&builder, "MaxImageBytes", g_variant_new_uint64 (configuration->max_image_bytes));
  return g_variant_builder_end (&builder);
}

/* ---- Container ---- */

gboolean
bothy_properties_container_visible (GObject *target, guint32 user)
{
  return BOTHY_CONTAINER (target)->owner == user;
}

static void
add_ports (GVariantBuilder *builder, GArray *ports)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("a(sqqs)"));
  for (guint i = 0; i < ports->len; i++) {
    const BothyPort *port = &g_array_index (ports, BothyPort, i);

    g_variant_builder_add (&list, "(sqqs)", bothy_port_protocol (port), port->host, port->inside,
                           port->address);
  }
  add (builder, "Ports", g_variant_builder_end (&list));
}

static void
add_sysctls (GVariantBuilder *builder, char **sysctls)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("a{ss}"));
  for (char **setting = sysctls; setting && *setting; setting++) {
    g_auto (GStrv) pair = g_strsplit (*setting, "=", 2);

    if (pair[0] && pair[1])
      g_variant_builder_add (&list, "{ss}", pair[0], pair[1]);
  }
  add (builder, "Sysctls", g_variant_builder_end (&list));
}

static void
add_container_run (GVariantBuilder *builder, const BothyContainer *container)
{
  add_string (builder, "State", bothy_container_state_name (container->state));
  add_string (builder, "StateReason", bothy_container_reason_name (container->reason));
  add (builder, "Leader", g_variant_new_uint32 (container->leader));
  add (builder, "LeaderPIDFDId", g_variant_new_uint64 (container->leader_pidfd_id));
  add_string (builder, "ControlGroup", container->group);
  add (builder, "Addresses", g_variant_new_strv ((const char *const *)container->addresses, -1));
  add_ports (builder, container->spec->ports);
  add (builder, "Mounts", bothy_mounts_to_variant (container->spec->mounts));
  add (builder, "Devices", bothy_devices_to_variant (container->spec->devices, container->nodes));
  add_string (builder, "TreePath", container->tree);
  add (builder, "Snapshots", bothy_snapshots_to_variant (container->snapshots));
  add (builder, "Egress", g_variant_new_strv ((const char *const *)container->spec->egress, -1));
  add_string (builder, "NetworkError", container->network_error);
  add (builder, "LastExit", g_variant_new ("(ii)", container->last_code, container->last_signal));
  add_string (builder, "LastError", container->last_error ? container->last_error->message : "");
  add_string (builder, "LastErrorName", bothy_properties_error_name (container->last_error));
  add (builder, "LastErrorDetails", bothy_error_details_to_variant (container->last_error));
  add_time (builder, "CreatedAt", container->created_at);
  add_time (builder, "StartedAt", container->started_at);
  add_time (builder, "StoppedAt", container->stopped_at);
  add_string (builder, "Health", bothy_health_state_name (bothy_container_get_health (container)));
  add (builder, "LastHealthCheck",
       g_variant_new ("(ius)", container->health.code, container->health.failures, container->health.output));
}

GVariant *
bothy_properties_of_container (GObject *target, guint32 user)
{
  const BothyContainer *container = BOTHY_CONTAINER (target);
  const BothyContainerSpec *spec = container->spec;
  g_autofree char *network = bothy_container_network_format (spec->network);
  g_autofree char *address = bothy_container_network_format_address (spec->network);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sv}"));
  add_string (&builder, "Name", spec->name);
  add_string (&builder, "Id", container->id);
  add (&builder, "Owner", g_variant_new_uint32 (container->owner));
  add_string (&builder, "Image", spec->image);
  add_string (&builder, "Hostname", spec->hostname);
  add (&builder, "Ephemeral", g_variant_new_boolean (spec->ephemeral));
  add_string (&builder, "Network", network);
  add_string (&builder, "Address", address);
  add (&builder, "Resolvers", g_variant_new_strv ((const char *const *)spec->network->resolvers, -1));
  add_string (&builder, "Account", spec->account);
  add (&builder, "Command", words_to_variant (spec->command));
  add (&builder, "Environment", words_to_variant (spec->environment));
  add_string (&builder, "User", spec->user);
  add (&builder, "WorkingDirectory",
       g_variant_new_take_string (g_utf8_make_valid (spec->working_directory, -1)));
  add (&builder, "Nesting", g_variant_new_boolean (spec->nesting));
  add_sysctls (&builder, spec->sysctls);
  add (&builder, "ShmSize", g_variant_new_uint64 (spec->shm_size));
  add (&builder, "Limits", bothy_limits_to_variant (&container->limits));
  add (&builder, "Autostart", bothy_autostart_to_variant (&spec->autostart, container->after));
  add (&builder, "HealthCheck", bothy_health_check_to_variant (&spec->health));
  add_string (&builder, "DiskLimits", bothy_container_get_disk_limits (container));
  add (&builder, "UnenforcedLimits",
       bothy_limits_unenforced (&container->limits,
                                g_str_equal (bothy_container_get_disk_limits (container), "enforced")));
  add (&builder, "RangeBase", g_variant_new_uint32 (container->range_base));
  add (&builder, "RangeCount", g_variant_new_uint32 (BOTHY_RANGE_SIZE));
  add_container_run (&builder, container);
  return g_variant_builder_end (&builder);
}

/* ---- Image ---- */

gboolean
bothy_properties_image_visible (GObject *target, guint32 user)
{
  return bothy_image_is_visible (BOTHY_IMAGE (target), user);
}

GVariant *
bothy_properties_of_image (GObject *target, guint32 user)
{
  BothyImage *image = BOTHY_IMAGE (target);
  g_auto (GStrv) aliases = bothy_image_aliases (image, user);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sv}"));
  add_string (&builder, "Fingerprint", image->fingerprint);
  add (&builder, "Aliases", g_variant_new_strv ((const char *const *)aliases, -1));
  add_string (&builder, "OS", image->os);
  add_string (&builder, "Release", image->release);
  add_string (&builder, "Variant", image->variant);
  add_string (&builder, "Architecture", image->architecture);
  add (&builder, "Size", g_variant_new_uint64 (image->size));
  add (&builder, "SquashedOwners", g_variant_new_boolean (image->has_squashed_owners));
  add_time (&builder, "CreatedAt", image->created_at);
  add_time (&builder, "ExpiresAt", image->expires_at);
  add (&builder, "DaysLeft", g_variant_new_uint32 (image->days_left));
  add_string (&builder, "Origin", bothy_image_get_origin (image, user));
  add_string (&builder, "Newer", bothy_image_get_newer (image, user));
  add_string (&builder, "Verified", image->verified);
  add (&builder, "Configuration", bothy_image_config_to_variant (image->defaults));
  add (&builder, "Layers", g_variant_new_strv ((const char *const *)image->layers, -1));
  return g_variant_builder_end (&builder);
}

/* ---- Bridge ---- */

gboolean
bothy_properties_bridge_visible (GObject *target, guint32 user)
{
  return bothy_known_bridge_is_visible (BOTHY_KNOWN_BRIDGE (target), user);
}

static void
add_delegations (GVariantBuilder *builder, BothyKnownBridge *bridge)
{
  g_autoptr (GPtrArray) delegations = bothy_known_bridge_list_delegations (bridge);
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("a(su)"));
  for (guint i = 0; i < delegations->len; i++) {
    const BothyDelegation *delegation = delegations->pdata[i];

    g_variant_builder_add (&list, "(su)", delegation->principal, delegation->quota);
  }
  add (builder, "Delegations", g_variant_builder_end (&list));
}

GVariant *
bothy_properties_of_bridge (GObject *target, guint32 user)
{
  BothyKnownBridge *bridge = BOTHY_KNOWN_BRIDGE (target);
  const BothyBridgeFacts *facts = bridge->facts;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sv}"));
  add_string (&builder, "Name", facts->name);
  add_string (&builder, "Kind", facts->nat ? "nat" : "lan");
  add_string (&builder, "Subnet", facts->subnet);
  add_string (&builder, "Connection", facts->connection);
  add_delegations (&builder, bridge);
  return g_variant_builder_end (&builder);
}

/* ---- Operation ---- */

gboolean
bothy_properties_operation_visible (GObject *target, guint32 user)
{
  return BOTHY_OPERATION (target)->user == user;
}

GVariant *
bothy_properties_of_operation (GObject *target, guint32 user)
{
  BothyOperation *operation = BOTHY_OPERATION (target);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sv}"));
  add_string (&builder, "Kind", operation->kind);
  add_string (&builder, "Subject", operation->subject);
  add_string (&builder, "Phase", operation->phase);
  add (&builder, "Progress", g_variant_new_double (operation->progress));
  add (&builder, "Bytes", g_variant_new_uint64 (operation->bytes));
  add (&builder, "Total", g_variant_new_uint64 (operation->total));
  add (&builder, "Object", g_variant_new_object_path (operation->object_path));
  add_string (&builder, "Error", operation->error ? operation->error->message : "");
  add_string (&builder, "ErrorName", bothy_properties_error_name (operation->error));
  add (&builder, "ErrorDetails", bothy_error_details_to_variant (operation->error));
  add_time (&builder, "StartedAt", operation->started_at);
  add (&builder, "Warnings",
       g_variant_new_strv ((const char *const *)operation->warnings->pdata, operation->warnings->len));
  return g_variant_builder_end (&builder);
}

/* ---- Process ---- */

gboolean
bothy_properties_process_visible (GObject *target, guint32 user)
{
  BothyProcess *process = BOTHY_PROCESS (target);

  return process->user == user || process->container->owner == user;
}

GVariant *
bothy_properties_of_process (GObject *target, guint32 user)
{
  BothyProcess *process = BOTHY_PROCESS (target);
  g_autofree char *container =
      bothy_path_of_container (process->container->owner, process->container->spec->name);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sv}"));
  add (&builder, "Pid", g_variant_new_uint32 (process->pid));
  add (&builder, "Argv", words_to_variant (process->argv));
  add (&builder, "Container", g_variant_new_object_path (container));
  add (&builder, "Ended", g_variant_new_boolean (process->ended));
  add (&builder, "ExitStatus", g_variant_new ("(ii)", process->code, process->signal));
  return g_variant_builder_end (&builder);
}
