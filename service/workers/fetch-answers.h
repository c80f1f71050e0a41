/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "images/fetch/protocol.h"

G_BEGIN_DECLS

/* What bothy-fetch says of what servers say: nothing of it gets in unless it is of a grammar. */

/* What a catalogue says of an image: each field is of the grammar that fetched.c has for it. */
typedef struct {
  char *fields[FETCH_N_FIELDS];
  guint64 size; /* of the archive; 0: not known */
} BothyFetchAnswer;

void bothy_fetch_answer_free (BothyFetchAnswer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyFetchAnswer, bothy_fetch_answer_free)

/* From the text of a record about REMOTE, a URL; NULL: it is not one. */
BothyFetchAnswer *bothy_fetch_answer_parse (const char *text, gsize size, guint64 total, const char *remote);

/* An image of a registry, for one kind of machine. */
typedef struct {
  char *sha256;  /* as it comes */
  char *diff_id; /* SHA-256 of what is in it */
  char *url;
  guint64 size; /* as it comes */
} BothyManifestLayer;

void bothy_manifest_layer_free (gpointer data);

typedef struct {
  enum fetch_setting which;
  char value[];
} BothyManifestSetting;

typedef struct {
  char *digest;
  char *config; /* digest of its configuration */
  char *architecture;
  char *token;         /* to get the layers with; "" without */
  guint64 size;        /* of all layers, as they come */
  GPtrArray *layers;   /* BothyManifestLayer, the lowest first */
  GPtrArray *settings; /* BothyManifestSetting, of UTF-8 */
} BothyManifest;

void bothy_manifest_free (BothyManifest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyManifest, bothy_manifest_free)

/* From the texts of messages: NULL or FALSE is not of the grammar. REMOTE is the registry's URL. */
BothyManifest *bothy_manifest_parse (const char *text, gsize size, guint64 total);
gboolean bothy_manifest_take_layer (
    BothyManifest *self, const char *text, gsize size, guint64 total, const char *remote);
gboolean bothy_manifest_take_setting (BothyManifest *self, guint32 which, const char *text, gsize size);

/* Whether all layers are there that it said there are. */
gboolean bothy_manifest_is_whole (const BothyManifest *self);

G_END_DECLS
