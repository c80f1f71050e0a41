/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#define ARCHIVE_BLOCK (64 * 1024)

/** archive_with_first: Returns: @name with @first in place of its first part; free() it */
char *archive_with_first (const char *name, const char *first);

/** archive_set_clear_up: @clear_up is called before archive_give_up() ends the program */
void archive_set_clear_up (void (*clear_up) (void));

/** archive_give_up: says why, as far as a terminal bears it, and ends the program. */
_Noreturn void archive_give_up (const char *name, const char *reason);
