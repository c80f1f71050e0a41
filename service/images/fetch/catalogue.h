/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "images/fetch/protocol.h"
#include "images/json/error.h"

/* What catalogues say, and how it is found there. Nothing here talks to anybody. */

/* One version of an image; each string may be NULL. */
typedef struct {
  char *fields[FETCH_N_FIELDS]; /* FETCH_FIELD_URL: the path below the remote */
  guint64 size;
  char *problem;            /* why Bothy can not run it */
  gboolean is_signed_apart; /* its digest stands beside it, in SHA256SUMS */
} CatalogueEntry;

/* Free it and its strings. */
void catalogue_entry_free (CatalogueEntry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CatalogueEntry, catalogue_entry_free)

/* The paths of streams/v1/index.json that name images. */
char **catalogue_parse_index (const char *text, gsize size, GError **error);

/* streams/v1/images.json: the newest usable version of each product. (element-type CatalogueEntry) */
GPtrArray *catalogue_parse_products (const char *text, gsize size, GError **error);

/* meta/1.0/index-user. (element-type CatalogueEntry) */
GPtrArray *catalogue_parse_lxc (const char *text, gsize size, GError **error);

/* The digest of FILE in a SHA256SUMS, or NULL. */
char *catalogue_find_digest (const char *text, gsize size, const char *file);

/* The one that NAME (an alias, ALIAS/ARCHITECTURE, a product or a fingerprint's begin) means on ARCHITECTURE.
 */
CatalogueEntry *
catalogue_find (GPtrArray *entries, const char *name, const char *architecture, GError **error);

/* Whether ENTRY is what somebody who types PATTERN looks for. */
gboolean catalogue_matches (const CatalogueEntry *entry, const char *pattern, const char *architecture);
