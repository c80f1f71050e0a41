/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "job.h"
#include "metadata.h"

/*
 * Incus and LXD have images in which the root lies in rootfs/, beside metadata.yaml and templates/. If the
 * tree ROOT is one of these, what lies in rootfs/ takes the place of all else, and METADATA says what was
 * said of it; else METADATA is all zeros. Templates are thrown away. False: the job failed.
 */
bool unified_promote (struct job *job, int root, struct metadata *ret_metadata);

/* Puts what lies in rootfs/ of the tree ROOT in the place of all else. False: the job failed. */
bool unified_raise (struct job *job, int root);
