/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "identity.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static const uint8_t none[16];

/* Of what REQUEST lets a nic reach, never 0; 0: everything. */
static uint64_t
hash_destinations (const struct net_request *request)
{
  const uint8_t *bytes = (const uint8_t *)request->destinations;
  uint64_t hash = UINT64_C (14695981039346656037);

  if ((request->flags & NET_FLAG_LIMITED) == 0)
    return 0;
  for (size_t i = 0; i < request->n_destinations * sizeof request->destinations[0]; i++)
    hash = (hash ^ bytes[i]) * UINT64_C (1099511628211);
  return hash != 0 ? hash : 1;
}

void
record_init (struct record *record, const struct net_request *request, const char *name, const char *bridge)
{
  *record = (struct record){ .hash = identity_hash (request->alias),
                             .group = request->group,
                             .owner = request->owner,
                             .lan = (request->flags & NET_FLAG_LAN) != 0,
                             .bound = (request->flags & NET_FLAG_BOUND) != 0,
                             .destinations = hash_destinations (request) };
  memcpy (record->mac, request->mac, sizeof record->mac);
  memcpy (record->address4, request->address4, sizeof record->address4);
  memcpy (record->address6, request->address6, sizeof record->address6);
  snprintf (record->name, sizeof record->name, "%s", name);
  snprintf (record->bridge, sizeof record->bridge, "%s", bridge);
}

bool
record_is_same (const struct record *a, const struct record *b)
{
  return strcmp (a->name, b->name) == 0 && strcmp (a->bridge, b->bridge) == 0 && a->hash == b->hash &&
         memcmp (a->mac, b->mac, sizeof a->mac) == 0 &&
         memcmp (a->address4, b->address4, sizeof a->address4) == 0 &&
         memcmp (a->address6, b->address6, sizeof a->address6) == 0 && a->group == b->group &&
         a->owner == b->owner && a->lan == b->lan && a->bound == b->bound &&
         a->destinations == b->destinations;
}

bool
record_name_is_plain (const char *bridge)
{
  return bridge[0] != '\0' && strspn (bridge, NAME_CHARACTERS) == strlen (bridge);
}

static void
write_hex (char *ret, const uint8_t *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    snprintf (ret + 2 * i, 3, "%02x", bytes[i]);
}

struct element
record_element (const char *name)
{
  struct element element = { .table = TABLE_BRIDGE, .set = "nics" };

  element_add_name (&element, name);
  return element;
}

static void
write_identity (const struct record *r, struct batch *batch, enum change change)
{
  struct element element = record_element (r->name);
  char mac[13];
  char address4[9];
  char address6[33];

  write_hex (mac, r->mac, sizeof r->mac);
  write_hex (address4, r->address4, sizeof r->address4);
  write_hex (address6, r->address6, sizeof r->address6);
  snprintf (element.comment, sizeof element.comment, "%016" PRIx64 " %s %s %s %08x %08x %d %" PRIx64 " %s",
            r->hash, mac, address4, address6, r->group, r->owner, r->lan | r->bound << 1, r->destinations,
            r->bridge);
  batch_change (batch, change, &element);
  element.comment[0] = '\0';
  if (r->lan) {
    element.set = "lan";
    batch_change (batch, change, &element);
  }
  if (r->bound) {
    element.set = "bound";
    batch_change (batch, change, &element);
  }
  if (r->destinations != 0) {
    element.set = "limited";
    batch_change (batch, change, &element);
  }
  element.set = "macs";
  element_add_key (&element, r->mac, sizeof r->mac);
  batch_change (batch, change, &element);
}

/* Adds to BATCH the two elements that say which group the nic is in: in MAP (nic → group), and in SET (nic
   and group). ELEMENT has the nic's key: its name on the bridge, or bridge and address at the router. */
static void
write_group (const struct record *r,
             struct batch *batch,
             enum change change,
             struct element element,
             const char *map,
             const char *set)
{
  if (r->group == 0)
    return;
  element.set = map;
  element_add_value (&element, &r->group, sizeof r->group);
  batch_change (batch, change, &element);
  element.set = set;
  element.value_size = 0;
  element_add_key (&element, &r->group, sizeof r->group);
  batch_change (batch, change, &element);
}

/* SIZE is that of an IPv4 or an IPv6 address that is the nic's own, on the bridge and at the router. */
static void
write_address (
    const struct record *r, struct batch *batch, enum change change, const uint8_t *address, size_t size)
{
  bool is_4 = size == sizeof r->address4;
  struct element own = { .table = TABLE_BRIDGE, .set = is_4 ? "own4" : "own6" };
  struct element routed = { .table = TABLE_INET, .set = is_4 ? "nics4" : "nics6" };

  element_add_name (&own, r->name);
  element_add_key (&own, address, size);
  batch_change (batch, change, &own);
  own.set = "targets6";
  if (!is_4)
    batch_change (batch, change, &own);
  if (r->lan)
    return;
  element_add_name (&routed, r->bridge);
  element_add_key (&routed, address, size);
  batch_change (batch, change, &routed);
  if (r->destinations != 0) {
    routed.set = is_4 ? "limited4" : "limited6";
    batch_change (batch, change, &routed);
  }
  write_group (r, batch, change, routed, is_4 ? "groups4" : "groups6", is_4 ? "members4" : "members6");
  routed.set = is_4 ? "owners4" : "owners6";
  element_add_key (&routed, &r->owner, sizeof r->owner);
  batch_change (batch, change, &routed);
}

/* On a LAN, an address that is known to be one nic's is closed to the others. */
static void
write_claim (const char *set, struct batch *batch, enum change change, const uint8_t *address, size_t size)
{
  struct element element = { .table = TABLE_BRIDGE, .set = set };

  element_add_key (&element, address, size);
  batch_change (batch, change, &element);
}

/* A bridge has many nics, so it stays when one goes, until filter_replace() knows which are left. */
static void
write_bridge (const struct record *r, struct batch *batch, enum change change)
{
  struct element element = { .table = TABLE_INET, .set = "bridges" };

  if (r->lan || change == CHANGE_DELETE)
    return;
  element_add_name (&element, r->bridge);
  batch_change (batch, change, &element);
}

struct element
record_claim (const struct record *record)
{
  struct element element = { .table = TABLE_BRIDGE, .set = "claimed4" };

  element_add_key (&element, record->address4, sizeof record->address4);
  return element;
}

void
record_write (const struct record *record, struct batch *batch, enum change change)
{
  bool has_4 = memcmp (record->address4, none, sizeof record->address4) != 0;
  bool has_6 = memcmp (record->address6, none, sizeof record->address6) != 0;
  struct element port = { .table = TABLE_BRIDGE };
  uint8_t link_local[16];

  identity_link_local (record->mac, link_local);
  element_add_name (&port, record->name);
  write_identity (record, batch, change);
  write_group (record, batch, change, port, "groups", "members");
  write_bridge (record, batch, change);
  if (has_4)
    write_address (record, batch, change, record->address4, sizeof record->address4);
  if (has_6)
    write_address (record, batch, change, record->address6, sizeof record->address6);
  if (memcmp (record->address6, link_local, sizeof link_local) != 0)
    write_address (record, batch, change, link_local, sizeof link_local);
  if (record->lan && has_4)
    write_claim ("claimed4", batch, change, record->address4, sizeof record->address4);
  if (record->lan && has_6) {
    write_claim ("claimed6", batch, change, record->address6, sizeof record->address6);
    write_claim ("claimed_targets6", batch, change, record->address6, sizeof record->address6);
  }
}

static bool
read_hex (const char *text, uint8_t *ret, size_t size)
{
  if (strlen (text) != 2 * size)
    return false;
  for (size_t i = 0; i < size; i++) {
    unsigned int byte;

    if (sscanf (text + 2 * i, "%2x", &byte) != 1)
      return false;
    ret[i] = (uint8_t)byte;
  }
  return true;
}

bool
record_read (const struct element *element, struct record *ret)
{
  char mac[13];
  char address4[9];
  char address6[33];
  int lan;

  *ret = (struct record){ 0 };
  if (element->key_size != sizeof ret->name || memchr (element->key, 0, sizeof ret->name) == NULL)
    return false;
  memcpy (ret->name, element->key, sizeof ret->name);
  if (sscanf (element->comment,
              "%16" SCNx64 " %12[0-9a-f] %8[0-9a-f] %32[0-9a-f] %8x %8x %1d %16" SCNx64 " %15s", &ret->hash,
              mac, address4, address6, &ret->group, &ret->owner, &lan, &ret->destinations, ret->bridge) != 9)
    return false;
  ret->lan = (lan & 1) != 0;
  ret->bound = (lan & 2) != 0;
  return read_hex (mac, ret->mac, 6) && read_hex (address4, ret->address4, 4) &&
         read_hex (address6, ret->address6, 16) && record_name_is_plain (ret->bridge);
}
