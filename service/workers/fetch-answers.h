/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "images/fetch/protocol.h"
#include "images/json/protocol.h"

G_BEGIN_DECLS

/* What bothy-fetch says of what servers say: nothing of it gets in unless it is of a grammar. */

/* What a catalogue says of an image: each field is of the grammar that fetch-answers.c has for it. */
typedef struct {
  char *fields[FETCH_N_FIELDS];
  guint64 size; /* of the archive; 0: not known */
} BothyFetchAnswer;

/* Free it and its strings. */
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

/* Free a BothyManifestLayer. */
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

/* Free it with its layers and settings. */
void bothy_manifest_free (BothyManifest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyManifest, bothy_manifest_free)

/* From TEXT of SIZE bytes, of a FETCH_MANIFEST whose total is TOTAL (transfer full); NULL: it is not of the grammar. */
BothyManifest *bothy_manifest_parse (const char *text, gsize size, guint64 total);

/* Add the layer that TEXT, of a FETCH_LAYER of the registry at the URL REMOTE, is. FALSE: it is not of the grammar. */
gboolean bothy_manifest_take_layer (
    BothyManifest *self, const char *text, gsize size, guint64 total, const char *remote);

/* Add the value TEXT of the setting WHICH, of a FETCH_SETTING. FALSE: it is not of the grammar. */
gboolean bothy_manifest_take_setting (BothyManifest *self, guint32 which, const char *text, gsize size);

/* Whether all layers are there that it said there are. */
gboolean bothy_manifest_is_whole (const BothyManifest *self);

G_END_DECLS
