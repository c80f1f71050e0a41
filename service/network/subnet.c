/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/subnet.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* Networks to choose from: the first that no route of the host overlaps. */
static const char *const networks[] = { "10.209.0.1", "10.137.0.1", "172.29.0.1", "10.73.0.1" };

/* Whether a route of the host (/proc/net/route, proc(5): little-endian hexadecimal) goes into ADDRESS/16. */
static gboolean
is_routed (guint32 address, const char *own)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents ("/proc/net/route", &text, NULL, NULL))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line; line++) {
    char interface[IFNAMSIZ + 1];
    unsigned int destination, mask;

    if (sscanf (*line, "%16s %8x %*x %*x %*u %*u %*u %8x", interface, &destination, &mask) != 3 ||
        mask == 0 || g_str_equal (interface, own))
      continue;
    destination = ntohl (destination);
    mask = ntohl (mask) & 0xffff0000;
    if ((destination & mask) == (address & mask))
      return TRUE;
  }
  return FALSE;
}

guint32
bothy_subnet_choose4 (const char *interface)
{
  for (gsize i = 0; i < G_N_ELEMENTS (networks); i++) {
    guint32 address = ntohl (inet_addr (networks[i]));

    if (!is_routed (address, interface))
      return address;
  }
  return ntohl (inet_addr (networks[0]));
}

/* RFC 4193: a random global id. */
void
bothy_subnet_derive6 (const char *purpose, guint8 address[16])
{
  g_autofree char *machine = NULL;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize size = sizeof digest;

  g_file_get_contents ("/etc/machine-id", &machine, NULL, NULL);
  g_checksum_update (checksum, (const guint8 *)purpose, -1);
  g_checksum_update (checksum, (const guint8 *)(machine ? machine : ""), -1);
  g_checksum_get_digest (checksum, digest, &size);
  memset (address, 0, 16);
  address[0] = 0xfd;
  memcpy (address + 1, digest, 5);
  address[15] = 1;
}
