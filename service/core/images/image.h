/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

#include "core/images/config.h"

G_BEGIN_DECLS

#define BOTHY_EVERYBODY G_MAXUINT32

/*
 * A root file system that is in the store, a stack of layers, and who may use it. Signals: "changed" (); "shown" (uid), "hidden" (uid):
 * that user, or BOTHY_EVERYBODY who has no claim, sees it from now on, or does no longer.
 */
#define BOTHY_TYPE_IMAGE (bothy_image_get_type ())
G_DECLARE_FINAL_TYPE (BothyImage, bothy_image, BOTHY, IMAGE, GObject)

struct _BothyImage {
  GObject parent;
  char *fingerprint;
  char *os;
  char *release;
  char *os_release; /* text of os-release(5) */
  char *variant;    /* as its maker or its remote's catalogue calls it, or "" */
  char *architecture;
  char *origin;        /* of who had it first; see bothy_image_get_origin() */
  char *origin_remote; /* the name of the remote that it is of, or NULL */
  char *config_digest; /* of its configuration at its registry; NULL: it is of none, or that is not known */
  char *verified;
  char *source;               /* of a built-in one: what it was made from, as it was then */
  char **layers;              /* their ids, the lowest first */
  guint64 size;               /* of all of them */
  BothyImageConfig *defaults; /* NULL: it says nothing of its containers, and they run its init */
  gint64 created_at;          /* µs since 1970 */
  gint64 expires_at;          /* when nobody maintains it any more; 0: not known */
  guint64 used_on; /* the day of its last use, as bothy_day_counter_count() counts; 0: it stays without */
  guint days_left; /* without use, until it goes; 0: it stays */
  gboolean has_squashed_owners; /* of its layers one has */
  gboolean is_shown;            /* its remote shows all of its layers to everybody */
  char *public_alias;           /* everybody's; NULL: only those with a claim see it */
  GHashTable *claims;           /* uid → GPtrArray of char *: that user's aliases */
  GHashTable *origins;          /* uid → char *, where it is known */
  GHashTable
      *newer; /* uid → char *, the version that who he has it from has in its place, where there is one */
  guint n_containers;
};

/* One that is called FINGERPRINT, of no layers and nobody's yet. (transfer full) */
BothyImage *bothy_image_new (const char *fingerprint);

/* From os-release(5)'s TEXT. */
void bothy_image_set_os_release (BothyImage *self, const char *text);

/*
 * What its maker says of it, lines KEY=VALUE of bothy-unpack: where the tree itself says something, that holds.
 * Each value is checked again.
 */
void bothy_image_take_metadata (BothyImage *self, const char *lines);

/* What a catalogue says of it: VARIANT, and the day of the END of its support as YYYY-MM-DD; both may be "". */
void bothy_image_take_catalogue (BothyImage *self, const char *variant, const char *end);

/* The value of KEY in os-release(5)'s TEXT, unquoted; "" if it has none. */
char *bothy_image_os_release_value (const char *text, const char *key);

/* Whether TEXT is what an image's OS, release or variant can be called. */
gboolean bothy_image_is_word (const char *text);

/* Whether USER can see it: it is his, or everybody's. */
gboolean bothy_image_is_visible (BothyImage *self, guint32 user);

/* Whether USER calls it ALIAS; the public alias counts for everybody. */
gboolean bothy_image_has_alias (BothyImage *self, guint32 user, const char *alias);

/* What USER may call it; NULL-terminated. */
char **bothy_image_aliases (BothyImage *self, guint32 user);

/* Whether USER calls it anything. */
gboolean bothy_image_has_names (BothyImage *self, guint32 user);

/* What to show USER in one word: an alias, or else the fingerprint. */
const char *bothy_image_label (BothyImage *self, guint32 user);

/* It is USER's from now on, and he calls it ALIAS as well; NULL: that adds no name. */
void bothy_image_add_claim (BothyImage *self, guint32 user, const char *alias);

/* USER calls it ALIAS no more; it stays his. */
void bothy_image_remove_alias (BothyImage *self, guint32 user, const char *alias);

/* It is no longer USER's: his names for it go, and where he had it from. */
void bothy_image_remove_claim (BothyImage *self, guint32 user);

/*
 * Where USER got the image from, in the form of BothyImage.origin: two users may have the same bytes from two remotes,
 * and neither gets newer ones from where the other one trusts. Returns "" if it is not known; the text stays the image's.
 */
const char *bothy_image_get_origin (BothyImage *self, guint32 user);

/* Say where USER got the image from. */
void bothy_image_set_origin (BothyImage *self, guint32 user, const char *origin);

/* The version of a newer one, there where USER has it from: "" if there is none, or nobody knows, or he has no name for this one any more. The text stays
   the image's. */
const char *bothy_image_get_newer (BothyImage *self, guint32 user);

/* There is VERSION, or (NULL) none. Whether that is news; then "changed" was emitted. */
gboolean bothy_image_set_newer (BothyImage *self, guint32 user, const char *version);

/* It is no longer everybody's. */
void bothy_image_retire (BothyImage *self);

/* From RECORD, which is that of the image FINGERPRINT (transfer full); NULL with DEGRADED: it is not. */
BothyImage *bothy_image_from_record (const char *fingerprint, GKeyFile *record, GError **error);

/* All that is to outlive the service. (transfer full) */
GKeyFile *bothy_image_to_record (BothyImage *self);

G_END_DECLS
