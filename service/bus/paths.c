/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/paths.h"

#include "bus/names.h"
#include "base/validate.h"

#include <string.h>

char *
bothy_path_escape (const char *text)
{
  GString *label = g_string_new (*text ? NULL : "_");

  for (const char *c = text; *c; c++) {
    if (g_ascii_isalpha (*c) || (c != text && g_ascii_isdigit (*c)))
      g_string_append_c (label, *c);
    else
      g_string_append_printf (label, "_%02x", (guint8)*c);
  }
  return g_string_free (label, FALSE);
}

char *
bothy_path_unescape (const char *label)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *again = NULL;

  for (const char *c = label; *c && !g_str_equal (label, "_"); c++) {
    if (*c != '_')
      g_string_append_c (text, *c);
    else if (g_ascii_isxdigit (c[1]) && g_ascii_isxdigit (c[2])) {
      g_string_append_c (text, (char)(g_ascii_xdigit_value (c[1]) * 16 + g_ascii_xdigit_value (c[2])));
      c += 2;
    } else
      return NULL;
  }
  /* One name has one path. */
  again = bothy_path_escape (text->str);
  return g_str_equal (again, label) ? g_strdup (text->str) : NULL;
}

char *
bothy_path_of_container (guint32 owner, const char *name)
{
  g_autofree char *label = bothy_path_escape (name);

  return g_strdup_printf (BOTHY_CONTAINER_PATH "/u%u/%s", owner, label);
}

char *
bothy_path_of_image (const char *fingerprint)
{
  g_autofree char *label = bothy_path_escape (fingerprint);

  return g_strconcat (BOTHY_IMAGE_PATH "/", label, NULL);
}

char *
bothy_path_of_bridge (const char *name)
{
  g_autofree char *label = bothy_path_escape (name);

  return g_strconcat (BOTHY_BRIDGE_PATH "/", label, NULL);
}

char *
bothy_path_of_operation (guint32 id)
{
  return g_strdup_printf (BOTHY_OPERATION_PATH "/%u", id);
}

char *
bothy_path_of_process (guint32 id)
{
  return g_strdup_printf (BOTHY_PROCESS_PATH "/%u", id);
}

gboolean
bothy_path_parse_container (const char *path, guint32 *ret_owner, char **ret_name)
{
  g_auto (GStrv) parts = NULL;
  g_autofree char *name = NULL;
  guint64 owner;

  if (!g_str_has_prefix (path, BOTHY_CONTAINER_PATH "/u"))
    return FALSE;
  parts = g_strsplit (path + strlen (BOTHY_CONTAINER_PATH "/u"), "/", -1);
  if (!parts[0] || !parts[1] || parts[2] || !bothy_parse_number (parts[0], 0, G_MAXINT32, &owner))
    return FALSE;
  name = bothy_path_unescape (parts[1]);
  if (!name || !bothy_validate_name (name, "Name", NULL))
    return FALSE;
  *ret_owner = (guint32)owner;
  *ret_name = g_steal_pointer (&name);
  return TRUE;
}
