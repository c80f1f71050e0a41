/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "error.h"

G_DEFINE_QUARK (fetch - error - quark, fetch_error)

gboolean
fetch_refuse_layers (guint n, GError **error)
{
  g_set_error (
      error, FETCH_ERROR, FETCH_UNSUPPORTED,
      "The image has %u layers, and no container can stand on so many; make it of fewer (\"--squash\")", n);
  return FALSE;
}
