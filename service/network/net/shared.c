/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "record.h"

#define CHAIN_FORMAT "ip nm-shared-%s filter_forward"
#define COMMENT      "comment \"bothy\""

/* The handle of our rule; 0: it is not there, or there is no such chain (ENOENT). */
static int
find_rule (struct nft *nft, const char *bridge, unsigned int *ret_handle)
{
  char command[128];
  const char *output;
  const char *rule;
  int error;

  *ret_handle = 0;
  /* The name goes into a command. */
  if (!record_name_is_plain (bridge))
    return ENOENT;
  snprintf (command, sizeof command, "list chain " CHAIN_FORMAT "\n", bridge);
  error = nft_ask (nft, command, &output);
  if (error != 0)
    return error;
  rule = strstr (output, COMMENT " # handle ");
  if (rule != NULL)
    (void)sscanf (rule, COMMENT " # handle %u", ret_handle);
  return 0;
}

int
shared_open (struct nft *nft, const char *bridge)
{
  char command[192];
  unsigned int handle;
  int error = find_rule (nft, bridge, &handle);

  if (error != 0 || handle != 0)
    return error == ENOENT ? 0 : error;
  snprintf (command, sizeof command,
            "insert rule " CHAIN_FORMAT " oifname \"%s\" ct status dnat accept " COMMENT "\n", bridge,
            bridge);
  return nft_run (nft, command);
}

int
shared_close (struct nft *nft, const char *bridge)
{
  char command[128];
  unsigned int handle;
  int error = find_rule (nft, bridge, &handle);

  if (error != 0 || handle == 0)
    return error == ENOENT ? 0 : error;
  snprintf (command, sizeof command, "delete rule " CHAIN_FORMAT " handle %u\n", bridge, handle);
  return nft_run (nft, command);
}
