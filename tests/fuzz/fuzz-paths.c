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
  g_autofree char *unescaped = bothy_path_unescape (text);
  g_autofree char *escaped = bothy_path_escape (text);
  g_autofree char *again = bothy_path_unescape (escaped);
  g_autofree char *label = unescaped ? bothy_path_escape (unescaped) : NULL;
  g_autofree char *name = NULL;
  g_autofree char *canonical = NULL;
  guint32 owner;

  if (g_strcmp0 (again, text) != 0 || (label && g_strcmp0 (label, text) != 0))
    abort ();
  if (bothy_path_parse_container (path, &owner, &name)) {
    canonical = bothy_path_of_container (owner, name);
    if (g_strcmp0 (canonical, path) != 0 || !bothy_validate_name (name, "Name", NULL))
      abort ();
  }
  return 0;
}
