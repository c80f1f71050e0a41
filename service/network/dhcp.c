/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/dhcp.h"

#include "config.h"
#include "base/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define RESERVATIONS RUNTIME_DIR "/dhcp"

static int
open_directory (void)
{
  return open (RESERVATIONS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void
bothy_dhcp_reserve (const char *id, const guint8 mac[6], const guint8 address4[4])
{
  g_autofree char *text =
      g_strdup_printf ("%02x:%02x:%02x:%02x:%02x:%02x,%u.%u.%u.%u\n", mac[0], mac[1], mac[2], mac[3], mac[4],
                       mac[5], address4[0], address4[1], address4[2], address4[3]);
  autofd dir = open_directory ();
  /* dnsmasq is not root: the folder's default ACL lets it read (tmpfiles.d/bothy.conf), and nobody else. The mode is the
     most that an ACL may give. What is there already is the same. */
  autofd fd = openat (dir, id, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);

  if (fd >= 0 && write (fd, text, strlen (text)) < 0)
    g_message ("Network: no DHCP reservation for %s", id);
}

void
bothy_dhcp_forget (const char *id)
{
  autofd dir = open_directory ();

  unlinkat (dir, id, 0);
}

void
bothy_dhcp_tidy (const char *prefix, const char *const *kept)
{
  g_autoptr (GDir) dir = g_dir_open (RESERVATIONS, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    if (g_str_has_prefix (name, prefix) && !g_strv_contains (kept, name))
      bothy_dhcp_forget (name);
  }
}
