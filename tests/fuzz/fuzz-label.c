/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what reads names out of object paths: a path means one name, and the name has that path only. */
#include <stdint.h>
#include <stdlib.h>

#include "bus/paths.h"
#include "bus/names.h"
#include "base/validate.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_autofree char *path = g_strconcat (BOTHY_CONTAINER_PATH "/", text, NULL);
  g_autofree char *unescaped = bothy_label_unescape (text);
  g_autofree char *escaped = bothy_label_escape (text);
  g_autofree char *again = bothy_label_unescape (escaped);
  g_autofree char *label = unescaped ? bothy_label_escape (unescaped) : NULL;
  g_autofree char *name = NULL;
  g_autofree char *canonical = NULL;
  guint32 owner;

  if (g_strcmp0 (again, text) != 0 || (label && g_strcmp0 (label, text) != 0))
    abort ();
  if (bothy_label_parse_container_path (path, &owner, &name)) {
    canonical = bothy_label_container_path (owner, name);
    if (g_strcmp0 (canonical, path) != 0 || !bothy_name_check (name, "Name", NULL))
      abort ();
  }
  return 0;
}
