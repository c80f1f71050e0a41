/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/host-lookup.h"

#include "core/accounts/passwd.h"
#include "base/validate.h"

#include <arpa/inet.h>
#include <string.h>

static void
add_address (struct names_reply *reply, const char *address)
{
  struct names_address next = { 0 };
  g_autofree char *bare = g_strndup (address, strcspn (address, "/"));
  int family = strchr (bare, ':') ? AF_INET6 : AF_INET;

  if (reply->n_addresses >= NAMES_MAX_ADDRESSES || inet_pton (family, bare, next.bytes) != 1)
    return;
  next.family = family == AF_INET6 ? 6 : 4;
  reply->addresses[reply->n_addresses++] = next;
}

/* Whose containers LABEL, what is between the name and the suffix, means. */
static gboolean
find_owner (guint32 user, const char *label, guint32 *ret_owner)
{
  *ret_owner = user;
  if (!label)
    return TRUE;
  return bothy_passwd_find (label, ret_owner) && (*ret_owner == user || user == 0);
}

void
bothy_host_lookup (BothyRegistry *registry, guint32 user, const char *name, struct names_reply *ret)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);
  g_auto (GStrv) labels = NULL;
  BothyContainer *container;
  guint32 owner;

  if (g_str_has_suffix (lower, "."))
    lower[strlen (lower) - 1] = '\0';
  if (!g_str_has_suffix (lower, NAMES_SUFFIX))
    return;
  lower[strlen (lower) - strlen (NAMES_SUFFIX)] = '\0';
  labels = g_strsplit (lower, ".", 2);
  if (!labels[0] || !bothy_validate_name (labels[0], "Name", NULL) || !find_owner (user, labels[1], &owner))
    return;
  if (!bothy_owners_check (bothy_registry_get_owners (registry), user, NULL))
    return;
  container = bothy_containers_find (bothy_registry_get_containers (registry), owner, labels[0]);
  for (char **address = container ? container->addresses : NULL; address && *address; address++)
    add_address (ret, *address);
}
