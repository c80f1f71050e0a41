/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "configuration.h"

/*
 * What backup.yaml says, which Incus and LXD have beside the tree of each container, in the form of configuration.h: "KEY=VALUE" for its
 * options, and "devices.NAME.KEY=VALUE" for its devices; with those of its profiles where the file has them. TEXT has SIZE bytes. Returns
 * how many bytes of RET_LINES were filled; 0 also when the job failed: it is no YAML, or there is too much.
 */
size_t backup_parse (struct job *job, const char *text, size_t size, char ret_lines[CONFIGURATION_MAX_TEXT]);
