/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/container.h"
#include "core/images/image.h"

G_BEGIN_DECLS

/*
 * Complete SPEC with what its image says of its containers (IMAGE, or NULL: nothing), as docker does: the image's
 * environment below the owner's, its user and directory where he says none; the entrypoint before the command, his in
 * place of the image's; and how it is asked whether it is well.
 */
void bothy_defaults_apply (BothyContainerSpec *spec, const BothyImageConfig *image);

/*
 * If ERROR is NO_SUCH_USER, say in front of it who USER is and where he comes from: from IMAGE, or what is called that, if it
 * says so (NULL, or one that says another: from who asked). OWNER is whose aliases the image is called by.
 */
void bothy_defaults_explain_user (GError **error, const char *user, BothyImage *image, guint32 owner);

/* Says in *ERROR that PROGRAM, NULL or "" for one that nobody named, is what is not there or can not be executed. */
void bothy_defaults_explain_program (GError **error, const char *program);

/* The entries NAME=VALUE of ABOVE, of those that have the same name the last one, and those of BELOW that have other names;
   both NULL-terminated. NAME alone stays: it keeps off whatever else would set that variable. (transfer full) */
char **bothy_defaults_merge_environment (const char *const *below, const char *const *above);

G_END_DECLS
