/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "destinations.h"
#include "rules.h"

/* Of nics; which ports of the host lead to them is kept elsewhere. */
static const char *const bridge_sets[] = {
  "nics",     "lan",      "macs",     "limited",          "bound",  "own4",   "own6",
  "targets6", "claimed4", "claimed6", "claimed_targets6", "groups", "members"
};
static const char *const inet_sets[] = { "nics4",    "nics6",    "groups4", "groups6", "members4", "members6",
                                         "limited4", "limited6", "owners4", "owners6", "bridges" };

#define N_BRIDGE_SETS (sizeof bridge_sets / sizeof bridge_sets[0])
#define N_INET_SETS   (sizeof inet_sets / sizeof inet_sets[0])

struct list {
  struct record *records;
  size_t n_records;
};

int
filter_ensure (struct nft *nft)
{
  int error;

  if (nft_is_unchanged (nft))
    return 0;
  /* Somebody did something, or we were just started. Taken before: what comes between is noticed next time.
   */
  nft_trust (nft);
  error = nft_run (nft, rules_text);
  if (error != 0)
    nft->generation = 0;
  return error;
}

int
filter_get (struct nft *nft, const char *name, struct record *ret_record)
{
  struct element element = record_element (name);
  int error = element_get (nft, &element);

  if (error != 0)
    return error;
  return record_read (&element, ret_record) && strcmp (ret_record->name, name) == 0 ? 0 : ENOENT;
}

/* Adding first makes it no error when some of it is gone. */
static int
write_removal (struct nft *nft, const struct record *record, struct batch *batch)
{
  record_write (record, batch, CHANGE_ADD);
  record_write (record, batch, CHANGE_DELETE);
  return destinations_write_removal (nft, record, batch);
}

/* Two nics of a LAN never have one address: the first one keeps it. And none has the host's, or a router's. */
static int
check_claim (struct nft *nft, const struct record *record, const struct record *old)
{
  struct element claim = record_claim (record);
  int error;

  if (!record->bound)
    return 0;
  error = addresses_check (nft, record->address4);
  if (error != 0 || memcmp (old->address4, record->address4, sizeof old->address4) == 0)
    return error;
  error = element_get (nft, &claim);
  if (error == 0)
    return EADDRNOTAVAIL;
  return error == ENOENT ? 0 : error;
}

int
filter_put (struct nft *nft, const struct record *record, const struct net_request *request)
{
  AUTO_BATCH batch = { 0 };
  struct record old = { 0 };
  int error = filter_get (nft, record->name, &old);
  int claim = check_claim (nft, record, &old);

  if (error != 0 && error != ENOENT)
    return error;
  if (claim != 0)
    return claim;
  batch_begin (&batch, nft);
  if (error == 0 && !record_is_same (&old, record))
    error = write_removal (nft, &old, &batch);
  if (error != 0 && error != ENOENT)
    return error;
  record_write (record, &batch, CHANGE_ADD);
  destinations_write (record, request, &batch);
  error = batch_commit (&batch);
  /* All elements came in one transaction, so one stands for all. */
  if (error == 0)
    error = filter_get (nft, record->name, &old);
  if (error == 0 && !record_is_same (&old, record))
    error = EBADMSG;
  return error;
}

int
filter_drop (struct nft *nft, const struct record *record)
{
  AUTO_BATCH batch = { 0 };
  int error;

  batch_begin (&batch, nft);
  error = write_removal (nft, record, &batch);
  return error != 0 ? error : batch_commit (&batch);
}

static int
collect (const struct element *element, void *data)
{
  struct list *list = data;
  struct record record;
  struct record *larger;

  if (!record_read (element, &record))
    return 0;
  larger = reallocarray (list->records, list->n_records + 1, sizeof *larger);
  if (larger == NULL)
    return ENOMEM;
  list->records = larger;
  larger[list->n_records++] = record;
  return 0;
}

int
filter_list (struct nft *nft, struct record **ret_records, size_t *ret_n_records)
{
  struct list list = { 0 };
  int error = element_each (nft, TABLE_BRIDGE, "nics", collect, &list);

  *ret_records = list.records;
  *ret_n_records = list.n_records;
  return error;
}

int
filter_restore (struct nft *nft)
{
  AUTO_BATCH batch = { 0 };
  struct list list = { 0 };
  int error = element_each (nft, TABLE_BRIDGE, "nics", collect, &list);

  batch_begin (&batch, nft);
  for (size_t i = 0; i < list.n_records; i++)
    record_write (&list.records[i], &batch, CHANGE_ADD);
  free (list.records);
  return error != 0 ? error : batch_commit (&batch);
}

int
filter_replace (struct nft *nft, const struct record *records, size_t n_records)
{
  AUTO_BATCH batch = { 0 };
  int error;

  batch_begin (&batch, nft);
  for (size_t i = 0; i < N_BRIDGE_SETS; i++)
    batch_flush (&batch, TABLE_BRIDGE, bridge_sets[i]);
  for (size_t i = 0; i < N_INET_SETS; i++)
    batch_flush (&batch, TABLE_INET, inet_sets[i]);
  for (size_t i = 0; i < n_records; i++)
    record_write (&records[i], &batch, CHANGE_ADD);
  error = destinations_write_strays (nft, records, n_records, &batch);
  return error != 0 ? error : batch_commit (&batch);
}

int
filter_remove (struct nft *nft)
{
  /* Adding first: they may not be there. */
  int error = nft_run (nft, "add table bridge bothy\nadd table inet bothy\n"
                            "delete table bridge bothy\ndelete table inet bothy\n");

  /* What we knew of them is gone with them. */
  nft->generation = 0;
  return error;
}
