/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "job.h"

/*
 * What is in a tree that another tool made: counted, so that it is known before anything is copied whether all of it can be.
 * The job's bytes_out and inodes are what a copy has.
 */

#define SURVEY_MAX_TEXT 16384u

/*
 * Walks the tree ROOT, without following anything. SHIFTED is the same tree as protocol.h has it for
 * SURVEY, or -1: nothing in it is of 65534. Writes lines KEY=VALUE: "setuid", "capabilities", "acls", "links" (files with
 * several names), "devices", "sockets", "immutable" and "foreign" (that have, or name, ids which are none inside) with how
 * many there are, and for the last two a line each of the first ones, KEY.path. Returns their size; 0: the job failed.
 */
size_t survey_tree (struct job *job, int root, int shifted, char ret_text[SURVEY_MAX_TEXT]);
