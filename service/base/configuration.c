/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/configuration.h"

#include "base/error.h"
#include "base/validate.h"

/* systemd's container range, docs/UIDS-GIDS of systemd: the pool must lie in it. */
#define CONTAINER_RANGE_FIRST 0x80000u
#define CONTAINER_RANGE_LAST  0x6fffffffu

typedef struct {
  const char *group;
  const char *key;
  gsize offset;
  gboolean wide; /* guint64, else guint32 */
  guint64 min, max, preset;
} Setting;

#define SETTING(group, key, field, min, max, preset)                                                         \
  group, key, G_STRUCT_OFFSET (BothyConfiguration, field),                                                   \
      sizeof (((BothyConfiguration *)NULL)->field) == 8, min, max, preset

static const Setting settings[] = {
  { SETTING ("Ranges", "Base", range_base, CONTAINER_RANGE_FIRST, CONTAINER_RANGE_LAST, 0x40000000) },
  { SETTING ("Ranges", "Count", range_count, 1, 28664, 12288) },
  { SETTING ("Quota", "Containers", max_containers, 0, 12288, 64) },
  { SETTING ("Quota", "Ranges", max_ranges, 0, 12288, 4) },
  { SETTING ("Quota", "AllRanges", max_all_ranges, 0, 28664, 256) },
  { SETTING ("Quota", "Nics", max_nics, 0, 1023, 16) },
  { SETTING ("Quota", "Ports", max_ports, 0, 65535, 256) },
  { SETTING ("Quota", "Mounts", max_mounts, 0, 65535, 256) },
  { SETTING ("Quota", "Volumes", max_volumes, 0, 65535, 64) },
  { SETTING ("Quota", "Devices", max_devices, 0, 65535, 64) },
  { SETTING ("Quota", "Snapshots", max_snapshots, 0, 65535, 256) },
  { SETTING ("Quota", "Autostarts", max_autostarts, 0, 12288, 64) },
  { SETTING ("Quota", "Operations", max_operations, 1, 1024, 4) },
  { SETTING ("Quota", "Processes", max_processes, 0, 65536, 256) },
  { SETTING ("Quota", "ImageBytes", max_image_bytes, 0, G_MAXINT64, G_GUINT64_CONSTANT (20) << 30) },
  { SETTING ("Quota", "ImageFiles", max_image_files, 0, G_MAXINT64, 2000000) },
  { SETTING ("Network", "Subnet", subnet, 0, 255, 0) },
  { SETTING ("Images", "ExpireDays", expire_days, 0, 36500, 30) },
  { SETTING ("Limits", "ContainerMemory", container_memory, 0, G_MAXINT64, 0) },
  { SETTING ("Limits", "ContainerTasks", container_tasks, 0, 4194304, 0) },
  { SETTING ("Limits", "ContainerCPUs", container_cpus, 0, 1024, 0) },
  { SETTING ("Limits", "ContainerDisk", container_disk, 0, G_MAXINT64, 0) },
  { SETTING ("Limits", "ContainerInodes", container_inodes, 0, G_MAXINT64, 0) },
  { SETTING ("Limits", "UserMemory", user_memory, 0, G_MAXINT64, 0) },
  { SETTING ("Limits", "UserTasks", user_tasks, 0, 4194304, 0) },
  { SETTING ("Limits", "UserCPUs", user_cpus, 0, 1024, 0) },
  { SETTING ("Limits", "UserDisk", user_disk, 0, G_MAXINT64, 0) },
  { SETTING ("Limits", "UserInodes", user_inodes, 0, G_MAXINT64, 0) },
  { SETTING ("Limits", "DefaultTasks", default_tasks, 0, 4194304, 4096) },
  { SETTING ("Limits", "DefaultDisk", default_disk, 0, G_MAXINT64, G_GUINT64_CONSTANT (32) << 30) },
  { SETTING ("Limits", "DefaultInodes", default_inodes, 0, G_MAXINT64, 4000000) },
  { SETTING ("Service", "IdleSeconds", idle_seconds, 0, 86400, 30) },
};

static void
store (BothyConfiguration *self, const Setting *setting, guint64 value)
{
  if (setting->wide)
    G_STRUCT_MEMBER (guint64, self, setting->offset) = value;
  else
    G_STRUCT_MEMBER (guint32, self, setting->offset) = (guint32)value;
}

static const Setting *
find (const char *group, const char *key)
{
  for (gsize i = 0; i < G_N_ELEMENTS (settings); i++) {
    if (g_str_equal (settings[i].group, group) && g_str_equal (settings[i].key, key))
      return &settings[i];
  }
  return NULL;
}

static gboolean
apply_key (BothyConfiguration *self,
           GKeyFile *file,
           const char *path,
           const char *group,
           const char *key,
           GError **error)
{
  const Setting *setting = find (group, key);
  g_autofree char *text = NULL;
  guint64 value;

  if (!setting) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "%s: [%s] %s is not a setting", path, group, key);
    return FALSE;
  }
  text = g_key_file_get_value (file, group, key, error);
  if (!text)
    return FALSE;
  if (!bothy_parse_number (text, setting->min, setting->max, &value)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED,
                 "%s: [%s] %s: a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " is wanted", path,
                 group, key, setting->min, setting->max);
    return FALSE;
  }
  store (self, setting, value);
  return TRUE;
}

static gboolean
apply_file (BothyConfiguration *self, const char *path, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) local_error = NULL;
  g_auto (GStrv) groups = NULL;

  /* Else a key with a bracket at its end would be passed over. */
  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_KEEP_TRANSLATIONS, &local_error)) {
    if (g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
      return TRUE;
    g_propagate_prefixed_error (error, g_steal_pointer (&local_error), "%s: ", path);
    return FALSE;
  }
  groups = g_key_file_get_groups (file, NULL);
  for (char **group = groups; *group; group++) {
    g_auto (GStrv) keys = g_key_file_get_keys (file, *group, NULL, NULL);

    for (char **key = keys; key && *key; key++) {
      if (!apply_key (self, file, path, *group, *key, error))
        return FALSE;
    }
  }
  return TRUE;
}

BothyConfiguration *
bothy_configuration_load (const char *vendor_file, const char *file, GError **error)
{
  g_autoptr (BothyConfiguration) self = g_new0 (BothyConfiguration, 1);
  guint64 last;

  for (gsize i = 0; i < G_N_ELEMENTS (settings); i++)
    store (self, &settings[i], settings[i].preset);
  if (!apply_file (self, vendor_file, error) || !apply_file (self, file, error))
    return NULL;
  last = (guint64)self->range_base + (guint64)self->range_count * 65536 - 1;
  if (self->range_base % 65536 != 0 || last > CONTAINER_RANGE_LAST) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED,
                 "%s: [Ranges]: Base has to be a multiple of 65536, and the last id at most %u", file,
                 CONTAINER_RANGE_LAST);
    return NULL;
  }
  return g_steal_pointer (&self);
}

void
bothy_configuration_free (BothyConfiguration *self)
{
  g_free (self);
}
