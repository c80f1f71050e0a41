/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* The 64 digits of "sha256:DIGITS"; NULL for all else: nothing weaker is believed, and nothing stronger
 * known. */
const char *digest_parse (const char *text);

/* Whether BYTES are those of which DIGITS is the SHA-256. */
gboolean digest_matches (GBytes *bytes, const char *digits);
