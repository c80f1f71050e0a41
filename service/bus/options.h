/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One key that an a{sv} may have. */
typedef struct {
  const char *key;
  const char *type; /* "b", "u", "s", "as", one of those below; or another one */
  /* Where its value goes: a gboolean *, guint32 *, char ** or char ***; of another type a GVariant **. What was there of
     a text or of texts is freed. It is left alone when the key is missing. */
  gpointer value;
} BothyOption;

/* A text or texts that go to a program as they are, which need not be UTF-8: then they come as bytes, without a NUL or with
   one at the end. The value goes where that of "s" or "as" would. */
#define BOTHY_OPTION_BYTES "s or ay"
#define BOTHY_OPTION_WORDS "as or aay"

/* Take OPTIONS (a{sv}) apart by TABLE, which ends with a NULL key. FALSE with INVALID_ARGS,
   which names the key, for one that is unknown, of another type, or there twice, or bytes with a NUL among them. */
gboolean bothy_options_parse (GVariant *options, const BothyOption *table, GError **error);

G_END_DECLS
