/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The files in the container's /etc that its surroundings decide. ROOT is a directory: the
 * container's root. No link that the image or the container has put there is followed: where
 * etc or the file is one, it is left alone, since then something inside manages it. Both
 * return 0, or a negative errno value for what could not be written.
 */

/* resolv.conf(5): NAMESERVERS, separated by spaces. */
int etcfiles_write_resolv_conf (int root, const char *nameservers);

/* hosts(5): LINES between two marks, in place of what was there between them; the rest stays. */
int etcfiles_write_hosts (int root, const char *lines);
