/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what a supervisor makes of a packet. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Every string is read to its end, so that one that has none is seen. */
static size_t
read_all (char **strings)
{
  size_t length = 0;

  for (; *strings; strings++)
    length += strlen (*strings);
  return length;
}

static void
split (const struct packet *packet, unsigned n_fixed)
{
  struct packet_strings strings = { 0 };

  if (packet_split (packet, n_fixed, &strings) == 0) {
    for (unsigned i = 0; i < n_fixed; i++)
      if (strlen (strings.fixed[i]) > packet->head.text_size)
        abort ();
    if (read_all (strings.argv) + read_all (strings.env) > packet->head.text_size)
      abort ();
  } else if (strings.all)
    abort ();
  free (strings.all);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  char *copy = malloc (size + 1);
  struct packet packet = { 0 };

  if (!copy)
    return 0;
  memcpy (copy, data, size);
  /* Else hardly any input gets further. */
  if (size >= sizeof packet.head) {
    memcpy (&packet.head, copy, sizeof packet.head);
    packet.head.version = SUPERVISOR_PROTOCOL_VERSION;
    packet.head.text_size = (uint32_t)(size - sizeof packet.head);
    memcpy (copy, &packet.head, sizeof packet.head);
  }
  if (packet_check (copy, size) == 0) {
    packet.text = copy + sizeof packet.head;
    for (unsigned n_fixed = 0; n_fixed <= 3; n_fixed++)
      split (&packet, n_fixed);
  }
  free (copy);
  return 0;
}
