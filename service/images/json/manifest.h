/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "error.h"

/* What registries have of an image: an index of manifests, a manifest, its configuration. Nothing here talks
 * to anybody. */

#define MANIFEST_MAX_SIZE (4u * 1024 * 1024)

/* What is asked for, as HTTP's Accept. */
extern const char manifest_accept[];

/* Something else that the registry has. */
typedef struct {
  char digest[65]; /* the digits of its SHA-256 */
  guint64 size;
} Descriptor;

typedef struct {
  gboolean is_index;
  Descriptor chosen; /* of an index: what is for the machine */
  Descriptor config; /* and the next: of a manifest */
  GArray *layers;    /* Descriptor, the lowest first */
} Manifest;

/* Free the layers. */
void manifest_clear (Manifest *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Manifest, manifest_clear)

/* TYPE is what the server calls it in Content-Type. MACHINE as uname -m says it. */
gboolean manifest_parse (
    const char *text, gsize size, const char *type, const char *machine, Manifest *ret, GError **error);

/* A configuration. */
typedef struct {
  char *diff_ids; /* the digits of one SHA-256 after another, each with a NUL at its end */
  guint n_layers;
  GPtrArray *settings; /* char *: a byte that is an enum fetch_setting, then its value */
  gsize extra;         /* bytes of those that it could do without */
} Config;

/* Free what it points to. */
void config_clear (Config *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Config, config_clear)

/*
 * The configuration that TEXT of SIZE bytes is, of an image for MACHINE. FALSE with FETCH_REFUSED: it is none, or none
 * that anybody makes; FETCH_UNSUPPORTED: it is for other machines.
 */
gboolean config_parse (const char *text, gsize size, const char *machine, Config *ret, GError **error);
