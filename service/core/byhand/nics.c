/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/byhand/nics-private.h"

#include "base/error.h"
#include "core/byhand/intent.h"
#include "core/registry/registry-private.h"
#include "platform/untrusted-fd.h"

#include <fcntl.h>
#include <net/if.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

void
bothy_byhand_nic_free (BothyByhandNic *self)
{
  g_free (self->mac);
  g_strfreev (self->addresses);
  g_free (self);
}

gboolean
bothy_byhand_check_interface (const char *name, GError **error)
{
  static const char *const taken[] = { "lo", "all", "default", NULL };
  gsize length = strlen (name);

  if (length > 0 && length < IFNAMSIZ && g_ascii_isalpha (name[0]) &&
      strspn (name, LETTERS "._-") == length && !g_strv_contains (taken, name))
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
      "ifname: use 1 to 15 of A-Z, a-z, 0-9 and ._-, a letter first; not \"lo\", \"all\" or \"default\"");
  return FALSE;
}

void
bothy_byhand_place_init (
    BothyByhandPlace *self, guint32 user, const char *bridge, int netns_fd, const char *inside)
{
  self->user = user;
  self->bridge = g_strdup (bridge);
  self->inside = g_strdup (inside);
  self->netns_fd = fcntl (netns_fd, F_DUPFD_CLOEXEC, 3);
}

void
bothy_byhand_place_clear (BothyByhandPlace *self)
{
  bothy_untrusted_fd_clear (&self->netns_fd);
  g_free (self->bridge);
  g_free (self->inside);
}

void
bothy_byhand_forget_nic (BothyRegistry *registry, const BothyNic *place)
{
  g_autofree char *id = bothy_nic_id (place);

  g_hash_table_remove (registry->hand_nics, id);
  bothy_intent_end (registry->attaching_fd, id);
  bothy_registry_check_network (registry);
}
