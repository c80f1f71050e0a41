/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Copies the directories, regular files and links below the directory FROM, which the image wrote, into the empty
 * directory TO, with owners and modes; sockets, FIFOs and devices are of a run that is over. No link is followed,
 * and nothing but FROM's own mount is read. 0 or a negative errno value: -EFBIG for more than a hundred mebibytes,
 * -EMLINK for more than 32 levels.
 */
int copy_tree (int from, int to);

/*
 * The same of whatever size, with times, and with the owner and mode of FROM itself: what an earlier copy that was cut short left
 * in TO is written over, and what another file system is mounted over in FROM, or goes meanwhile, is left out. 0 or a negative errno value: -EMLINK for
 * more than 128 levels.
 */
int copy_tree_once_more (int from, int to);
