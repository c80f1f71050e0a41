/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tidy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "identity.h"
#include "ports.h"

/* Links that are ours, whether finished or not. */
struct links {
  struct link *links;
  size_t n_links;
};

static void
free_links (struct links *links)
{
  free (links->links);
}

static void
free_records (struct record **records)
{
  free (*records);
}

static int
collect (const struct link *link, void *data)
{
  struct links *links = data;
  struct link *larger;

  if (!link_is_ours (link))
    return 0;
  larger = reallocarray (links->links, links->n_links + 1, sizeof *larger);
  if (larger == NULL)
    return ENOMEM;
  links->links = larger;
  larger[links->n_links++] = *link;
  return 0;
}

int
tidy_list (struct net *net, struct outcome *ret)
{
  __attribute__ ((cleanup (free_links))) struct links links = { 0 };
  int error = link_each (net->route, collect, &links);

  if (error == 0)
    ret->text = malloc (links.n_links * NET_ALIAS_SIZE + 1);
  if (error != 0 || ret->text == NULL)
    return fail (ret, NET_STEP_LINK, error != 0 ? error : ENOMEM);
  for (size_t i = 0; i < links.n_links && i < NET_MAX_NICS; i++) {
    size_t size = strlen (links.links[i].alias) + 1;

    /* Without an alias it is half a nic, which NET_TIDY removes. */
    if (size > 1) {
      memcpy (ret->text + ret->text_size, links.links[i].alias, size);
      ret->text_size += size;
    }
  }
  return 0;
}

static bool
belong (const struct link *link, const struct record *record)
{
  return strcmp (link->name, record->name) == 0 && identity_hash (link->alias) == record->hash;
}

/* Links that nothing filters: made half, or bereft of their filter by somebody. */
static int
remove_unfiltered (struct net *net, const struct links *links, const struct record *records, size_t n_records)
{
  for (size_t i = 0; i < links->n_links; i++) {
    bool has_record = false;
    int error;

    for (size_t j = 0; j < n_records && !has_record; j++)
      has_record = belong (&links->links[i], &records[j]);
    error = has_record ? 0 : link_remove (net->route, links->links[i].index);
    if (error != 0 && error != ENODEV)
      return error;
  }
  return 0;
}

/* Moves the records that a link belongs to to the front. */
static int
keep_alive (struct net *net, const struct links *links, struct record *records, size_t *n_records)
{
  size_t n = 0;

  for (size_t i = 0; i < *n_records; i++) {
    bool has_link = false;
    int error;

    for (size_t j = 0; j < links->n_links && !has_link; j++)
      has_link = belong (&links->links[j], &records[i]);
    if (has_link) {
      records[n++] = records[i];
      continue;
    }
    error = ports_drop (&net->nft, &net->holds, &records[i]);
    if (error != 0)
      return error;
  }
  *n_records = n;
  return 0;
}

int
tidy_up (struct net *net, struct outcome *ret)
{
  __attribute__ ((cleanup (free_links))) struct links links = { 0 };
  __attribute__ ((cleanup (free_records))) struct record *records = NULL;
  size_t n_records = 0;
  int error = link_each (net->route, collect, &links);

  if (error != 0)
    return fail (ret, NET_STEP_LINK, error);
  error = filter_list (&net->nft, &records, &n_records);
  if (error != 0)
    return fail (ret, NET_STEP_FILTER, error);
  error = remove_unfiltered (net, &links, records, n_records);
  if (error != 0)
    return fail (ret, NET_STEP_LINK, error);
  error = keep_alive (net, &links, records, &n_records);
  if (error == 0 && n_records == 0 && net->holds.n == 0) {
    error = ports_close (&net->nft, net->route);
    if (error == 0)
      error = filter_remove (&net->nft);
  } else if (error == 0) {
    error = filter_ensure (&net->nft);
  }
  if (error == 0 && n_records > 0)
    error = filter_replace (&net->nft, records, n_records);
  return error != 0 ? fail (ret, NET_STEP_FILTER, error) : 0;
}
