/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/container.h"
#include "core/images/config.h"

G_BEGIN_DECLS

/*
 * Complete SPEC with what its image says of its containers (IMAGE, or NULL: nothing), as docker does: the image's
 * environment below the owner's, its user and directory where he says none; the entrypoint before the command, his in
 * place of the image's.
 */
void bothy_defaults_apply (BothyContainerSpec *spec, const BothyImageConfig *image);

/* The entries NAME=VALUE of ABOVE, and those of BELOW that have other names; both NULL-terminated. (transfer full) */
char **bothy_defaults_merge_environment (const char *const *below, const char *const *above);

G_END_DECLS
