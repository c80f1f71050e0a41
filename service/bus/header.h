/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the header of a message says, read without making values of it: see the D-Bus specification, "Message Format". */
typedef struct {
  gboolean swapped;
  guint8 type, flags;
  guint32 serial;
  gsize fields, header, total;
  gboolean strange; /* the header has what no honest one has: nothing of the message counts but its length */
  const char *sender, *interface, *signature; /* in the stream's data */
} BothyHeader;

#define BOTHY_HEADER_FIXED 16
#define BOTHY_HEADER_MAX   (64 * 1024) /* with the fields; the bus itself allows names of 255 bytes */

/* Take in what the first BOTHY_HEADER_FIXED bytes of DATA say: all numbers. FALSE: it makes no sense. */
gboolean bothy_header_read_fixed (const guint8 *data, BothyHeader *message);

/* Take in what the fields say, when DATA has all of the header and is as long as MESSAGE->header. What makes no sense makes
   MESSAGE strange. */
void bothy_header_read_fields (const guint8 *data, BothyHeader *message);

G_END_DECLS
