/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/*
 * Sees to it that the tree ROOT has an account NAME, a login name, with the id UID and a home in
 * /home: lines in passwd(5), group(5) and shadow(5), there locked. What is called NAME already
 * stays as it is. No link that the image or the container has put there is followed, and no file
 * is changed in place: each is there as it was or whole. Returns 0, or a negative errno value:
 * -ENOTSUP when /etc, /home or a table is not a directory or a file of the tree's own.
 */
int account_ensure (int root, const char *name, uint32_t uid);
