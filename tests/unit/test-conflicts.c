/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who else lays claim to ids: subuid(5) as people and programs leave it, and uid_map. */

#include "scratch.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "core/ids/conflicts.h"
#include "base/error.h"

#define SPAN_FIRST 1500053504
#define SPAN       ((BothyIdSpan){ SPAN_FIRST, SPAN_FIRST + 65535 })

typedef struct {
  GString *spans;
} Seen;

static void
note (BothyIdSpan span, gpointer user_data)
{
  Seen *seen = user_data;

  g_assert_cmpint (span.first, >=, 0);
  g_assert_cmpint (span.last, >=, span.first);
  g_assert_cmpint (span.last, <=, G_MAXUINT32);
  g_string_append_printf (seen->spans, "%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT " ", span.first, span.last);
}

/* EXPECTED: the spans, or NULL for a text that is refused. */
static void
expect (const char *text, gsize length, const char *expected)
{
  g_autoptr (GString) spans = g_string_new (NULL);
  /* To the byte, so that reading on is seen. */
  g_autofree char *exact = g_memdup2 (text, length + 1);
  g_autoptr (GError) error = NULL;
  Seen seen = { spans };
  gboolean fine = bothy_conflicts_parse_subids (exact, length, note, &seen, &error);

  if (!expected) {
    if (fine)
      g_error ("\"%.80s\" was understood", text);
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
    return;
  }
  g_assert_no_error (error);
  g_assert_cmpstr (spans->str, ==, expected);
}

static void
test_lines (void)
{
  static const struct {
    const char *text, *spans;
  } files[] = {
    { "", "" },
    { "\n\n \n", "" },
    { "# alice:100000:65536\n", "" },
    { "  # alice:100000:65536\n", "" },
    { "alice:100000:65536\n", "100000-165535 " },
    { "alice:100000:65536", "100000-165535 " },
    { "alice:100000:65536\r\nbob:165536:65536\r\n", "100000-165535 165536-231071 " },
    { "1000:100000:65536\n", "100000-165535 " },
    { "bob:300000:10\nalice:100000:10\nbob:300005:10\nbob:300000:10\n",
      "300000-300009 100000-100009 300005-300014 300000-300009 " },
    { "u:0:0\n", "" },
    { "u:100000:0\n", "" },
    { "u:0:1\n", "0-0 " },
    { "u:4294967295:1\n", "4294967295-4294967295 " },
    { "u:4294967295:2\n", "4294967295-4294967295 " },
    { "u:4294967296:1\n", "" },
    { "u:100000:4294967296\n", "100000-4294967295 " },
    { "u:100000:9223372036854775807\n", "100000-4294967295 " },
    { "u:9223372036854775807:9223372036854775807\n", "" },
    { " u : 100000 : 5 \n", "100000-100004 " },
    { "no numbers here\n", "" },
    { "::\n", "" },
    { ":100000:5\n", "100000-100004 " },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    expect (files[i].text, strlen (files[i].text), files[i].spans);
}

static void
test_refused (void)
{
  static const char *const files[] = {
    "u:-1:5\n",
    "u:1e3:1\n",
    "u:+1:5\n",
    "u:0x100:5\n",
    "u:100000\n",
    "u:100000:5:6\n",
    "u:100000:\n",
    "u::65536\n",
    "100000:5\n",
    "u 100000 5\n",
    "u:100000:-5\n",
    "u:1.5:5\n",
    "u:100000:5 # x\n",
    "u:100000:5 6\n",
    "u:100000,5\n",
    "u:100 000:5\n",
    "u:9223372036854775808:1\n",
    "u:123456789012345678901:1\n",
    "u:1:123456789012345678901\n",
    "a:100000:5\nu:-1:5\n",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    expect (files[i], strlen (files[i]), NULL);
  expect ("u:1\0:5\n", 7, NULL);
  expect ("\0", 1, NULL);
  expect ("u:100000:5\n\0", 12, NULL);
}

static void
test_large (void)
{
  g_autofree char *name = g_strnfill (1024 * 1024, 'u');
  g_autofree char *named = g_strconcat (name, ":100000:5\n", NULL);
  g_autofree char *digits = g_strnfill (1024 * 1024, '9');
  g_autofree char *number = g_strconcat ("u:", digits, ":1\n", NULL);
  g_autofree char *colons = g_strnfill (1024 * 1024, ':');
  g_autoptr (GString) many = g_string_new (NULL);
  g_autoptr (GString) spans = g_string_new (NULL);

  expect (named, strlen (named), "100000-100004 ");
  expect (number, strlen (number), NULL);
  expect (colons, strlen (colons), "");
  for (guint i = 0; i < 20000; i++) {
    g_string_append_printf (many, "user%u:%u:10\n", i, i * 10);
    g_string_append_printf (spans, "%u-%u ", i * 10, i * 10 + 9);
  }
  expect (many->str, many->len, spans->str);
}

/* Any bytes: a span is within 32 bits, and nothing is read beyond the end. */
static void
test_random (void)
{
  static const char alphabet[] = "u:0149-+ex #\n\r\t\xff";

  for (guint round = 0; round < 20000; round++) {
    char text[40];
    gsize length = (gsize)g_test_rand_int_range (0, sizeof text - 1);
    g_autoptr (GString) spans = g_string_new (NULL);
    g_autofree char *exact = NULL;
    Seen seen = { spans };

    for (gsize i = 0; i < length; i++)
      text[i] = alphabet[g_test_rand_int_range (0, sizeof alphabet - 1)];
    text[length] = '\0';
    exact = g_memdup2 (text, length + 1);
    bothy_conflicts_parse_subids (exact, length, note, &seen, NULL);
    bothy_conflicts_parse_map (exact, note, &seen);
  }
}

static void
expect_map (const char *text, const char *expected)
{
  g_autoptr (GString) spans = g_string_new (NULL);
  Seen seen = { spans };

  g_assert_cmpint (bothy_conflicts_parse_map (text, note, &seen), ==, expected != NULL);
  if (expected)
    g_assert_cmpstr (spans->str, ==, expected);
}

static void
test_map (void)
{
  expect_map ("", "");
  expect_map ("         0     100000      65536\n", "100000-165535 ");
  expect_map ("0 1000 1\n1 100000 65536\n", "1000-1000 100000-165535 ");
  expect_map ("0 0 4294967295\n", "0-4294967294 ");
  expect_map ("0 4294967294 10\n", "4294967294-4294967295 ");
  expect_map ("0 5 0\n", "");
  expect_map ("0 5\n", NULL);
  expect_map ("x\n", NULL);
}

/* Those who are logged in have processes, also where nobody lists them. */
static void
test_status (void)
{
  g_autoptr (GString) spans = g_string_new (NULL);
  Seen seen = { spans };

  bothy_conflicts_parse_status (
      "Name:\ta\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nFDSize:\t64\nGroups:\t9 10 \nNStgid:\t11\n", note,
      &seen);
  bothy_conflicts_parse_status ("", note, &seen);
  bothy_conflicts_parse_status ("x\nUid:", note, &seen);
  bothy_conflicts_parse_status ("x\nUid:\tx\nGroups:\t", note, &seen);
  g_assert_cmpstr (spans->str, ==, "1-1 2-2 3-3 4-4 5-5 6-6 7-7 8-8 9-9 10-10 ");
}

/* Somebody is not known to NSS at all; he sleeps. */
static void
test_logged_in (void)
{
  const BothyIdSpan span = { 1500053504, 1500053504 + 65535, FALSE };
  g_autoptr (GError) error = NULL;
  int ready[2];
  char byte;
  pid_t child;

  g_assert_cmpint (pipe (ready), ==, 0);
  child = fork ();
  if (child == 0) {
    if (setuid (1500060000) < 0 || write (ready[1], "", 1) != 1)
      _exit (1);
    for (;;)
      pause ();
  }
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  g_assert_true (bothy_conflicts_overlap (span, &error));
  g_assert_no_error (error);
  kill (child, SIGKILL);
  waitpid (child, NULL, 0);
  close (ready[0]);
  close (ready[1]);
  g_assert_false (bothy_conflicts_overlap (span, &error));
  g_assert_no_error (error);
}

/* In the middle of a range, where no list has him, and with no program of his that could be seen. */
static void
test_session (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (bothy_accounts_are_among (SPAN, &error));
  g_assert_cmpint (g_mkdir_with_parents ("/run/systemd/users", 0755), ==, 0);
  g_assert_true (g_file_set_contents ("/run/systemd/users/1500119040", "", 0, NULL));
  g_assert_true (g_file_set_contents ("/run/systemd/users/.#15000600001a2b", "", 0, NULL));
  g_assert_false (bothy_accounts_are_among (SPAN, &error));
  g_assert_true (g_file_set_contents ("/run/systemd/users/1500060000", "", 0, NULL));
  g_assert_true (bothy_accounts_are_among (SPAN, &error));
  g_assert_cmpint (unlink ("/run/systemd/users/1500060000"), ==, 0);
  g_assert_false (bothy_accounts_are_among (SPAN, &error));
  g_assert_no_error (error);
}

/* "There is none" is one answer, "I do not know" another. */
static void
test_nobody_or_unknown (void)
{
  g_assert_true (bothy_accounts_is_none (0));
  g_assert_true (bothy_accounts_is_none (ENOENT));
  g_assert_false (bothy_accounts_is_none (ECONNREFUSED));
  g_assert_false (bothy_accounts_is_none (EMFILE));
  g_assert_true (bothy_accounts_is_ours (16384 * 65536u, "bothy-16384-root"));
  g_assert_true (bothy_accounts_is_ours (16384 * 65536u + 65535, "bothy-16384-last"));
  g_assert_false (bothy_accounts_is_ours (16385 * 65536u, "bothy-16384-root"));
  g_assert_false (bothy_accounts_is_ours (16384 * 65536u, "bothy"));
}

/* ---- the machine's files ---- */

static void
expect_overlap (const char *path, const char *text, gboolean overlaps, gboolean fails)
{
  g_autoptr (GError) error = NULL;

  scratch_cover (path, text, strlen (text));
  if (bothy_conflicts_overlap (SPAN, &error) != overlaps)
    g_error ("%s: \"%s\": %s", path, text, overlaps ? "was not seen" : "is no overlap");
  if (fails) {
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
    g_assert_true (g_str_has_prefix (error->message, path));
  } else
    g_assert_no_error (error);
  scratch_uncover (path);
}

static void
test_subid_files (void)
{
  static const char *const paths[] = { "/etc/subuid", "/etc/subgid" };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
    expect_overlap (paths[i], "", FALSE, FALSE);
    expect_overlap (paths[i], "alice:100000:65536\n", FALSE, FALSE);
    expect_overlap (paths[i], "alice:1500053504:1\n", TRUE, FALSE);
    expect_overlap (paths[i], "alice:1500119039:1\n", TRUE, FALSE);
    expect_overlap (paths[i], "alice:1500119040:65536\n", FALSE, FALSE);
    expect_overlap (paths[i], "alice:1500000000:53504\n", FALSE, FALSE);
    expect_overlap (paths[i], "alice:1500000000:53505\n", TRUE, FALSE);
    expect_overlap (paths[i], "alice:0:4294967295\n", TRUE, FALSE);
    expect_overlap (paths[i], "alice:1500060000:5", TRUE, FALSE);
    expect_overlap (paths[i], "b:1:1\n1000:1500060000:5\n", TRUE, FALSE);
    expect_overlap (paths[i], "alice:oops:65536\n", TRUE, TRUE);
  }
}

static void
test_accounts (void)
{
  expect_overlap ("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", FALSE, FALSE);
  expect_overlap ("/etc/passwd", "a:x:1500053504:1::/:/bin/sh\n", TRUE, FALSE);
  expect_overlap ("/etc/passwd", "r:x:0:0::/:/bin/sh\na:x:1500060000:1::/:/bin/sh\n", TRUE, FALSE);
  expect_overlap ("/etc/passwd", "a:x:1500119039:1::/:/bin/sh\n", TRUE, FALSE);
  expect_overlap ("/etc/passwd", "a:x:1500119040:1::/:/bin/sh\n", FALSE, FALSE);
  expect_overlap ("/etc/group", "g:x:1500060000:\n", TRUE, FALSE);
  expect_overlap ("/etc/group", "g:x:1500119040:\n", FALSE, FALSE);
}

/* What is there but is not a readable file of a sane size: nothing is given out. */
static void
test_not_a_file (void)
{
  g_autofree char *large = g_strnfill (16 * 1024 * 1024 + 1, '#');
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mkfifo ("/run/fifo", 0600), ==, 0);
  g_assert_cmpint (mount ("/run/fifo", "/etc/subuid", NULL, MS_BIND, NULL), ==, 0);
  g_assert_true (bothy_conflicts_overlap (SPAN, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  scratch_uncover ("/etc/subuid");

  g_assert_cmpint (mount ("/dev/zero", "/etc/subuid", NULL, MS_BIND, NULL), ==, 0);
  g_assert_true (bothy_conflicts_overlap (SPAN, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  scratch_uncover ("/etc/subuid");

  scratch_cover ("/etc/subuid", large, strlen (large));
  g_assert_true (bothy_conflicts_overlap (SPAN, &error));
  g_assert_nonnull (error);
  scratch_uncover ("/etc/subuid");
}

/* Ten megabytes of what people may have, and one line at the end of it that counts. */
static void
test_ten_megabytes (void)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; text->len < 10 << 20; i++)
    g_string_append_printf (text, "user%u:%u:%u\n", i, 100000 + i % 1000 * 10, i % 12);
  expect_overlap ("/etc/subuid", text->str, FALSE, FALSE);
  g_string_append (text, "last:1500060000:1");
  expect_overlap ("/etc/subuid", text->str, TRUE, FALSE);
}

/* A link counts as what it leads to; one that leads nowhere is not "no lines". */
static void
test_link (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mkdir ("/run/etc", 0755), ==, 0);
  g_assert_cmpint (mount ("/run/etc", "/etc", NULL, MS_BIND, NULL), ==, 0);
  g_assert_false (bothy_conflicts_overlap (SPAN, &error));
  g_assert_no_error (error);
  g_assert_cmpint (symlink ("elsewhere", "/etc/subuid"), ==, 0);
  g_assert_true (bothy_conflicts_overlap (SPAN, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_true (g_file_set_contents ("/etc/elsewhere", "a:1500060000:1\n", -1, NULL));
  g_assert_true (bothy_conflicts_overlap (SPAN, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_set_contents ("/etc/elsewhere", "a:1:1\n", -1, NULL));
  g_assert_false (bothy_conflicts_overlap (SPAN, &error));
  g_assert_no_error (error);
  scratch_uncover ("/etc");
}

/* For the time that no file can be opened. */
static void
set_files (gboolean possible)
{
  static struct rlimit before;
  struct rlimit none;

  if (!possible)
    g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  none = before;
  none.rlim_cur = 0;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, possible ? &before : &none), ==, 0);
}

/* Nothing is known then, so nothing is given out, and nothing counts as given back. */
static void
test_nothing_can_be_read (void)
{
  g_autoptr (GError) error = NULL;

  set_files (FALSE);
  g_assert_true (bothy_conflicts_overlap (SPAN, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_true (bothy_conflicts_running (SPAN, &error));
  set_files (TRUE);
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_false (bothy_conflicts_overlap (SPAN, &error));
  g_assert_false (bothy_conflicts_running (SPAN, &error));
  g_assert_no_error (error);
}

/* Nothing of the file has to change for it to be readable again. */
static void
test_listed_again (void)
{
  g_autoptr (GError) error = NULL;

  scratch_cover ("/etc/subuid", "alice:100000:65536\n", 19);
  set_files (FALSE);
  g_assert_false (bothy_conflicts_check_listed (SPAN_FIRST, 65536, &error));
  set_files (TRUE);
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_true (bothy_conflicts_check_listed (SPAN_FIRST, 65536, &error));
  g_assert_no_error (error);
  g_assert_false (bothy_conflicts_check_listed (131072, 65536, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS);
  scratch_uncover ("/etc/subuid");
}

static void
write_map (pid_t pid, const char *file, const char *text)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", pid, file);
  autofd fd = open (path, O_WRONLY | O_CLOEXEC);

  if (fd < 0 || write (fd, text, strlen (text)) != (ssize_t)strlen (text))
    g_error ("%s: %s", path, g_strerror (errno));
}

static void
test_processes (void)
{
  g_autoptr (GError) error = NULL;
  int wire[2];
  char byte;
  pid_t child;

  g_assert_cmpint (pipe2 (wire, O_CLOEXEC), ==, 0);
  child = fork ();
  if (child == 0) {
    if (unshare (CLONE_NEWUSER) < 0 || write (wire[1], "x", 1) != 1)
      _exit (1);
    pause ();
    _exit (0);
  }
  g_assert_cmpint (read (wire[0], &byte, 1), ==, 1);
  g_assert_false (bothy_conflicts_overlap (SPAN, &error));
  write_map (child, "uid_map", "0 1500060000 1");
  g_assert_true (bothy_conflicts_overlap (SPAN, &error));
  g_assert_no_error (error);
  kill (child, SIGKILL);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
  g_assert_false (bothy_conflicts_overlap (SPAN, &error));
  close (wire[0]);
  close (wire[1]);
}

/* ---- many at once ---- */

static gpointer
look (gpointer data)
{
  for (guint i = 0; i < 10; i++) {
    gint64 first = SPAN_FIRST + 65536 * (gint64)(GPOINTER_TO_UINT (data) + 2);
    g_autoptr (GError) error = NULL;

    g_assert_false (bothy_conflicts_overlap ((BothyIdSpan){ first, first + 65535 }, &error));
    g_assert_no_error (error);
    g_assert_true (bothy_conflicts_overlap (SPAN, &error));
    g_assert_no_error (error);
  }
  return NULL;
}

/* Each take looks in a thread of its own; libsubid and fgetpwent(3) share what they read. */
static void
test_parallel (void)
{
  GThread *threads[16];
  g_autoptr (GString) subids = g_string_new (NULL);
  g_autoptr (GString) accounts = g_string_new ("root:x:0:0::/root:/bin/sh\n");

  for (guint i = 0; i < 200; i++) {
    g_string_append_printf (subids, "user%u:%u:10\n", i, 100000 + i * 10);
    g_string_append_printf (accounts, "user%u:x:%u:1::/:/bin/sh\n", i, 2000 + i);
  }
  g_string_append (accounts, "late:x:1500060000:1::/:/bin/sh\n");
  scratch_cover ("/etc/subuid", subids->str, subids->len);
  scratch_cover ("/etc/subgid", subids->str, subids->len);
  scratch_cover ("/etc/passwd", accounts->str, accounts->len);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("look", look, GUINT_TO_POINTER (i));
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  scratch_uncover ("/etc/subuid");
  scratch_uncover ("/etc/subgid");
  scratch_uncover ("/etc/passwd");
}

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/conflicts/RANGE-03-lines", test_lines);
  g_test_add_func ("/conflicts/RANGE-03-refused", test_refused);
  g_test_add_func ("/conflicts/RANGE-03-large", test_large);
  g_test_add_func ("/conflicts/RANGE-03-random", test_random);
  g_test_add_func ("/conflicts/RANGE-03-subid-files", test_subid_files);
  g_test_add_func ("/conflicts/RANGE-03-not-a-file", test_not_a_file);
  g_test_add_func ("/conflicts/RANGE-03-ten-megabytes", test_ten_megabytes);
  g_test_add_func ("/conflicts/RANGE-03-link", test_link);
  g_test_add_func ("/conflicts/RANGE-03-nothing-can-be-read", test_nothing_can_be_read);
  g_test_add_func ("/conflicts/RANGE-04-accounts", test_accounts);
  g_test_add_func ("/conflicts/RANGE-10-listed-again", test_listed_again);
  g_test_add_func ("/conflicts/RANGE-10-processes", test_processes);
  g_test_add_func ("/conflicts/RANGE-11-map", test_map);
  g_test_add_func ("/conflicts/RANGE-04-status", test_status);
  g_test_add_func ("/conflicts/RANGE-04-logged-in", test_logged_in);
  g_test_add_func ("/conflicts/RANGE-04-session", test_session);
  g_test_add_func ("/conflicts/RANGE-04-nobody-or-unknown", test_nobody_or_unknown);
  g_test_add_func ("/conflicts/RANGE-02-parallel", test_parallel);
  return g_test_run ();
}
