/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Removes the whiteouts below the directory ROOT, a layer, in directories through which nothing shows: there overlayfs has nothing to
 * merge, and would show them as the devices that they are. 0, or -1 with errno.
 */
int whiteout_prune (int root);
