/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "elements.h"
#include "protocol.h"
#include "record.h"

/*
 * What a limited nic may reach: elements of the sets "egress", on the bridge for what stays there, and at the
 * router. Functions that return something return 0 or an errno value.
 */

/* Adds REQUEST's to BATCH, as those of RECORD's nic. */
void destinations_write (const struct record *record, const struct net_request *request, struct batch *batch);

/* Adds to BATCH the removal of all that RECORD's nic may reach. */
int destinations_write_removal (struct nft *nft, const struct record *record, struct batch *batch);

/* The same of what belongs to none of RECORDS. */
int destinations_write_strays (struct nft *nft,
                               const struct record *records,
                               size_t n_records,
                               struct batch *batch);
