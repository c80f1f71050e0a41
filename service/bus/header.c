/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/header.h"

#include <gio/gio.h>
#include <string.h>

static guint32
get_number (const BothyHeader *message, const guint8 *data)
{
  guint32 number;

  memcpy (&number, data, sizeof number);
  return message->swapped ? GUINT32_SWAP_LE_BE (number) : number;
}

static gsize
align (gsize n, gsize to)
{
  return (n + to - 1) / to * to;
}

/* The field at *POSITION, a byte and a variant that is a string or a number, before END. FALSE: it is something else. */
static gboolean
read_field (BothyHeader *message, const guint8 *data, gsize *position, gsize end)
{
  gsize at = align (*position, 8), length;
  guint8 code;
  char type;

  if (at + 4 > end || data[at + 1] != 1)
    return FALSE;
  code = data[at];
  type = (char)data[at + 2];
  at += 4;
  if (type == 'g') {
    if (at >= end || at + data[at] + 2 > end)
      return FALSE;
    if (code == G_DBUS_MESSAGE_HEADER_FIELD_SIGNATURE)
      message->signature = (const char *)data + at + 1;
    *position = at + data[at] + 2;
    return TRUE;
  }
  at = align (at, 4);
  if (at + 4 > end || (type != 's' && type != 'o' && type != 'u'))
    return FALSE;
  length = get_number (message, data + at);
  if (type == 'u') {
    *position = at + 4;
    return TRUE;
  }
  if (length >= end - at - 4)
    return FALSE;
  if (code == G_DBUS_MESSAGE_HEADER_FIELD_SENDER)
    message->sender = (const char *)data + at + 4;
  else if (code == G_DBUS_MESSAGE_HEADER_FIELD_INTERFACE)
    message->interface = (const char *)data + at + 4;
  *position = at + 4 + length + 1;
  return TRUE;
}

gboolean
bothy_header_read_fixed (const guint8 *data, BothyHeader *message)
{
  *message = (BothyHeader){ .signature = "" };
  if ((data[0] != 'l' && data[0] != 'B') || data[3] != 1)
    return FALSE;
  message->swapped = (data[0] == 'B') != (G_BYTE_ORDER == G_BIG_ENDIAN);
  message->type = data[1];
  message->flags = data[2];
  message->serial = get_number (message, data + 8);
  message->fields = get_number (message, data + 12);
  message->header = align (BOTHY_HEADER_FIXED + message->fields, 8);
  message->total = message->header + get_number (message, data + 4);
  /* The bus bounds no object path, and lets fields pass that nobody knows. */
  message->strange = message->header > BOTHY_HEADER_MAX;
  return TRUE;
}

void
bothy_header_read_fields (const guint8 *data, BothyHeader *message)
{
  gsize position = BOTHY_HEADER_FIXED;

  while (!message->strange && position < BOTHY_HEADER_FIXED + message->fields)
    message->strange = !read_field (message, data, &position, BOTHY_HEADER_FIXED + message->fields);
}
