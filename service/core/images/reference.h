/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What somebody who types an image's name means:
 *
 *   [REMOTE:]NAME                               of a catalogue; or of a remote that is a registry
 *   HOST[:PORT]/REPOSITORY[:TAG][@sha256:…]     of a registry, as docker has it
 *
 * The second is told by HOST, which has a dot or a port, or is "localhost": debian/13 is an alias, and
 * docker.io/debian:13 is not. Nothing is a registry's without its host: names alone are nobody's.
 */
typedef struct {
  char *remote;   /* before the colon, or NULL */
  char *registry; /* HOST[:PORT], or NULL */
  char *name;     /* of a registry: REPOSITORY:TAG or REPOSITORY@sha256:DIGEST */
} BothyReference;

/* Free the strings, and set them to NULL. */
void bothy_reference_clear (BothyReference *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BothyReference, bothy_reference_clear)

/*
 * Parse TEXT, which somebody typed or a record has, into RET, which the caller clears. FALSE with INVALID_ARGS: it is
 * not of the grammar, and RET is as it was.
 */
gboolean bothy_reference_parse (const char *text, BothyReference *ret, GError **error);

/* As somebody would type it, so that bothy_reference_parse() gives the same again. (transfer full) */
char *bothy_reference_format (const BothyReference *self);

/* Whether TEXT is HOST[:PORT] as above. */
gboolean bothy_reference_is_registry (const char *text);

/*
 * The NAME of an image on a registry in full: with the tag "latest" if it has none. (transfer full) NULL: it can not be
 * one.
 */
char *bothy_reference_complete (const char *name);

/* TEXT as an alias: one image of a registry is called one thing, however much of it was typed. (transfer full) */
char *bothy_reference_canonical (const char *text);

/* Whether TEXT is what an image may be called: an alias, or a reference as above; FALSE with INVALID_ARGS: it is not, or
   is a fingerprint. */
gboolean bothy_reference_check_alias (const char *text, GError **error);

G_END_DECLS
