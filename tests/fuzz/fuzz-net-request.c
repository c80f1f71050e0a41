/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what bothy-net makes of a request: what goes on as a name or an alias is one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_text (const char *text, size_t room)
{
  size_t length = strnlen (text, room);

  if (length == 0 || length == room)
    abort ();
  for (size_t i = 0; i < length; i++)
    if (text[i] <= ' ' || text[i] > '~' || strchr ("/\"'\\{};,$", text[i]))
      abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct net_request request = { 0 };
  struct wire wire = { .size = sizeof request, .n_fds = 0 };

  memcpy (&request, data, size < sizeof request ? size : sizeof request);
  /* Else hardly any input gets further. */
  request.version = NET_PROTOCOL_VERSION;
  wire.n_fds = request.op == NET_ATTACH ? 1 : 0;
  if (request_check (&request, &wire) != 0)
    return 0;
  if (request.op == NET_ATTACH || request.op == NET_REPAIR || request.op == NET_DETACH)
    check_text (request.alias, sizeof request.alias);
  if (request.op == NET_ATTACH || request.op == NET_REPAIR)
    check_text (request.inside, sizeof request.inside);
  return 0;
}
