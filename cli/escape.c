/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "escape.h"

/* Everything that a terminal obeys, and everything that makes a person read another text than what is there:
 * bidirectional controls and zero-width characters are of the type "format", U+2028 and U+2029 separators. */
static gboolean
is_harmless (gunichar c)
{
  GUnicodeType type;

  if (c < 0x20 || (c >= 0x7f && c < 0xa0))
    return FALSE;

  type = g_unichar_type (c);
  return type != G_UNICODE_CONTROL && type != G_UNICODE_FORMAT && type != G_UNICODE_LINE_SEPARATOR &&
         type != G_UNICODE_PARAGRAPH_SEPARATOR && type != G_UNICODE_SURROGATE;
}

/* Length of a colour sequence (ESC [ digits and semicolons m) at the start of @p, or 0. */
static gsize
colour_length (const char *p, const char *end)
{
  const char *q = p + 2;

  if (end - p < 3 || p[0] != '\033' || p[1] != '[')
    return 0;
  while (q < end && (g_ascii_isdigit (*q) || *q == ';' || *q == ':'))
    q++;
  return q < end && *q == 'm' ? (gsize)(q + 1 - p) : 0;
}

/* How many bytes of a text of many lines pass at @p without being escaped one by one. */
static gsize
skip_text (GString *out, const char *p, const char *end)
{
  gsize colour;

  if (*p == '\n' || *p == '\t') {
    g_string_append_c (out, *p);
    return 1;
  }
  if (*p == '\r' && end - p > 1 && p[1] == '\n')
    return 1;
  colour = colour_length (p, end);
  return colour;
}

static gsize
append_character (GString *out, const char *p, const char *end)
{
  gunichar c = g_utf8_get_char_validated (p, end - p);
  gsize length;

  if (c == (gunichar)-1 || c == (gunichar)-2) {
    g_string_append_printf (out, "\\x%02x", (guchar)*p);
    return 1;
  }

  length = g_utf8_skip[(guchar)*p];
  if (is_harmless (c))
    g_string_append_len (out, p, length);
  else if (c < 0x100)
    g_string_append_printf (out, "\\x%02x", c);
  else
    g_string_append_printf (out, "\\u{%x}", c);
  return length;
}

char *
cli_escape (const char *text, gssize length, CliEscapeFlags flags)
{
  GString *out = g_string_new (NULL);
  const char *p = text;
  const char *end = text + (length < 0 ? (gssize)strlen (text) : length);

  while (p < end) {
    gsize skipped = flags & CLI_ESCAPE_TEXT ? skip_text (out, p, end) : 0;

    /* g_utf8_get_char_validated() takes a nul for the end of the text. */
    if (skipped == 0 && *p == '\0') {
      g_string_append (out, "\\x00");
      skipped = 1;
    }
    p += skipped > 0 ? skipped : append_character (out, p, end);
  }
  return g_string_free (out, FALSE);
}

char *
cli_escape_json (const char *json)
{
  GString *out = g_string_new (NULL);

  for (const char *p = json; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    if (c == '\n' || is_harmless (c))
      g_string_append_unichar (out, c);
    else if (c < 0x10000)
      g_string_append_printf (out, "\\u%04x", c);
    else
      g_string_append_printf (out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                              0xdc00 + ((c - 0x10000) & 0x3ff));
  }
  return g_string_free (out, FALSE);
}
