/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The files in the container's /etc that its surroundings decide. ROOT is a directory: the
 * container's root. No link that the image or the container has put there is followed: where
 * etc or the file is one, it is left alone, since then something inside manages it. Those
 * with a result return 0, or a negative errno value for what could not be written.
 */

/* resolv.conf(5): NAMESERVERS, separated by spaces. */
int etcfiles_write_resolv_conf (int root, const char *nameservers);

/*
 * Before the very first start: hostname(5) becomes HOSTNAME and machine-id(5) empty, where the image has
 * them, so that no two containers of an image take themselves for the same machine.
 */
void etcfiles_individualize (int root, const char *hostname);

/* hosts(5): LINES between two marks, in place of what was there between them; the rest stays. */
int etcfiles_write_hosts (int root, const char *lines);
