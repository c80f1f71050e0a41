/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
nft_open (struct nft *nft)
{
  if (nft->context != NULL)
    return 0;
  if (nft->socket == NULL)
    nft->socket = netlink_open (NETLINK_NETFILTER);
  if (nft->socket == NULL)
    return errno;
  if (nft->batch_fd <= 0)
    nft->batch_fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (nft->batch_fd < 0)
    return errno;
  nft->context = nft_ctx_new (NFT_CTX_DEFAULT);
  if (nft->context == NULL)
    return ENOMEM;
  nft_ctx_output_set_flags (nft->context, NFT_CTX_OUTPUT_HANDLE);
  return nft_ctx_buffer_error (nft->context) == 0 && nft_ctx_buffer_output (nft->context) == 0 ? 0 : ENOMEM;
}

uint32_t
nft_port (const struct nft *nft)
{
  struct sockaddr_nl address = { 0 };
  socklen_t size = sizeof address;

  if (nft->batch_fd <= 0 || getsockname (nft->batch_fd, (struct sockaddr *)&address, &size) < 0)
    return 0;
  return address.nl_pid;
}

void
nft_close (struct nft *nft)
{
  if (nft->context != NULL)
    nft_ctx_free (nft->context);
  if (nft->batch_fd > 0)
    close (nft->batch_fd);
  netlink_free_socket (&nft->socket);
}

/* The library tells only by text what the kernel said. */
static int
find_error (const char *text)
{
  static const int candidates[] = {
    EEXIST, ENOENT, EPERM, EOPNOTSUPP, ENOSPC, ENOMEM, EBUSY, ENFILE, EINVAL
  };

  for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++)
    if (strstr (text, strerror (candidates[i])) != NULL)
      return candidates[i];
  return EIO;
}

static int
read_generation (const struct nlmsghdr *header, void *data)
{
  struct nlattr *attributes[NFTA_GEN_MAX + 1];
  uint32_t *generation = data;

  if (nlmsg_parse ((struct nlmsghdr *)(uintptr_t)header, sizeof (struct nfgenmsg), attributes, NFTA_GEN_MAX,
                   NULL) < 0 ||
      attributes[NFTA_GEN_ID] == NULL)
    return EBADMSG;
  *generation = ntohl (nla_get_u32 (attributes[NFTA_GEN_ID]));
  return 0;
}

/* 0 when it can't be had. */
static uint32_t
get_generation (struct nft *nft)
{
  struct nfgenmsg family = { .version = NFNETLINK_V0 };
  AUTO_MESSAGE message = nlmsg_alloc_simple (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, 0);
  uint32_t generation = 0;

  if (message == NULL || nlmsg_append (message, &family, sizeof family, NLMSG_ALIGNTO) < 0 ||
      netlink_ask (nft->socket, message, read_generation, &generation) != 0)
    return 0;
  return generation;
}

bool
nft_is_unchanged (struct nft *nft)
{
  return nft->generation != 0 && get_generation (nft) == nft->generation;
}

void
nft_trust (struct nft *nft)
{
  nft->generation = get_generation (nft);
}

uint32_t
nft_before_change (struct nft *nft)
{
  return nft->generation == 0 ? 0 : get_generation (nft);
}

void
nft_after_change (struct nft *nft, uint32_t before, bool changed)
{
  uint32_t expected = before + (changed ? 1 : 0);

  if (nft->generation == 0 || nft->generation != before || get_generation (nft) != expected)
    nft->generation = 0;
  else
    nft->generation = expected;
}

int
nft_run (struct nft *nft, const char *commands)
{
  uint32_t before = nft_before_change (nft);
  bool failed = nft_run_cmd_from_buffer (nft->context, commands) != 0;
  /* Reading empties the buffer, which else grows. */
  const char *message = nft_ctx_get_error_buffer (nft->context);

  nft_after_change (nft, before, !failed);
  if (!failed)
    return 0;
  fprintf (stderr, "bothy-net: nftables: %s", message);
  return find_error (message);
}

int
nft_ask (struct nft *nft, const char *commands, const char **ret_output)
{
  bool failed = nft_run_cmd_from_buffer (nft->context, commands) != 0;
  const char *message = nft_ctx_get_error_buffer (nft->context);

  *ret_output = nft_ctx_get_output_buffer (nft->context);
  return failed ? find_error (message) : 0;
}
