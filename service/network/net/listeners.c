/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "listeners.h"

#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#define LISTENING   (1u << 10) /* TCP_LISTEN */
#define UNCONNECTED (1u << 7)  /* TCP_CLOSE, which a bound UDP socket is in */

struct wanted {
  uint16_t port;
};

static int
compare (const struct nlmsghdr *header, void *data)
{
  const struct wanted *wanted = data;
  const struct inet_diag_msg *socket = nlmsg_data (header);

  if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || nlmsg_datalen (header) < (int)sizeof *socket)
    return 0;
  return ntohs (socket->id.idiag_sport) == wanted->port ? EADDRINUSE : 0;
}

static int
check_family (struct nl_sock *diagnostics, uint8_t family, uint8_t protocol, uint16_t port)
{
  struct inet_diag_req_v2 request = {
    .sdiag_family = family,
    .sdiag_protocol = protocol,
    .idiag_states = protocol == IPPROTO_TCP ? LISTENING : UNCONNECTED,
    .id = { .idiag_sport = htons (port) },
  };
  struct wanted wanted = { port };
  AUTO_MESSAGE message = nlmsg_alloc_simple (SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
  int error;

  if (message == NULL || nlmsg_append (message, &request, sizeof request, NLMSG_ALIGNTO) < 0)
    return ENOMEM;
  error = netlink_ask (diagnostics, message, compare, &wanted);
  /* A kernel that can't tell: then nothing is known against it. */
  return error == ENOENT || error == EOPNOTSUPP ? 0 : error;
}

int
listeners_check (uint8_t protocol, uint16_t port)
{
  __attribute__ ((cleanup (netlink_free_socket))) struct nl_sock *diagnostics =
      netlink_open (NETLINK_SOCK_DIAG);
  int error;

  if (diagnostics == NULL)
    return errno == EPROTONOSUPPORT ? 0 : errno;
  error = check_family (diagnostics, AF_INET, protocol, port);
  return error != 0 ? error : check_family (diagnostics, AF_INET6, protocol, port);
}
