/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every grammar that a caller's words go through, with words that should not. */

#include "base/error.h"
#include "base/validate.h"

#include <locale.h>
#include <string.h>

/* Refused by every grammar there is. */
static const char *const hostile[] = {
  "a/../b\n",
  "..",
  "%s%n\n",
  "$(id)",
  "a\nb",
  "a\rb",
  "a\tb",
  "a\x7f"
  "b",
  "a\xc2\x9b"
  "b",
  "a\xe2\x80\xae"
  "b",
  "a\xe2\x80\x8d"
  "b",
  "e\xcc\x81",
  "\xd0\xb0",
  "a\xff"
  "b",
  "\xc0\xaf",
  "a b",
  " a",
  "a ",
  "\x1b[2J",
  "a\\b",
  "a'b",
  "a\"b",
  "a;b",
  "a|b",
  "a`b",
  "a&b",
  "a*b",
  "a?b",
  "a<b",
  "a>b",
  "a(b",
  "a{b}",
  "a#b",
  "a~b",
  "a!b",
  "a,b",
  "a=b",
  "a+b",
  "a@b",
  "\x01",
};

typedef gboolean (*Check) (const char *text, GError **error);

static gboolean
check_name (const char *text, GError **error)
{
  return bothy_validate_name (text, "Name", error);
}

static void
refuse (Check check, const char *text)
{
  g_autoptr (GError) error = NULL;

  if (check (text, &error))
    g_error ("\"%s\" was let through", text);
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_cmpuint (strlen (error->message), <, 512);
  for (const char *c = error->message; *c; c++)
    g_assert_true (g_ascii_isprint (*c));
}

static void
accept (Check check, const char *text)
{
  g_autoptr (GError) error = NULL;

  check (text, &error);
  g_assert_no_error (error);
}

static char *
repeat (char c, gsize n)
{
  char *text = g_malloc (n + 1);

  memset (text, c, n);
  text[n] = '\0';
  return text;
}

static void
check_lengths (Check check, gsize max)
{
  static const gsize long_ones[] = { 65536, 16 * 1024 * 1024 };
  g_autofree char *longest = repeat ('x', max);
  g_autofree char *longer = repeat ('x', max + 1);

  accept (check, "x");
  accept (check, longest);
  refuse (check, longer);
  refuse (check, "");
  for (gsize i = 0; i < G_N_ELEMENTS (long_ones); i++) {
    g_autofree char *text = repeat ('x', long_ones[i]);

    refuse (check, text);
  }
}

static void
test_name (void)
{
  static const char *const good[] = { "a", "web-1", "0a", "a0", "x--y", "1e3", "0x10", "b1" };
  static const char *const bad[] = { "-a", "a-", "-", "--", "a.b", "a_b", "a/b", "A", "webA", "a:b" };

  check_lengths (check_name, 63);
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    accept (check_name, good[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    refuse (check_name, bad[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (hostile); i++)
    refuse (check_name, hostile[i]);
}

/* Whoever types a name as people do is told the one that would do. */
static void
test_suggestion (void)
{
  static const struct {
    const char *typed, *suggested;
  } cases[] = {
    { "Web", "web" },         { "my_box", "my-box" },    { "a.b", "a-b" },       { "My  Box!", "my-box" },
    { "-x-", "x" },           { "123", "box-123" },      { "root", "box-root" }, { "ALL", "box-all" },
    { "caf\xc3\xa9", "caf" }, { "b\xc3\xbcro", "b-ro" }, { "\xc3\xa9", NULL },   { "__", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *told = g_strdup_printf ("; try \"%s\"", cases[i].suggested);
    g_autoptr (GError) error = NULL;

    g_assert_false (bothy_validate_name (cases[i].typed, "Name", &error));
    if (cases[i].suggested) {
      g_assert_true (g_str_has_suffix (error->message, told));
      accept (check_name, cases[i].suggested);
    } else
      g_assert_null (strstr (error->message, "try"));
  }
}

static void
test_every_byte (void)
{
  for (int byte = 1; byte < 256; byte++) {
    char text[] = { 'a', (char)byte, 'b', '\0' };
    gboolean fits = byte == '-' || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z');

    g_assert_cmpint (bothy_validate_name (text, "Name", NULL), ==, fits);
  }
}

static void
test_case (void)
{
  static const char *const words[] = { "Web",
                                       "WEB",
                                       "\xef\xbd\x97"
                                       "eb",
                                       "\xc3\xa9",
                                       "\xc4\xb1",
                                       "I",
                                       "\xc4\xb0" };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++) {
    refuse (check_name, words[i]);
    refuse (bothy_validate_alias, words[i]);
  }
}

static void
test_reserved (void)
{
  static const char *const words[] = {
    "host", "root", "self", "all", "lo",  "default",    "none",
    "con",  "0",    "1",    "42",  "007", "4294967295", "00:16:3e:00:00:01"
  };
  static const char *const near[] = { "hosts", "root1", "myself", "all-of-it", "lo0", "default-1", "42a" };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    refuse (check_name, words[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (near); i++)
    accept (check_name, near[i]);
}

static void
test_hostname (void)
{
  static const char *const good[] = { "a", "Web-1.Example.org", "1", "a.b.c", "10.example" };
  static const char *const bad[] = {
    ".", ".a", "a.", "a..b", "-a", "a-", "a.-b", "a-.b", "a_b", "a/b", "a:b"
  };

  check_lengths (bothy_validate_hostname, 63);
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    accept (bothy_validate_hostname, good[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    refuse (bothy_validate_hostname, bad[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (hostile); i++)
    refuse (bothy_validate_hostname, hostile[i]);
}

static void
test_alias (void)
{
  static const char *const good[] = { "debian", "debian/13", "docker.io/library/alpine:3.20",
                                      "a_b",    "a-b.c",     "abcdef01234",
                                      "1" };
  static const char *const bad[] = { "/a",   ".a",     "-a", "_a",           ":a",
                                     "a..b", "a/../b", "A",  "abcdef012345", "000000000000" };

  check_lengths (bothy_validate_alias, 127);
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    accept (bothy_validate_alias, good[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    refuse (bothy_validate_alias, bad[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (hostile); i++)
    refuse (bothy_validate_alias, hostile[i]);
}

static void
test_user (void)
{
  static const char *const good[] = { "",         "root", "0",     "1000:1000", "www-data", "domain.user",
                                      "machine$", "u:g",  "1000:", ":1000",     ":audio",   ":" };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    accept (bothy_validate_user, good[i]);
  refuse (bothy_validate_user, "-x");
  refuse (bothy_validate_user, "a:b:c");
  refuse (bothy_validate_user, "a/b");
  for (gsize i = 0; i < G_N_ELEMENTS (hostile); i++) {
    if (!g_str_equal (hostile[i], ".."))
      refuse (bothy_validate_user, hostile[i]);
  }
}

static void
test_path (void)
{
  g_autofree char *longest = repeat ('/', 4095);
  g_autofree char *longer = repeat ('/', 4096);

  accept (bothy_validate_path, "/");
  accept (bothy_validate_path, longest);
  refuse (bothy_validate_path, longer);
  refuse (bothy_validate_path, "");
  refuse (bothy_validate_path, "usr/bin");
  refuse (bothy_validate_path, "./usr");
  refuse (bothy_validate_path, "../usr");
}

static void
check_environment (const char *entry, gboolean expected)
{
  const char *const entries[] = { "PATH=/bin", entry, NULL };
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (bothy_validate_environment (entries, &error), ==, expected);
  if (!expected)
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
}

static void
test_environment (void)
{
  static const char *const good[] = {
    "A=",   "A=b=c", "_A1=x y", "a=\n", "LANG=\xc3\xa9",         "A",
    "1A=x", "A B=x", "A-B=x",   "a.b",  "discovery.type=single", "\xc3\x89=\xff"
  };
  static const char *const bad[] = { "", "=", "=x", "A\n=x", "A\x01", "\x7f=" };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    check_environment (good[i], TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    check_environment (bad[i], FALSE);
}

static void
test_fingerprint (void)
{
  g_autofree char *whole = repeat ('a', 64);
  g_autofree char *too_long = repeat ('a', 65);

  g_assert_true (bothy_is_fingerprint (whole));
  g_assert_false (bothy_is_fingerprint (whole + 1));
  g_assert_false (bothy_is_fingerprint (too_long));
  g_assert_true (bothy_is_fingerprint_prefix (whole));
  g_assert_true (bothy_is_fingerprint_prefix (whole + 64 - 12));
  g_assert_false (bothy_is_fingerprint_prefix (whole + 64 - 11));
  g_assert_false (bothy_is_fingerprint_prefix (too_long));
  whole[3] = 'A';
  g_assert_false (bothy_is_fingerprint (whole));
  whole[3] = 'g';
  g_assert_false (bothy_is_fingerprint (whole));
}

static void
test_uuid (void)
{
  g_autofree char *uuid = g_uuid_string_random ();

  g_assert_true (bothy_is_uuid (uuid));
  g_assert_false (bothy_is_uuid (""));
  g_assert_false (bothy_is_uuid (uuid + 1));
  g_assert_false (bothy_is_uuid ("A0000000-0000-4000-8000-000000000000"));
  g_assert_false (bothy_is_uuid ("../../../../../../../../../etc/passw"));
  g_assert_false (bothy_is_uuid ("------------------------------------"));
}

/* What is the machine's, and what leaves the place where sysctls are, is no sysctl of a container's. */
static void
test_sysctl (void)
{
  static const char *const good[] = { "net.core.somaxconn",
                                      "net.ipv4.conf.all.forwarding",
                                      "net.x-y_Z.9",
                                      "kernel.shmmax",
                                      "kernel.sem",
                                      "kernel.msgmni",
                                      "kernel.shm_rmid_forced",
                                      "fs.mqueue.queues_max" };
  static const char *const bad[] = { "",
                                     "net",
                                     "net.",
                                     ".net.core",
                                     "net..core",
                                     "net...",
                                     "net.core/../../vm",
                                     "net/core/somaxconn",
                                     "net.core.somaxconn ",
                                     "net.core.x=y",
                                     "Net.core.somaxconn",
                                     "network.x",
                                     "kernel.sem.x",
                                     "kernel.shmmaxx",
                                     "kernel.shm",
                                     "kernel.domainname",
                                     "kernel.core_pattern",
                                     "fs.mqueue",
                                     "fs.file-max",
                                     "vm.swappiness",
                                     "user.max_user_namespaces" };
  static const char *const bad_values[] = { "", "1\n", "1\n2", "\x7f", "\xc3\xa9", "\x1b[2J" };
  g_autofree char *longest = g_strnfill (1000, '1');
  g_autofree char *longer = g_strnfill (1001, '1');
  g_autofree char *long_name = g_strdup_printf ("net.%0200d", 1);

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (bothy_validate_sysctl (good[i], "100 2\t3", NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    if (bothy_validate_sysctl (bad[i], "1", NULL))
      g_error ("\"%s\" was taken for a sysctl", bad[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (bad_values); i++)
    g_assert_false (bothy_validate_sysctl ("net.x", bad_values[i], NULL));
  g_assert_true (bothy_validate_sysctl ("net.x", longest, NULL));
  g_assert_false (bothy_validate_sysctl ("net.x", longer, NULL));
  g_assert_false (bothy_validate_sysctl (long_name, "1", NULL));
}

static void
test_numbers (void)
{
  static const char *const bad[] = { "",
                                     "1:",
                                     ":1",
                                     "01",
                                     "00",
                                     "+1",
                                     "-1",
                                     " 1",
                                     "1 ",
                                     "\t1",
                                     "1\n",
                                     "1e3",
                                     "0x1",
                                     "1.0",
                                     "1,0",
                                     "1_0",
                                     "0b1",
                                     "ten",
                                     "\xd9\xa1",
                                     "1a",
                                     "18446744073709551616",
                                     "340282366920938463463374607431768211456" };
  guint64 value = 7;

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    if (bothy_parse_number (bad[i], 0, G_MAXUINT64, &value))
      g_error ("\"%s\" was taken for a number", bad[i]);
  }
  g_assert_true (bothy_parse_number ("0", 0, 9, &value) && value == 0);
  g_assert_true (bothy_parse_number ("1", 1, 9, &value) && value == 1);
  g_assert_true (bothy_parse_number ("9", 1, 9, &value) && value == 9);
  g_assert_false (bothy_parse_number ("0", 1, 9, &value));
  g_assert_false (bothy_parse_number ("10", 1, 9, &value));
  g_assert_true (bothy_parse_number ("18446744073709551615", 0, G_MAXUINT64, &value) && value == G_MAXUINT64);
  g_assert_true (bothy_parse_number ("4294967295", 0, G_MAXUINT32, &value) && value == G_MAXUINT32);
  g_assert_false (bothy_parse_number ("4294967296", 0, G_MAXUINT32, &value));
}

int
main (int argc, char **argv)
{
  /* ARG-08: whatever the locale is. */
  g_setenv ("LC_ALL", "tr_TR.UTF-8", TRUE);
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/validate/ARG-01-name", test_name);
  g_test_add_func ("/validate/ARG-01-name-suggestion", test_suggestion);
  g_test_add_func ("/validate/ARG-01-every-byte", test_every_byte);
  g_test_add_func ("/validate/ARG-01-hostname", test_hostname);
  g_test_add_func ("/validate/ARG-01-alias", test_alias);
  g_test_add_func ("/validate/ARG-01-user", test_user);
  g_test_add_func ("/validate/ARG-01-path", test_path);
  g_test_add_func ("/validate/ARG-01-environment", test_environment);
  g_test_add_func ("/validate/ARG-01-fingerprint", test_fingerprint);
  g_test_add_func ("/validate/ARG-01-uuid", test_uuid);
  g_test_add_func ("/validate/ARG-01-sysctl", test_sysctl);
  g_test_add_func ("/validate/ARG-02-numbers", test_numbers);
  g_test_add_func ("/validate/ARG-09-case", test_case);
  g_test_add_func ("/validate/ARG-10-reserved", test_reserved);
  return g_test_run ();
}
