/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "identity.h"
#include "rules.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static const uint8_t none[16];

void
record_init (struct record *record, const struct net_request *request, const char *name, const char *bridge)
{
  *record = (struct record){ .hash = identity_hash (request->alias),
                             .group = request->group,
                             .lan = (request->flags & NET_FLAG_LAN) != 0 };
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
         a->lan == b->lan;
}

bool
record_name_is_plain (const char *bridge)
{
  return bridge[0] != '\0' && strspn (bridge, NAME_CHARACTERS) == strlen (bridge);
}

static void
write_hex (FILE *file, const uint8_t *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    fprintf (file, "%02x", bytes[i]);
}

static void
write_identity (const struct record *r, FILE *file, const char *verb)
{
  fprintf (file, "%s element bridge bothy nics { \"%s\"", verb, r->name);
  if (strcmp (verb, "add") == 0) {
    fprintf (file, " comment \"%016" PRIx64 " ", r->hash);
    write_hex (file, r->mac, sizeof r->mac);
    fputc (' ', file);
    write_hex (file, r->address4, sizeof r->address4);
    fputc (' ', file);
    write_hex (file, r->address6, sizeof r->address6);
    fprintf (file, " %08x %d %s\"", r->group, r->lan, r->bridge);
  }
  fputs (" }\n", file);
  fprintf (file, "%s element bridge bothy macs { \"%s\" . %02x:%02x:%02x:%02x:%02x:%02x }\n",
           verb, r->name, r->mac[0], r->mac[1], r->mac[2], r->mac[3], r->mac[4], r->mac[5]);
  if (r->lan)
    fprintf (file, "%s element bridge bothy lan { \"%s\" }\n", verb, r->name);
  if (r->group != 0) {
    bool is_add = strcmp (verb, "add") == 0;

    fprintf (file, "%s element bridge bothy members { \"%s\" . %u }\n", verb, r->name, r->group);
    if (is_add)
      fprintf (file, "add element bridge bothy groups { \"%s\" : %u }\n", r->name, r->group);
    else
      fprintf (file, "%s element bridge bothy groups { \"%s\" }\n", verb, r->name);
  }
}

/* FAMILY is 4 or 6: an address that is the nic's own, on the bridge and at the router. */
static void
write_address (const struct record *r, FILE *file, const char *verb, int family, const uint8_t *address)
{
  char text[INET6_ADDRSTRLEN];
  bool is_add = strcmp (verb, "add") == 0;

  inet_ntop (family == 4 ? AF_INET : AF_INET6, address, text, sizeof text);
  fprintf (file, "%s element bridge bothy own%d { \"%s\" . %s }\n", verb, family, r->name, text);
  if (family == 6) {
    fprintf (file, "%s element bridge bothy targets6 { \"%s\" . 0x", verb, r->name);
    write_hex (file, address, 16);
    fputs (" }\n", file);
  }
  if (r->lan)
    return;
  fprintf (file, "%s element inet bothy nics%d { \"%s\" . %s }\n", verb, family, r->bridge, text);
  if (r->group == 0)
    return;
  fprintf (file, "%s element inet bothy members%d { \"%s\" . %s . %u }\n",
           verb, family, r->bridge, text, r->group);
  if (is_add)
    fprintf (file, "add element inet bothy groups%d { \"%s\" . %s : %u }\n", family, r->bridge, text, r->group);
  else
    fprintf (file, "%s element inet bothy groups%d { \"%s\" . %s }\n", verb, family, r->bridge, text);
}

/* On a LAN, an address that is known to be one nic's is closed to the others. */
static void
write_claims (const struct record *r, FILE *file, const char *verb)
{
  char text[INET6_ADDRSTRLEN];

  if (!r->lan)
    return;
  if (memcmp (r->address4, none, sizeof r->address4) != 0) {
    inet_ntop (AF_INET, r->address4, text, sizeof text);
    fprintf (file, "%s element bridge bothy claimed4 { %s }\n", verb, text);
  }
  if (memcmp (r->address6, none, sizeof r->address6) != 0) {
    inet_ntop (AF_INET6, r->address6, text, sizeof text);
    fprintf (file, "%s element bridge bothy claimed6 { %s }\n", verb, text);
    fprintf (file, "%s element bridge bothy claimed_targets6 { 0x", verb);
    write_hex (file, r->address6, 16);
    fputs (" }\n", file);
  }
}

void
record_write (const struct record *record, FILE *file, const char *verb)
{
  uint8_t link_local[16];

  write_identity (record, file, verb);
  if (memcmp (record->address4, none, sizeof record->address4) != 0)
    write_address (record, file, verb, 4, record->address4);
  if (memcmp (record->address6, none, sizeof record->address6) != 0)
    write_address (record, file, verb, 6, record->address6);
  identity_link_local (record->mac, link_local);
  if (memcmp (record->address6, link_local, sizeof link_local) != 0)
    write_address (record, file, verb, 6, link_local);
  write_claims (record, file, verb);
}

static bool
read_hex (const char *text, uint8_t *ret, size_t size)
{
  for (size_t i = 0; i < size; i++) {
    unsigned int byte;

    if (sscanf (text + 2 * i, "%2x", &byte) != 1)
      return false;
    ret[i] = (uint8_t)byte;
  }
  return true;
}

static bool
read_comment (const char *text, struct record *ret)
{
  char mac[13];
  char address4[9];
  char address6[33];
  int lan;

  if (sscanf (text, "%16" SCNx64 " %12[0-9a-f] %8[0-9a-f] %32[0-9a-f] %8x %1d %15[^\"]",
              &ret->hash, mac, address4, address6, &ret->group, &lan, ret->bridge) != 7)
    return false;
  ret->lan = lan == 1;
  return strlen (mac) == 12 && strlen (address4) == 8 && strlen (address6) == 32 &&
         read_hex (mac, ret->mac, 6) && read_hex (address4, ret->address4, 4) &&
         read_hex (address6, ret->address6, 16) && record_name_is_plain (ret->bridge);
}

const char *
record_read (const char *text, struct record *ret_record)
{
  static const char between[] = "\" comment \"";

  /* An element is:  "bothy-0123456789" comment "..."  */
  while ((text = strstr (text, "\"" RULES_PREFIX)) != NULL) {
    size_t length = strcspn (text + 1, "\"");

    *ret_record = (struct record){ 0 };
    if (length < IFNAMSIZ && strncmp (text + 1 + length, between, strlen (between)) == 0) {
      memcpy (ret_record->name, text + 1, length);
      text += 1 + length + strlen (between);
      if (record_name_is_plain (ret_record->name) && read_comment (text, ret_record))
        return text;
    } else {
      text += 1;
    }
  }
  return NULL;
}
