/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

int
nft_open (struct nft *nft)
{
  if (nft->context != NULL)
    return 0;
  nft->socket = netlink_open (NETLINK_NETFILTER);
  if (nft->socket == NULL)
    return errno;
  nft->context = nft_ctx_new (NFT_CTX_DEFAULT);
  if (nft->context == NULL || nft_ctx_buffer_output (nft->context) != 0 ||
      nft_ctx_buffer_error (nft->context) != 0)
    return ENOMEM;
  nft_ctx_output_set_flags (nft->context, NFT_CTX_OUTPUT_NUMERIC_ALL);
  return 0;
}

/* The library tells only by text what the kernel said. */
static int
find_error (const char *text)
{
  static const int candidates[] = { EEXIST, ENOENT, EPERM, EOPNOTSUPP, ENOSPC, ENOMEM, EBUSY, ENFILE, EINVAL };

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

  if (nlmsg_parse ((struct nlmsghdr *)(uintptr_t)header,
                   sizeof (struct nfgenmsg),
                   attributes,
                   NFTA_GEN_MAX,
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

int
nft_run (struct nft *nft, const char *commands, int expected, const char **ret_output)
{
  uint32_t before = ret_output != NULL ? 0 : get_generation (nft);
  bool failed = nft_run_cmd_from_buffer (nft->context, commands) != 0;
  /* Reading empties the buffers, which else grow. */
  const char *output = nft_ctx_get_output_buffer (nft->context);
  const char *message = nft_ctx_get_error_buffer (nft->context);
  int error;

  if (ret_output != NULL)
    *ret_output = output;
  /* A change of ours is one step; any other number means that somebody else took one as well. */
  if (ret_output == NULL && nft->generation != 0) {
    bool alone = before == nft->generation && get_generation (nft) == before + (failed ? 0 : 1);

    nft->generation = alone ? before + (failed ? 0 : 1) : 0;
  }
  if (!failed)
    return 0;
  error = find_error (message);
  if (error != expected)
    fprintf (stderr, "bothy-net: nftables: %s", message);
  return error;
}

int
text_begin (struct text *text)
{
  *text = (struct text){ 0 };
  text->file = open_memstream (&text->data, &text->size);
  return text->file == NULL ? errno : 0;
}

int
text_end (struct text *text)
{
  int result = fclose (text->file);

  text->file = NULL;
  return result != 0 ? ENOMEM : 0;
}

void
text_free (struct text *text)
{
  if (text->file != NULL)
    fclose (text->file);
  free (text->data);
}
