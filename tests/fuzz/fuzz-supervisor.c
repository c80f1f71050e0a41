/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a supervisor parses: packets (first byte even), and an image's passwd and group (odd). */

#include "message.h"
#include "user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
parse_packet (const uint8_t *data, size_t size)
{
  struct packet_strings strings = { 0 };
  struct packet packet;
  int pair[2];

  if (socketpair (AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
    return;
  if (send (pair[0], data, size, MSG_DONTWAIT) >= 0 && packet_receive (pair[1], &packet) == 1 &&
      packet_split (&packet, 2, &strings) == 0) {
    for (uint32_t i = 0; i < packet.head.n_argv; i++)
      (void)strlen (strings.argv[i]);
    free (strings.all);
  }
  close (pair[0]);
  close (pair[1]);
}

static void
parse_tables (const uint8_t *data, size_t size)
{
  char path[32], spec[17] = { 0 };
  int fd = memfd_create ("table", MFD_CLOEXEC);
  struct user user;

  memcpy (spec, data, size < 16 ? size : 16);
  if (size > 16 && write (fd, data + 16, size - 16) < 0)
    size = 0;
  snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  user_lookup (spec, path, path, &user);
  close (fd);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  if (data[0] % 2 == 0)
    parse_packet (data + 1, size - 1);
  else
    parse_tables (data + 1, size - 1);
  return 0;
}
