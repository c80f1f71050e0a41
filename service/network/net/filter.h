/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nft.h"
#include "record.h"

/* The filter: what a nic may send. All functions return 0 or an errno value. */

/* Sees to it that the tables are there and say what they should. */
int filter_ensure (struct nft *nft);

/* What the filter has under the host's end NAME; ENOENT: nothing. */
int filter_get (struct nft *nft, const char *name, struct record *ret_record);

/* Lets the nic of RECORD, which REQUEST is for, do what they say and no more, and reads it back from the kernel. */
int filter_put (struct nft *nft, const struct record *record, const struct net_request *request);

/* Forgets the nic of RECORD, which no ports lead to any more (ports_drop()). */
int filter_drop (struct nft *nft, const struct record *record);

/* Puts back what follows from the records that are there. */
int filter_restore (struct nft *nft);

/* All records. The caller frees RET_RECORDS, also when there are none. */
int filter_list (struct nft *nft, struct record **ret_records, size_t *ret_n_records);

/* Takes the tables away. */
int filter_remove (struct nft *nft);

/* Makes RECORDS the only ones. */
int filter_replace (struct nft *nft, const struct record *records, size_t n_records);
