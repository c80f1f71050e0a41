/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "metadata.h"

/*
 * Reads metadata.yaml in the archive SOURCE, a file that is read from its beginning: of an image of Incus or
 * LXD in two parts, the one without the root. All else in it is passed over. False: the job failed.
 */
bool metadata_archive_read (struct job *job, int source, struct metadata *ret);
