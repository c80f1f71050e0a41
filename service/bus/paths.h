/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* TEXT as one element of an object path, escaped as systemd does it (sd_bus_path_encode(3)):
   letters, and digits but for a leading one, stay; other bytes become _xx; "" becomes "_". */
char *bothy_path_escape (const char *text);

/* The other way round, or NULL if LABEL is not such an escape. */
char *bothy_path_unescape (const char *label);

/* The path of the container NAME of OWNER. */
char *bothy_path_of_container (guint32 owner, const char *name);

/* Whether PATH is one that a container could have; then whose and which. */
gboolean bothy_path_parse_container (const char *path, guint32 *ret_owner, char **ret_name);

G_END_DECLS
