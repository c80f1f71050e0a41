/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/*
 * The files in the container's /etc that its surroundings decide. ROOT is a directory: the container's root, out of which
 * no link leads. Each is a regular file of /etc when it is written. What the image has in its place (a link wherever it
 * leads, an empty directory, a socket) gives way to one, for two containers of an image are not to share it; what the
 * container has put there since is left alone, for then something inside manages it. So is a directory with
 * something in it. Those with a result return 0, or a negative errno value for what could not be written.
 */

/* resolv.conf(5): NAMESERVERS, separated by spaces. IS_IMAGES: what is there is still the image's. */
int etcfiles_write_resolv_conf (int root, const char *nameservers, bool is_images);

/*
 * Before the very first start: hostname(5) becomes HOSTNAME, hosts(5) has it and localhost, nsswitch.conf(5) says that hosts are
 * looked for there and with DNS if it says nothing at all, and machine-id(5) is empty where the image has it, so that no two
 * containers of an image take themselves for the same machine.
 */
void etcfiles_individualize (int root, const char *hostname);

/*
 * hosts(5): LINES between two marks, in place of what was there between them; the rest stays. Before LINES come localhost, unless the rest has
 * it, and HOSTNAME, unless LINES have it, with addresses of the loopback.
 */
int etcfiles_write_hosts (int root, const char *hostname, const char *lines);
