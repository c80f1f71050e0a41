/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "destinations.h"

#include <arpa/inet.h>
#include <string.h>

#define MOST_OWNERS 4 /* how many beginnings of keys one nic has */

/* The beginning of the keys of all elements of one nic: in the bridge's sets the name of its host's end; in
   the router's (inet) the name of the bridge and the nic's address.
 */
struct owners {
  struct element elements[MOST_OWNERS];
  size_t n_elements;
};

struct removal {
  struct batch *batch;
  const struct owners *owners;  /* whose to remove, or */
  const struct record *records; /* whose to keep */
  size_t n_records;
};

static const struct {
  enum table table;
  const char *set;
} sets[] = { { TABLE_BRIDGE, "egress4" },
             { TABLE_BRIDGE, "egress6" },
             { TABLE_INET, "egress4" },
             { TABLE_INET, "egress6" } };

static struct element *
add_owner (struct owners *owners, enum table table, const char *set, const char *name)
{
  struct element *element = &owners->elements[owners->n_elements++];

  *element = (struct element){ .table = table, .set = set };
  element_add_name (element, name);
  return element;
}

/* On a LAN nothing is routed by the host, so there the bridge has to judge alone. */
static struct owners
find_owners (const struct record *record)
{
  struct owners owners = { 0 };

  add_owner (&owners, TABLE_BRIDGE, "egress4", record->name);
  add_owner (&owners, TABLE_BRIDGE, "egress6", record->name);
  if (record->lan)
    return owners;
  element_add_key (add_owner (&owners, TABLE_INET, "egress4", record->bridge), record->address4,
                   sizeof record->address4);
  element_add_key (add_owner (&owners, TABLE_INET, "egress6", record->bridge), record->address6,
                   sizeof record->address6);
  return owners;
}

static void
write_one (const struct element *owner, const struct net_destination *destination, struct batch *batch)
{
  struct element element = *owner;
  size_t size = destination->family == 4 ? 4 : 16;
  uint16_t first_port = htons (destination->first_port);
  uint16_t last_port = htons (destination->last_port);

  element_add_range (&element, destination->first, destination->last, size);
  element_add_range (&element, &destination->first_protocol, &destination->last_protocol, 1);
  element_add_range (&element, &first_port, &last_port, sizeof first_port);
  batch_change (batch, CHANGE_ADD, &element);
}

void
destinations_write (const struct record *record, const struct net_request *request, struct batch *batch)
{
  struct owners owners = find_owners (record);

  for (size_t i = 0; i < owners.n_elements; i++)
    for (uint32_t j = 0; j < request->n_destinations; j++) {
      const char family = owners.elements[i].set[strlen ("egress")];

      if (request->destinations[j].family == family - '0')
        write_one (&owners.elements[i], &request->destinations[j], batch);
    }
}

static bool
is_owned (const struct element *element, const struct owners *owners)
{
  for (size_t i = 0; i < owners->n_elements; i++) {
    const struct element *owner = &owners->elements[i];

    if (owner->table == element->table && strcmp (owner->set, element->set) == 0 &&
        element->key_size > owner->key_size && memcmp (owner->key, element->key, owner->key_size) == 0)
      return true;
  }
  return false;
}

static int
remove_owned (const struct element *element, void *data)
{
  const struct removal *removal = data;

  if (is_owned (element, removal->owners))
    batch_change (removal->batch, CHANGE_DELETE, element);
  return 0;
}

static int
remove_stray (const struct element *element, void *data)
{
  const struct removal *removal = data;

  for (size_t i = 0; i < removal->n_records; i++) {
    struct owners owners = find_owners (&removal->records[i]);

    if (removal->records[i].destinations != 0 && is_owned (element, &owners))
      return 0;
  }
  batch_change (removal->batch, CHANGE_DELETE, element);
  return 0;
}

static int
write_removal (struct nft *nft,
               int (*reader) (const struct element *element, void *data),
               struct removal *removal)
{
  int error = 0;

  for (size_t i = 0; i < sizeof sets / sizeof sets[0] && error == 0; i++)
    error = element_each (nft, sets[i].table, sets[i].set, reader, removal);
  return error;
}

int
destinations_write_removal (struct nft *nft, const struct record *record, struct batch *batch)
{
  struct owners owners = find_owners (record);
  struct removal removal = { .batch = batch, .owners = &owners };

  return record->destinations == 0 ? 0 : write_removal (nft, remove_owned, &removal);
}

int
destinations_write_strays (struct nft *nft,
                           const struct record *records,
                           size_t n_records,
                           struct batch *batch)
{
  struct removal removal = { .batch = batch, .records = records, .n_records = n_records };

  return write_removal (nft, remove_stray, &removal);
}
