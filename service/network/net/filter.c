/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ports.h"
#include "rules.h"

/* Of the nics; ports of the host are looked after in ports.c. */
static const char *const sets[] = {
  "bridge bothy nics",     "bridge bothy lan",      "bridge bothy macs",     "bridge bothy own4",
  "bridge bothy own6",     "bridge bothy claimed4", "bridge bothy claimed6", "bridge bothy targets6",
  "bridge bothy claimed_targets6", "bridge bothy members", "inet bothy nics4", "inet bothy nics6",
  "inet bothy members4",   "inet bothy members6",
};
static const char *const maps[] = { "bridge bothy groups", "inet bothy groups4", "inet bothy groups6" };

#define N_SETS (sizeof sets / sizeof sets[0])
#define N_MAPS (sizeof maps / sizeof maps[0])

int
filter_ensure (struct nft *nft)
{
  int error;

  if (nft_is_unchanged (nft))
    return 0;
  /* Somebody did something, or we were just started. Taken before: what comes between is noticed next time. */
  nft_trust (nft);
  error = nft_run (nft, rules_text, 0, NULL);
  if (error != 0)
    nft->generation = 0;
  return error;
}

int
filter_get (struct nft *nft, const char *name, struct record *ret_record)
{
  char command[96];
  const char *output;
  int error;

  snprintf (command, sizeof command, "get element bridge bothy nics { \"%s\" }\n", name);
  error = nft_run (nft, command, ENOENT, &output);
  if (error != 0)
    return error;
  return record_read (output, ret_record) != NULL && strcmp (ret_record->name, name) == 0 ? 0 : ENOENT;
}

/* Adding first makes it no error when some of it is gone. */
static void
write_removal (const struct record *record, FILE *file)
{
  record_write (record, file, "add");
  record_write (record, file, "delete");
}

int
filter_put (struct nft *nft, const struct record *record)
{
  AUTO_TEXT text = { 0 };
  struct record old;
  int error = filter_get (nft, record->name, &old);

  if (error != 0 && error != ENOENT)
    return error;
  if (text_begin (&text) != 0)
    return ENOMEM;
  if (error == 0)
    write_removal (&old, text.file);
  record_write (record, text.file, "add");
  error = text_end (&text);
  if (error == 0)
    error = nft_run (nft, text.data, 0, NULL);
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
  AUTO_TEXT text = { 0 };
  int error = text_begin (&text);

  if (error != 0)
    return error;
  write_removal (record, text.file);
  error = ports_write_removal (nft, record, text.file);
  if (text_end (&text) != 0)
    return ENOMEM;
  return error != 0 ? error : nft_run (nft, text.data, 0, NULL);
}

int
filter_list (struct nft *nft, struct record **ret_records, size_t *ret_n_records)
{
  struct record *records;
  struct record record;
  size_t n = 0;
  const char *text;
  int error = nft_run (nft, "list set bridge bothy nics\n", ENOENT, &text);

  *ret_records = NULL;
  *ret_n_records = 0;
  if (error != 0)
    return error == ENOENT ? 0 : error;
  for (const char *p = text; (p = record_read (p, &record)) != NULL;)
    n++;
  records = calloc (n + 1, sizeof *records);
  if (records == NULL)
    return ENOMEM;
  *ret_records = records;
  for (size_t i = 0; i < n; i++)
    text = record_read (text, &records[i]);
  *ret_n_records = n;
  return 0;
}

int
filter_replace (struct nft *nft, const struct record *records, size_t n_records)
{
  AUTO_TEXT text = { 0 };
  int error;

  /* Adding first: they may not be there. */
  if (n_records == 0)
    return nft_run (nft,
                    "add table bridge bothy\nadd table inet bothy\n"
                    "delete table bridge bothy\ndelete table inet bothy\n",
                    0,
                    NULL);
  error = text_begin (&text);
  if (error != 0)
    return error;
  for (size_t i = 0; i < N_SETS; i++)
    fprintf (text.file, "flush set %s\n", sets[i]);
  for (size_t i = 0; i < N_MAPS; i++)
    fprintf (text.file, "flush map %s\n", maps[i]);
  for (size_t i = 0; i < n_records; i++)
    record_write (&records[i], text.file, "add");
  error = text_end (&text);
  return error != 0 ? error : nft_run (nft, text.data, 0, NULL);
}
