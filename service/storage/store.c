/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/store.h"

#include "base/validate.h"

gboolean
bothy_store_load (int dirfd, BothyTrash *trash, BothyStoreLoad load, gpointer self)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", dirfd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  gboolean complete = dir != NULL;
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    if (g_str_has_prefix (name, BOTHY_STORE_NEW))
      bothy_trash_put (trash, dirfd, name, NULL);
    else if (!bothy_is_fingerprint (name) || !load (self, name))
      complete = FALSE;
  }
  return complete;
}
