/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How many ids a container has, as user ids and as group ids: 0 to 65535 inside. */
#define BOTHY_RANGE_SIZE 65536u

/* Files of images and containers lie on disk with BOTHY_RANGE_SIZE owners from this one on: systemd's foreign uid
   range. No process ever runs with one of them but those that write such a tree. */
#define BOTHY_NEUTRAL_BASE 2147352576u
