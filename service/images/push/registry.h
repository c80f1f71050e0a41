/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <signal.h>

#include "layout.h"

/* A registry that an image is sent to. */
typedef struct _Registry Registry;

/* So many bytes of the blob under way are sent. */
typedef void (*RegistryProgress) (guint64 sent, gpointer data);

/* What stays the same for a registry. All is the caller's, and has to stay. */
typedef struct {
  const char *url;                   /* https://HOST[:PORT]; http:// only on this machine */
  const char *repository;            /* what the image is called there, without its tag */
  const char *login;                 /* NAME:PASSWORD, or NULL */
  long timeout;                      /* seconds without progress */
  const volatile sig_atomic_t *stop; /* once it is not 0, all fails */
  RegistryProgress progress;
  gpointer progress_data;
} RegistrySettings;

/* The one of SETTINGS; nothing is sent yet. (transfer full) NULL with FETCH_REFUSED: it may not be there. */
Registry *registry_new (const RegistrySettings *settings, GError **error);

/* Free it. */
void registry_free (Registry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Registry, registry_free)

/*
 * Begin an upload, with a token or with the login, if they are wanted: so who may not push hears of it before anything is
 * read. FALSE with an error of enum fetch_error, as in all that follows; it names the registry, and what to do.
 */
gboolean registry_begin (Registry *self, GError **error);

/* Send BLOB, unless the registry has it already. */
gboolean registry_put_blob (Registry *self, const Blob *blob, GError **error);

/* Send MANIFEST, all of whose blobs are there, and call it REFERENCE. */
gboolean registry_put_manifest (Registry *self, const char *reference, const Blob *manifest, GError **error);

/* Have the registry forget an upload that was begun and not ended, if it listens. */
void registry_abandon (Registry *self);
