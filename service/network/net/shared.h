/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nft.h"

/*
 * NetworkManager's own table for a bridge that it shares ("nm-shared-BRIDGE") rejects every
 * connection from outside, and what another table accepts does not help. So forwarded
 * ports need one rule there, which carries our name. NetworkManager makes the table anew
 * when the bridge is activated; then it has to be put back. Both return 0 or an errno value,
 * and do nothing where there is no such table.
 */

/* Lets forwarded ports through to BRIDGE. */
int shared_open (struct nft *nft, const char *bridge);

/* Takes the rule away. */
int shared_close (struct nft *nft, const char *bridge);
