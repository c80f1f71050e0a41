/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * What a container or an image says is shown to a person's terminal, which takes orders: so nothing that
 * comes from there is printed before it went through here.
 */

typedef enum {
  CLI_ESCAPE_LINE = 0,      /* one line: newlines and tabs are escaped too */
  CLI_ESCAPE_TEXT = 1 << 0, /* many lines: newlines and tabs stay */
} CliEscapeFlags;

/**
 * cli_escape:
 * @text: bytes of any kind
 * @length: how many, or -1 if @text ends with a nul
 *
 * Control characters (also C1 and DEL), those that reorder or hide text, and bytes that are not UTF-8
 * become \xNN or \u{N}. With CLI_ESCAPE_TEXT, colour sequences and the carriage return of a line's end are
 * left out instead: they are harmless, and logs are full of them.
 *
 * Returns: (transfer full): valid UTF-8 that is safe on a terminal
 */
char *cli_escape (const char *text, gssize length, CliEscapeFlags flags);

/**
 * cli_escape_json:
 * @json: a JSON document
 *
 * Does the same for JSON by \uXXXX, so that the document still says what it said.
 *
 * Returns: (transfer full): an equal document that is safe on a terminal
 */
char *cli_escape_json (const char *json);
