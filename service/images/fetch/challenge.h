/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What a registry says in WWW-Authenticate: where tokens are given out. */
typedef struct {
  char *realm; /* a URL; NULL: no tokens are wanted */
  char *service;
  gboolean is_basic; /* a name and a password would do as well */
} Challenge;

/* Free the strings. */
void challenge_clear (Challenge *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Challenge, challenge_clear)

/* Of one or more challenges with commas between them, the first one that is Bearer. FALSE: of no grammar. */
gboolean challenge_parse (const char *text, Challenge *ret);

/* The URL where a token for REPOSITORY is had, to do ACTIONS with it: "pull", or "pull,push". */
char *challenge_token_url (const Challenge *self, const char *repository, const char *actions);
