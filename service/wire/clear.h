/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/*
 * Removes the control groups below the one that is open as GROUP, as far as no process is in them. TAKE: what
 * is looked into is made this process's own first, for who may do that (CAP_CHOWN, CAP_DAC_READ_SEARCH) but
 * is not its owner.
 */
void groups_clear (int group, bool take);
