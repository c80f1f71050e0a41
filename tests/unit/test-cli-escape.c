/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a container says can not move the cursor, recolour, reorder or hide what a person reads. */
#include <string.h>

#include <glib.h>

#include "escape.h"

typedef struct {
  const char *bytes;
  const char *shown;
} Case;

static void
check (const Case *cases, gsize n, CliEscapeFlags flags)
{
  for (gsize i = 0; i < n; i++) {
    g_autofree char *shown = cli_escape (cases[i].bytes, -1, flags);
    g_assert_cmpstr (shown, ==, cases[i].shown);
  }
}

static void
test_line (void)
{
  static const Case cases[] = {
    { "", "" },
    { "plain äöü 漢字 🏔", "plain äöü 漢字 🏔" },
    { "\033[2J", "\\x1b[2J" },
    { "a\nb\tc\rd", "a\\x0ab\\x09c\\x0dd" },
    { "del\177", "del\\x7f" },
    /* C1: CSI as one character, and as one byte, which is no UTF-8. */
    { "\302\2332J", "\\x9b2J" },
    { "\2332J", "\\x9b2J" },
    /* Right-to-left override and isolate, zero-width space, soft hyphen, line separator, byte order mark. */
    { "x\342\200\256y", "x\\u{202e}y" },
    { "x\342\201\247y", "x\\u{2067}y" },
    { "x\342\200\213y", "x\\u{200b}y" },
    { "x\302\255y", "x\\xady" },
    { "x\342\200\250y", "x\\u{2028}y" },
    { "x\357\273\277y", "x\\u{feff}y" },
    /* A tag character, beyond the first plane. */
    { "x\363\240\200\201y", "x\\u{e0001}y" },
    /* Cut off in the middle, overlong, surrogate. */
    { "\342\200", "\\xe2\\x80" },
    { "\300\257", "\\xc0\\xaf" },
    { "\355\240\200", "\\xed\\xa0\\x80" },
  };

  check (cases, G_N_ELEMENTS (cases), CLI_ESCAPE_LINE);
}

static void
test_text (void)
{
  static const Case cases[] = {
    { "a\nb\tc\r\nd", "a\nb\tc\nd" },
    { "over\rwritten", "over\\x0dwritten" },
    { "\033[1;31mred\033[0m\033[m", "red" },
    /* What looks like colour, but is not. */
    { "\033[2J", "\\x1b[2J" },
    { "\033[31", "\\x1b[31" },
    { "\033[?25m", "\\x1b[?25m" },
    { "\033]0;title\007", "\\x1b]0;title\\x07" },
    { "\302\233m", "\\x9bm" },
  };

  check (cases, G_N_ELEMENTS (cases), CLI_ESCAPE_TEXT);
}

static void
test_nul (void)
{
  g_autofree char *shown = cli_escape ("a\0b", 3, CLI_ESCAPE_LINE);

  g_assert_cmpstr (shown, ==, "a\\x00b");
}

/* Whatever comes in, what goes out is UTF-8 without a control character. */
static void
test_random (void)
{
  for (int round = 0; round < 2000; round++) {
    char bytes[64];
    g_autofree char *shown = NULL;

    for (gsize i = 0; i < sizeof bytes; i++)
      bytes[i] = (char)g_test_rand_int_range (0, 256);
    shown = cli_escape (bytes, sizeof bytes, round & 1 ? CLI_ESCAPE_TEXT : CLI_ESCAPE_LINE);
    g_assert_true (g_utf8_validate (shown, -1, NULL));
    for (const char *p = shown; *p != '\0'; p = g_utf8_next_char (p)) {
      gunichar c = g_utf8_get_char (p);
      gboolean layout = (round & 1) && (c == '\n' || c == '\t');
      g_assert_true (layout ||
                     (g_unichar_type (c) != G_UNICODE_CONTROL && g_unichar_type (c) != G_UNICODE_FORMAT));
    }
  }
}

static void
test_json (void)
{
  g_autofree char *shown = cli_escape_json ("{\n \"a\" : \"\302\233\342\200\256ä\363\240\200\201\"\n}");

  g_assert_cmpstr (shown, ==, "{\n \"a\" : \"\\u009b\\u202eä\\udb40\\udc01\"\n}");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/escape/line", test_line);
  g_test_add_func ("/cli/escape/text", test_text);
  g_test_add_func ("/cli/escape/nul", test_nul);
  g_test_add_func ("/cli/escape/random", test_random);
  g_test_add_func ("/cli/escape/json", test_json);
  return g_test_run ();
}
