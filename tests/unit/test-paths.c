/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names in object paths: one name has one path, and one path one name. */

#include "bus/paths.h"
#include "bus/names.h"
#include "base/validate.h"

#include <gio/gio.h>
#include <string.h>

static void
check_round_trip (const char *text)
{
  g_autofree char *label = bothy_path_escape (text);
  g_autofree char *path = g_strconcat ("/a/", label, NULL);
  g_autofree char *again = bothy_path_unescape (label);

  g_assert_true (g_variant_is_object_path (path));
  g_assert_null (strchr (label, '/'));
  g_assert_cmpstr (again, ==, text);
}

static void
test_known (void)
{
  static const struct {
    const char *text, *label;
  } known[] = {
    { "", "_" },       { "web", "web" },   { "web-1", "web_2d1" }, { "1web", "_31web" },
    { "_", "_5f" },    { "a_b", "a_5fb" }, { "A", "A" },           { "42", "_342" },
    { "\xff", "_ff" }, { "/", "_2f" },     { "..", "_2e_2e" },     { "a\nb", "a_0ab" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++) {
    g_autofree char *label = bothy_path_escape (known[i].text);

    g_assert_cmpstr (label, ==, known[i].label);
    check_round_trip (known[i].text);
  }
}

static void
test_random (void)
{
  for (guint round = 0; round < 100000; round++) {
    char text[24];
    int length = g_test_rand_int_range (0, sizeof text);

    for (int i = 0; i < length; i++)
      text[i] = (char)g_test_rand_int_range (1, 256);
    text[length] = '\0';
    check_round_trip (text);
  }
}

/* What unescape takes is what escape gives. */
static void
test_random_labels (void)
{
  static const char alphabet[] = "aZ09_fF2d-\xff";

  for (guint round = 0; round < 100000; round++) {
    char label[10];
    int length = g_test_rand_int_range (0, sizeof label);
    g_autofree char *text = NULL;
    g_autofree char *again = NULL;

    for (int i = 0; i < length; i++)
      label[i] = alphabet[g_test_rand_int_range (0, sizeof alphabet - 1)];
    label[length] = '\0';
    text = bothy_path_unescape (label);
    again = text ? bothy_path_escape (text) : NULL;
    if (text)
      g_assert_cmpstr (again, ==, label);
  }
}

static void
test_refused (void)
{
  static const char *const labels[] = { "",     "1a",   "a-b", "_2",  "_2g",   "a_",   "a__",
                                        "_61",  "a_61", "_2D", "_00", "a_00b", "_2/d", "a/b",
                                        "a_31", "\xc3", "_5F", "a b", "_ 1",   "_+1" };

  for (gsize i = 0; i < G_N_ELEMENTS (labels); i++) {
    g_autofree char *text = bothy_path_unescape (labels[i]);

    if (text)
      g_error ("\"%s\" is \"%s\"", labels[i], text);
  }
}

static void
test_container_path (void)
{
  static const char *const names[] = { "foo", "foobar", "foo-bar", "f", "1a", "a-1" };
  static const guint32 owners[] = { 0, 1, 10, 100, 1000, 10000, G_MAXINT32 };
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    for (gsize j = 0; j < G_N_ELEMENTS (owners); j++) {
      char *path = bothy_path_of_container (owners[j], names[i]);
      g_autofree char *name = NULL;
      guint32 owner;

      g_assert_true (g_variant_is_object_path (path));
      g_assert_true (bothy_path_parse_container (path, &owner, &name));
      g_assert_cmpuint (owner, ==, owners[j]);
      g_assert_cmpstr (name, ==, names[i]);
      g_assert_true (g_hash_table_add (seen, path));
    }
  }
}

static void
test_container_path_refused (void)
{
  static const char *const ends[] = {
    "",
    "/",
    "/u",
    "/u1000",
    "/u1000/",
    "/u/foo",
    "/1000/foo",
    "/u1000foo",
    "/u01000/foo",
    "/u+1000/foo",
    "/u-1/foo",
    "/u2147483648/foo",
    "/u4294967295/foo",
    "/u1000/foo/",
    "/u1000/foo/bar",
    "/u1000/_2e_2e",
    "/u1000/_",
    "/u1000/Foo",
    "/u1000/a_2d",
    "/u1000/root",
    "/u1000/_34_32",
    "/u1000/f_6fo",
    "/u1e3/foo",
    "/u 1000/foo",
    "/u0x3e8/foo",
    "s/u1000/foo",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (ends); i++) {
    g_autofree char *path = g_strconcat (BOTHY_CONTAINER_PATH, ends[i], NULL);
    g_autofree char *name = NULL;
    guint32 owner;

    if (bothy_path_parse_container (path, &owner, &name))
      g_error ("%s was taken", path);
    g_assert_null (name);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/paths/known", test_known);
  g_test_add_func ("/paths/round-trip", test_random);
  g_test_add_func ("/paths/random-labels", test_random_labels);
  g_test_add_func ("/paths/refused", test_refused);
  g_test_add_func ("/paths/OBJ-05-container-path", test_container_path);
  g_test_add_func ("/paths/OBJ-05-container-path-refused", test_container_path_refused);
  return g_test_run ();
}
