/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/devices/device.h"

#include "base/error.h"
#include "base/validate.h"
#include "devices.h"

#include <string.h>

#define MAX_DEVICES 16        /* of one container */
#define GROUP       "Device " /* and its name, in a record */
#define NUMBER      "%n"      /* in a link */

void
bothy_device_free (BothyDevice *device)
{
  g_free (device->name);
  g_clear_pointer (&device->match, bothy_device_match_free);
  g_free (device->user);
  g_free (device->link);
  g_strfreev (device->approved);
  g_free (device);
}

BothyDevice *
bothy_device_copy (const BothyDevice *device)
{
  BothyDevice *copy = g_memdup2 (device, sizeof *device);

  copy->name = g_strdup (device->name);
  copy->match = bothy_device_match_parse (bothy_device_match_text (device->match), NULL);
  copy->user = g_strdup (device->user);
  copy->link = g_strdup (device->link);
  copy->approved = g_strdupv (device->approved);
  return copy;
}

/* ---- what a caller says ---- */

/* "" and a group is root's and the group's. */
static char *
join_user (const char *owner, const char *group, GError **error)
{
  g_autofree char *user = *group ? g_strdup_printf ("%s:%s", owner, group) : g_strdup (owner);

  if (strchr (owner, ':') || strchr (group, ':')) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Options \"owner\" and \"group\" are one name or number each, without a colon");
    return NULL;
  }
  return bothy_validate_user (user, error) ? g_steal_pointer (&user) : NULL;
}

static gboolean
parse_mode (const char *text, gboolean grouped, guint *ret_mode, GError **error)
{
  gsize length = strlen (text);

  *ret_mode = grouped ? 0660 : 0600;
  if (length == 0)
    return TRUE;
  if (length >= 3 && length <= 4 && strspn (text, "01234567") == length) {
    *ret_mode = (guint)g_ascii_strtoull (text, NULL, 8);
    if (*ret_mode <= 0777)
      return TRUE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Mode \"%.20s\": three octal digits are wanted, such as 0660", text);
  return FALSE;
}

/* One name in /dev, which may have %n in it. */
static gboolean
check_link (const char *link, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (link, NUMBER, -1);
  g_autofree char *plain = g_strjoinv ("0", parts);

  if (!*link || (device_name_is_valid (plain) && !strchr (plain, '/') && strlen (plain) <= 64))
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
      "Symlink \"%.80s\": a name in /dev is wanted, of letters, digits and . _ - +, with %%n for the "
      "device's number",
      link);
  return FALSE;
}

BothyDevice *
bothy_device_new (const char *name,
                  const char *match,
                  const char *owner,
                  const char *group,
                  const char *mode,
                  const char *link,
                  GError **error)
{
  g_autoptr (BothyDevice) device = g_new0 (BothyDevice, 1);

  if (!bothy_validate_name (name, "The name of a device", error) || !check_link (link, error) ||
      !parse_mode (mode, *group != '\0', &device->mode, error))
    return NULL;
  device->user = join_user (owner, group, error);
  device->match = device->user ? bothy_device_match_parse (match, error) : NULL;
  if (!device->match)
    return NULL;
  device->name = g_strdup (name);
  device->link = g_strdup (link);
  device->approved = g_new0 (char *, 1);
  return g_steal_pointer (&device);
}

char *
bothy_device_make_link (const BothyDevice *device, const BothyHostDevice *host)
{
  g_auto (GStrv) parts = g_strsplit (device->link, NUMBER, -1);
  g_autofree char *link = g_strjoinv (host->number, parts);

  return device_name_is_valid (link) && !strchr (link, '/') && !g_str_equal (link, host->name)
             ? g_steal_pointer (&link)
             : g_strdup ("");
}

/* ---- those of a container ---- */

GPtrArray *
bothy_devices_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_device_free);
}

BothyDevice *
bothy_devices_find (GPtrArray *devices, const char *name)
{
  for (guint i = 0; i < devices->len; i++) {
    BothyDevice *device = devices->pdata[i];

    if (g_str_equal (device->name, name))
      return device;
  }
  return NULL;
}

gboolean
bothy_devices_check (GPtrArray *devices, const char *name, GError **error)
{
  if (bothy_devices_find (devices, name))
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEVICE_EXISTS,
                 "The container has a device called %s already; take another name, or remove that first",
                 name);
  else if (devices->len >= MAX_DEVICES)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                 "A container may have %d devices; remove one first", MAX_DEVICES);
  else
    return TRUE;
  return FALSE;
}

/* ---- on record ---- */

void
bothy_devices_to_record (GPtrArray *devices, GKeyFile *record)
{
  for (guint i = 0; i < devices->len; i++) {
    const BothyDevice *device = devices->pdata[i];
    g_autofree char *group = g_strdup_printf (GROUP "%s", device->name);
    g_autofree char *mode = g_strdup_printf ("%04o", device->mode);

    g_key_file_set_string (record, group, "Match", bothy_device_match_text (device->match));
    g_key_file_set_string (record, group, "User", device->user);
    g_key_file_set_string (record, group, "Mode", mode);
    g_key_file_set_string (record, group, "Link", device->link);
    g_key_file_set_string_list (record, group, "Approved", (const char *const *)device->approved,
                                g_strv_length (device->approved));
    if (device->approved_only)
      g_key_file_set_boolean (record, group, "ApprovedOnly", TRUE);
    if (device->unsettled)
      g_key_file_set_boolean (record, group, "Unsettled", TRUE);
  }
}

static BothyDevice *
read_device (GKeyFile *record, const char *group, GError **error)
{
  g_autofree char *match = g_key_file_get_string (record, group, "Match", NULL);
  g_autofree char *user = g_key_file_get_string (record, group, "User", NULL);
  g_autofree char *mode = g_key_file_get_string (record, group, "Mode", NULL);
  g_autofree char *link = g_key_file_get_string (record, group, "Link", NULL);
  char **approved = g_key_file_get_string_list (record, group, "Approved", NULL, NULL);
  BothyDevice *device = bothy_device_new (group + strlen (GROUP), match ? match : "", "", "",
                                          mode ? mode : "", link ? link : "", error);

  if (!device) {
    g_strfreev (approved);
    return NULL;
  }
  g_free (device->user);
  device->user = user ? g_steal_pointer (&user) : g_strdup ("");
  if (approved) {
    g_strfreev (device->approved);
    device->approved = approved;
  }
  device->approved_only = g_key_file_get_boolean (record, group, "ApprovedOnly", NULL);
  device->unsettled = g_key_file_get_boolean (record, group, "Unsettled", NULL);
  return device;
}

GPtrArray *
bothy_devices_from_record (GKeyFile *record, GError **error)
{
  g_autoptr (GPtrArray) devices = bothy_devices_new ();
  g_auto (GStrv) groups = g_key_file_get_groups (record, NULL);

  for (char **group = groups; *group; group++) {
    BothyDevice *device;

    if (!g_str_has_prefix (*group, GROUP))
      continue;
    device = read_device (record, *group, error);
    if (!device)
      return NULL;
    g_ptr_array_add (devices, device);
  }
  return g_steal_pointer (&devices);
}

/* ---- on the bus ---- */

/* Those of NODES ("NAME\tNODE") that are DEVICE's, as paths inside. */
static GVariant *
nodes_of (const BothyDevice *device, GPtrArray *nodes)
{
  g_autofree char *prefix = g_strdup_printf ("%s\t", device->name);
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; i < nodes->len; i++) {
    const char *node = nodes->pdata[i];

    if (g_str_has_prefix (node, prefix))
      g_variant_builder_add (&list, "s", node + strlen (prefix));
  }
  return g_variant_builder_end (&list);
}

GVariant *
bothy_devices_to_variant (GPtrArray *devices, GPtrArray *nodes)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < devices->len; i++) {
    const BothyDevice *device = devices->pdata[i];
    const char *colon = strchr (device->user, ':');
    g_autofree char *mode = g_strdup_printf ("%04o", device->mode);

    if (device->unsettled)
      continue;
    g_variant_builder_open (&list, G_VARIANT_TYPE ("a{sv}"));
    g_variant_builder_add (&list, "{sv}", "name", g_variant_new_string (device->name));
    g_variant_builder_add (&list, "{sv}", "match",
                           g_variant_new_string (bothy_device_match_text (device->match)));
    g_variant_builder_add (&list, "{sv}", "owner",
                           g_variant_new_take_string (g_strndup (device->user, strcspn (device->user, ":"))));
    g_variant_builder_add (&list, "{sv}", "group", g_variant_new_string (colon ? colon + 1 : ""));
    g_variant_builder_add (&list, "{sv}", "mode", g_variant_new_string (mode));
    g_variant_builder_add (&list, "{sv}", "symlink", g_variant_new_string (device->link));
    g_variant_builder_add (&list, "{sv}", "nodes", nodes_of (device, nodes));
    g_variant_builder_close (&list);
  }
  return g_variant_builder_end (&list);
}
