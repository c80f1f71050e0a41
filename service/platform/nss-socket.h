/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "nss/protocol.h"

G_BEGIN_DECLS

/* The socket that programs of the host ask for names of containers: nss/protocol.h. */
typedef struct _BothyNames BothyNames;

/* Fills in what USER may know of NAME. */
typedef void (*BothyNamesLookup) (guint32 user, const char *name, struct names_reply *ret, gpointer user_data);

BothyNames *bothy_names_new (BothyNamesLookup lookup, gpointer user_data, GError **error);
void bothy_names_free (BothyNames *self);

G_END_DECLS
