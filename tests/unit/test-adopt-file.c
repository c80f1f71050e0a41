/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CONV-09: how bothy-unpack takes a configuration of another tool apart. */

#include <glib.h>
#include <string.h>

#include "backup.h"
#include "configuration.h"

static char lines[CONFIGURATION_MAX_TEXT];

static void
expect (gboolean sections, const char *text, const char *wanted)
{
  struct job job = JOB_INIT;
  size_t size;
  g_autofree char *found = NULL;

  job.request.flags = sections ? UNPACK_HAS_SECTIONS : 0;
  size = configuration_parse (&job, text, strlen (text), lines);
  found = g_strndup (lines, size);
  g_assert_cmpint (job.error, ==, wanted ? UNPACK_OK : UNPACK_BAD_ARCHIVE);
  g_assert_cmpstr (found, ==, wanted ? wanted : "");
}

static void
test_lxc (void)
{
  expect (FALSE, "", "");
  expect (FALSE, "# all\n\n  # of it\r\n", "");
  expect (FALSE, "lxc.uts.name = web\r\nlxc.arch=amd64", "lxc.uts.name=web\nlxc.arch=amd64\n");
  expect (FALSE, "a = \"q u\"\nb='x'\nc=\"x'\nd=\"\n", "a=q u\nb=x\nc=\"x'\nd=\"\n");
  expect (FALSE, "lxc.environment = A=b=c\n\tx =\n", "lxc.environment=A=b=c\nx=\n");
  expect (FALSE, "a = b\x01\x7f\x1b[m\n", "a=b   [m\n");
  expect (FALSE, "a = \xff\xc3\xa4\n", "a=\xff\xc3\xa4\n");
  expect (FALSE, "nonsense\n", NULL);
  expect (FALSE, "a = b\n= c\n", NULL);
  expect (FALSE, "a b = c\n", NULL);
  expect (FALSE, "a\x80 = c\n", NULL);
}

static void
test_sections (void)
{
  expect (TRUE, "[Exec]\nBoot=yes\n; no\n# no\n[Files]\nBind = /a:/b\n", "Exec.Boot=yes\nFiles.Bind=/a:/b\n");
  expect (TRUE, "[Exec]\nEnvironment=\"A=b\"\n", "Exec.Environment=\"A=b\"\n");
  expect (TRUE, "Boot=yes\n", NULL);
  expect (TRUE, "[Exec\nBoot=yes\n", NULL);
  expect (TRUE, "[]\nBoot=yes\n", NULL);
  expect (TRUE, "[\n", NULL);
}

/* What backup.yaml says; WANTED is NULL: it is none. */
static void
expect_backup (const char *text, const char *wanted)
{
  struct job job = JOB_INIT;
  size_t size = backup_parse (&job, text, strlen (text), lines);
  g_autofree char *found = g_strndup (lines, size);

  g_assert_cmpint (job.error, ==, wanted ? UNPACK_OK : UNPACK_BAD_ARCHIVE);
  g_assert_cmpstr (found, ==, wanted ? wanted : "");
}

static void
test_backup (void)
{
  g_autoptr (GString) deep = g_string_new (NULL);

  expect_backup ("", "");
  expect_backup ("container:\n  config: {a.b: \"1\"}\n  devices: {eth0: {type: nic}}\n",
                 "a.b=1\ndevices.eth0.type=nic\n");
  /* With the profiles', where they are; of an instance as well. */
  expect_backup (
      "instance:\n  config: {a: \"1\"}\n  expanded_config: {b: \"2\"}\n  devices: {x: {type: disk}}\n",
      "b=2\n");
  /* Neither of a snapshot, nor of the pool, nor of what is in a list. */
  expect_backup ("snapshots:\n- expanded_config: {a: \"1\"}\ncontainer: {name: x, profiles: [{config: {c: "
                 "d}}]}\npool: {config: {e: f}}\n",
                 "");
  /* A value is no other line, and a key that is none is left out. */
  expect_backup (
      "container:\n  config:\n    a: |\n      x\n      b=y\n    \"c d\": \"1\"\n    \"c=d\": \"1\"\n",
      "a=x b=y \n");
  expect_backup ("container: &x {config: {a: *x, b: \"1\"}}\n", "b=1\n");
  expect_backup ("container: [\n", NULL);
  for (int i = 0; i < 100; i++)
    g_string_append (deep, "{a: ");
  expect_backup (deep->str, NULL);
}

static void
test_bounds (void)
{
  struct job job = JOB_INIT;
  g_autofree char *key = g_strnfill (CONFIGURATION_MAX_KEY, 'k');
  g_autofree char *good = g_strconcat (key, "=\n", NULL);
  g_autofree char *bad = g_strconcat (key, "k=\n", NULL);
  g_autoptr (GString) sections = g_string_new ("[");

  expect (FALSE, good, good);
  expect (FALSE, bad, NULL);
  g_assert_cmpuint (configuration_parse (&job, "a=b\0c\n", 6, lines), ==, 0);
  g_assert_cmpint (job.error, ==, UNPACK_BAD_ARCHIVE);
  /* Sections are written before each key, so that a small file can become large. */
  g_string_append_printf (sections, "%s]\n", key);
  while (sections->len < CONFIGURATION_MAX_SIZE - 8)
    g_string_append (sections, "a=\n");
  expect (TRUE, sections->str, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/adopt-file/CONV-09-lxc", test_lxc);
  g_test_add_func ("/adopt-file/CONV-09-sections", test_sections);
  g_test_add_func ("/adopt-file/CONV-09-backup", test_backup);
  g_test_add_func ("/adopt-file/CONV-09-bounds", test_bounds);
  return g_test_run ();
}
