/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "forwarding.h"

#include <fcntl.h>
#include <linux/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"

#define SYSCTLS    "/proc/sys/net/ipv6/conf/"
#define FORWARDING SYSCTLS "all/forwarding"

/* Flags in /proc/net/ipv6_route: <linux/route.h> and <linux/ipv6_route.h>. */
#define FLAG_REJECT       0x0200u
#define FLAG_FROM_ADVERTS 0x00040000u

#define ALWAYS_ACCEPT '2' /* advertisements, forwarding or not */

static char
read_character (const char *path)
{
  AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC);
  char character = '\0';

  return fd >= 0 && read (fd, &character, 1) == 1 ? character : '\0';
}

/* The kernel forgets such a route when it begins to forward, and learns no new one. */
static bool
would_be_lost (unsigned int flags, const char *interface)
{
  char path[sizeof SYSCTLS + IFNAMSIZ + sizeof "/accept_ra"];

  snprintf (path, sizeof path, SYSCTLS "%s/accept_ra", interface);
  return (flags & FLAG_FROM_ADVERTS) != 0 && read_character (path) != ALWAYS_ACCEPT;
}

/* Whether there is a default route, and none that would be lost. */
static bool
may_forward (void)
{
  FILE *file = fopen ("/proc/net/ipv6_route", "re");
  unsigned int prefix;
  unsigned int flags;
  char interface[IFNAMSIZ];
  bool found = false;
  bool lost = false;

  while (file != NULL && fscanf (file, "%*32s %2x %*32s %*2x %*32s %*8x %*8x %*8x %8x %15s", &prefix, &flags,
                                 interface) == 3) {
    if (prefix != 0 || (flags & FLAG_REJECT) != 0)
      continue;
    found = true;
    lost = lost || would_be_lost (flags, interface);
  }
  if (file != NULL)
    fclose (file);
  return found && !lost;
}

void
forwarding_ensure (void)
{
  AUTO_FD fd = -1;

  if (read_character (FORWARDING) != '0' || !may_forward ())
    return;
  fd = open (FORWARDING, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write (fd, "1", 1) != 1)
    fprintf (stderr, "bothy-net: IPv6 is not forwarded: %m\n");
}
