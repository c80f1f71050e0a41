/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where things are on the bus, by what core/ calls them. */

/* TEXT as one element of an object path, escaped as systemd does it (sd_bus_path_encode(3)):
   letters, and digits but for a leading one, stay; other bytes become _xx; "" becomes "_". */
char *bothy_path_escape (const char *text);

/* The other way round, or NULL if LABEL is not such an escape. (transfer full) */
char *bothy_path_unescape (const char *label);

/* The path of the container NAME of the uid OWNER. (transfer full) */
char *bothy_path_of_container (guint32 owner, const char *name);

/* The path of the image with FINGERPRINT, 64 hexadecimal digits. (transfer full) */
char *bothy_path_of_image (const char *fingerprint);

/* The path of the bridge with the interface NAME. (transfer full) */
char *bothy_path_of_bridge (const char *name);

/* The path of the operation with ID. (transfer full) */
char *bothy_path_of_operation (guint32 id);

/* The path of the process with ID. (transfer full) */
char *bothy_path_of_process (guint32 id);

/* Whether PATH is one that a container could have; then whose (a uid) and which. (RET_NAME: transfer full) */
gboolean bothy_path_parse_container (const char *path, guint32 *ret_owner, char **ret_name);

G_END_DECLS
