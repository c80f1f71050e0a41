/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "filter.h"
#include "link.h"

/* An element of a map:  6 . 8080 : 10.0.0.2 . 80  */
struct port {
  unsigned int protocol;
  unsigned int port;
  char address[INET6_ADDRSTRLEN];
  unsigned int inside_port;
};

static const uint8_t none[16];

static unsigned int
get_protocol (const struct net_request *request)
{
  return (request->flags & NET_FLAG_UDP) != 0 ? IPPROTO_UDP : IPPROTO_TCP;
}

/* RET_TEXT for FAMILY (4 or 6) of an address that may be none. */
static bool
get_address (int family, const uint8_t *address, char ret_text[INET6_ADDRSTRLEN])
{
  if (memcmp (address, none, family == 4 ? 4 : 16) == 0)
    return false;
  return inet_ntop (family == 4 ? AF_INET : AF_INET6, address, ret_text, INET6_ADDRSTRLEN) != NULL;
}

/* The next port in what nft lists. Returns where to go on, or NULL. */
static const char *
read_port (const char *text, struct port *ret)
{
  while (text != NULL && *text != '\0') {
    if (sscanf (text, " %u . %u : %45[0-9a-fA-F:.] . %u",
                &ret->protocol, &ret->port, ret->address, &ret->inside_port) == 4)
      return text + strcspn (text, ",}");
    text = strpbrk (text, ",{");
    if (text != NULL)
      text++;
  }
  return NULL;
}

static int
write_removal_of (struct nft *nft, int family, const char *address, const struct net_request *only, FILE *file)
{
  char command[64];
  const char *text;
  struct port port;
  int error;

  snprintf (command, sizeof command, "list map inet bothy ports%d\n", family);
  error = nft_run (nft, command, ENOENT, &text);
  if (error != 0)
    return error == ENOENT ? 0 : error;
  text = strstr (text, "elements");
  while ((text = read_port (text, &port)) != NULL) {
    if (strcmp (port.address, address) != 0)
      continue;
    if (only != NULL && (port.port != only->port || port.protocol != get_protocol (only)))
      continue;
    fprintf (file, "delete element inet bothy ports%d { %u . %u }\n", family, port.protocol, port.port);
  }
  return 0;
}

int
ports_write_removal (struct nft *nft, const struct record *record, FILE *file)
{
  char address[INET6_ADDRSTRLEN];
  int error = 0;

  if (get_address (4, record->address4, address))
    error = write_removal_of (nft, 4, address, NULL, file);
  if (error == 0 && get_address (6, record->address6, address))
    error = write_removal_of (nft, 6, address, NULL, file);
  return error;
}

/* Through the loopback only IPv4 can be forwarded, and only when the bridge is told. */
static int
open_loopback (struct nft *nft, struct nl_sock *route, uint32_t index)
{
  struct link bridge;
  char command[96];
  int error = link_get (route, index, &bridge);

  if (error != 0)
    return error;
  if (strcmp (bridge.kind, "bridge") != 0 || !record_name_is_plain (bridge.name))
    return EINVAL;
  snprintf (command, sizeof command, "add element inet bothy loopback { \"%s\" }\n", bridge.name);
  error = nft_run (nft, command, 0, NULL);
  return error != 0 ? error : link_set_route_localnet (route, index, true);
}

int
ports_add (struct nft *nft, struct nl_sock *route, const struct net_request *request)
{
  AUTO_TEXT text = { 0 };
  char address[INET6_ADDRSTRLEN];
  int error = filter_ensure (nft);

  if (error == 0 && request->bridge != 0)
    error = open_loopback (nft, route, request->bridge);
  if (error == 0)
    error = text_begin (&text);
  if (error != 0)
    return error;
  if (get_address (4, request->address4, address))
    fprintf (text.file, "create element inet bothy ports4 { %u . %u : %s . %u }\n",
             get_protocol (request), request->port, address, request->inside_port);
  if (get_address (6, request->address6, address))
    fprintf (text.file, "create element inet bothy ports6 { %u . %u : %s . %u }\n",
             get_protocol (request), request->port, address, request->inside_port);
  error = text_end (&text);
  return error != 0 ? error : nft_run (nft, text.data, EEXIST, NULL);
}

int
ports_remove (struct nft *nft, const struct net_request *request)
{
  AUTO_TEXT text = { 0 };
  char address[INET6_ADDRSTRLEN];
  int error = text_begin (&text);

  if (error != 0)
    return error;
  if (get_address (4, request->address4, address))
    error = write_removal_of (nft, 4, address, request, text.file);
  if (error == 0 && get_address (6, request->address6, address))
    error = write_removal_of (nft, 6, address, request, text.file);
  if (text_end (&text) != 0)
    return ENOMEM;
  if (error != 0 || text.size == 0)
    return error;
  return nft_run (nft, text.data, 0, NULL);
}
