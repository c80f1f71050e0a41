/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libnss_bothy: lets programs of the host find the user's own containers as NAME.bothy. The C library loads it
 * into them; so no threads, no memory of its own, nothing left open, and nothing but the name goes out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ask.h"

#define EXPORT __attribute__ ((visibility ("default")))

/* What the C library gives for an answer. */
struct room {
  char *next;
  size_t left;
};

EXPORT enum nss_status _nss_bothy_gethostbyname4_r (const char *name,
                                                    struct gaih_addrtuple **tuples,
                                                    char *buffer,
                                                    size_t size,
                                                    int *ret_errno,
                                                    int *ret_h_errno,
                                                    int32_t *ttl);
EXPORT enum nss_status _nss_bothy_gethostbyname3_r (const char *name,
                                                    int family,
                                                    struct hostent *host,
                                                    char *buffer,
                                                    size_t size,
                                                    int *ret_errno,
                                                    int *ret_h_errno,
                                                    int32_t *ttl,
                                                    char **canonical);
EXPORT enum nss_status _nss_bothy_gethostbyname2_r (const char *name,
                                                    int family,
                                                    struct hostent *host,
                                                    char *buffer,
                                                    size_t size,
                                                    int *ret_errno,
                                                    int *ret_h_errno);
EXPORT enum nss_status _nss_bothy_gethostbyname_r (
    const char *name, struct hostent *host, char *buffer, size_t size, int *ret_errno, int *ret_h_errno);

/* NULL: it does not fit. */
static void *
take (struct room *room, size_t size)
{
  size_t padding = -(uintptr_t)room->next % alignof (max_align_t);
  char *found = room->next + padding;

  if (room->left < padding || room->left - padding < size)
    return NULL;
  room->next = found + size;
  room->left -= padding + size;
  return found;
}

static char *
take_name (struct room *room, const char *name)
{
  size_t size = strlen (name) + 1;
  char *copy = take (room, size);

  return copy == NULL ? NULL : memcpy (copy, name, size);
}

static enum nss_status
too_small (int *ret_errno, int *ret_h_errno)
{
  *ret_errno = ERANGE;
  *ret_h_errno = NETDB_INTERNAL;
  return NSS_STATUS_TRYAGAIN;
}

static enum nss_status
not_found (int *ret_errno, int *ret_h_errno)
{
  *ret_errno = ESRCH;
  *ret_h_errno = HOST_NOT_FOUND;
  return NSS_STATUS_NOTFOUND;
}

static int
family_of (const struct names_address *address)
{
  return address->family == 6 ? AF_INET6 : AF_INET;
}

enum nss_status
_nss_bothy_gethostbyname4_r (const char *name,
                             struct gaih_addrtuple **tuples,
                             char *buffer,
                             size_t size,
                             int *ret_errno,
                             int *ret_h_errno,
                             int32_t *ttl)
{
  struct room room = { buffer, size };
  struct names_reply reply;
  struct gaih_addrtuple *all;
  char *copy;

  if (!ask (name, &reply) || reply.n_addresses == 0)
    return not_found (ret_errno, ret_h_errno);
  copy = take_name (&room, name);
  all = copy == NULL ? NULL : take (&room, reply.n_addresses * sizeof *all);
  if (all == NULL)
    return too_small (ret_errno, ret_h_errno);
  memset (all, 0, reply.n_addresses * sizeof *all);
  for (unsigned int i = 0; i < reply.n_addresses; i++) {
    all[i].next = i + 1 < reply.n_addresses ? &all[i + 1] : NULL;
    all[i].name = copy;
    all[i].family = family_of (&reply.addresses[i]);
    memcpy (all[i].addr, reply.addresses[i].bytes, sizeof reply.addresses[i].bytes);
  }
  /* The caller may have room for the first. */
  if (*tuples != NULL)
    **tuples = all[0];
  else
    *tuples = all;
  if (ttl != NULL)
    *ttl = 0;
  *ret_h_errno = NETDB_SUCCESS;
  return NSS_STATUS_SUCCESS;
}

/* The addresses of FAMILY, and their number. */
static int
fill (struct room *room, const struct names_reply *reply, int family, struct hostent *host)
{
  size_t length = family == AF_INET6 ? 16 : 4;
  int n = 0;

  host->h_addr_list = take (room, (reply->n_addresses + 1) * sizeof (char *));
  host->h_aliases = take (room, sizeof (char *));
  if (host->h_addr_list == NULL || host->h_aliases == NULL)
    return -1;
  host->h_aliases[0] = NULL;
  for (unsigned int i = 0; i < reply->n_addresses; i++) {
    if (family_of (&reply->addresses[i]) != family)
      continue;
    host->h_addr_list[n] = take (room, length);
    if (host->h_addr_list[n] == NULL)
      return -1;
    memcpy (host->h_addr_list[n++], reply->addresses[i].bytes, length);
  }
  host->h_addr_list[n] = NULL;
  host->h_addrtype = family;
  host->h_length = (int)length;
  return n;
}

enum nss_status
_nss_bothy_gethostbyname3_r (const char *name,
                             int family,
                             struct hostent *host,
                             char *buffer,
                             size_t size,
                             int *ret_errno,
                             int *ret_h_errno,
                             int32_t *ttl,
                             char **canonical)
{
  struct room room = { buffer, size };
  struct names_reply reply;
  int wanted = family == AF_UNSPEC ? AF_INET : family;
  int n;

  if ((wanted != AF_INET && wanted != AF_INET6) || !ask (name, &reply))
    return not_found (ret_errno, ret_h_errno);
  host->h_name = take_name (&room, name);
  n = host->h_name == NULL ? -1 : fill (&room, &reply, wanted, host);
  if (n < 0)
    return too_small (ret_errno, ret_h_errno);
  if (n == 0)
    return not_found (ret_errno, ret_h_errno);
  if (ttl != NULL)
    *ttl = 0;
  if (canonical != NULL)
    *canonical = host->h_name;
  *ret_h_errno = NETDB_SUCCESS;
  return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_bothy_gethostbyname2_r (const char *name,
                             int family,
                             struct hostent *host,
                             char *buffer,
                             size_t size,
                             int *ret_errno,
                             int *ret_h_errno)
{
  return _nss_bothy_gethostbyname3_r (name, family, host, buffer, size, ret_errno, ret_h_errno, NULL, NULL);
}

enum nss_status
_nss_bothy_gethostbyname_r (
    const char *name, struct hostent *host, char *buffer, size_t size, int *ret_errno, int *ret_h_errno)
{
  return _nss_bothy_gethostbyname2_r (name, AF_INET, host, buffer, size, ret_errno, ret_h_errno);
}
