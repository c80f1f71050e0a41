/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Copies the directories, regular files and links below the directory FROM, which the image wrote, into the empty
 * directory TO, with owners and modes; sockets, FIFOs and devices are of a run that is over. No link is followed,
 * and nothing but FROM's own mount is read. 0 or a negative errno value: -EFBIG for more than a hundred mebibytes,
 * -EMLINK for more than 32 levels.
 */
int copy_tree (int from, int to);
