/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* An archive that has an image in it rather than a root file system: an OCI image layout, or what docker save
 * writes. */

typedef struct {
  GByteArray *text; /* as UNPACK_BUNDLE's result has it */
  GArray *fds;      /* int: of the layers, the lowest first */
} Bundle;

/* Reads what is unpacked below TREE, of the image that is for MACHINE, as uname -m says it. */
gboolean bundle_read (int tree, const char *machine, Bundle *ret, GError **error);
