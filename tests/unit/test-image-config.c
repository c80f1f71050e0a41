/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an image says of its containers, and what comes of it. */

#include "scratch.h"

#include "core/container/defaults.h"
#include "base/error.h"

#include <signal.h>

static BothyImageConfig *
make (void)
{
  BothyImageConfig *self = bothy_image_config_new ();

  g_assert_true (bothy_image_config_take (self, BOTHY_IMAGE_CONFIG_ENVIRONMENT, "PATH=/bin", NULL));
  g_assert_true (bothy_image_config_take (self, BOTHY_IMAGE_CONFIG_ENVIRONMENT, "A=image;\n", NULL));
  g_assert_true (bothy_image_config_take (self, BOTHY_IMAGE_CONFIG_ENTRYPOINT, "/entry", NULL));
  g_assert_true (bothy_image_config_take (self, BOTHY_IMAGE_CONFIG_COMMAND, "one", NULL));
  g_assert_true (bothy_image_config_take (self, BOTHY_IMAGE_CONFIG_COMMAND, "", NULL));
  g_assert_true (bothy_image_config_take (self, BOTHY_IMAGE_CONFIG_USER, "www:1", NULL));
  g_assert_true (bothy_image_config_take (self, BOTHY_IMAGE_CONFIG_DIRECTORY, "/srv", NULL));
  g_assert_true (bothy_image_config_take (self, BOTHY_IMAGE_CONFIG_STOP_SIGNAL, "SIGQUIT", NULL));
  return self;
}

/* WORDS as one text, each with a blank behind it. */
static void
expect (char **words, const char *text)
{
  g_autoptr (GString) found = g_string_new (NULL);

  for (; *words; words++)
    g_string_append_printf (found, "%s ", *words);
  g_assert_cmpstr (found->str, ==, text);
}

static BothyContainerSpec *
spec_new (const char *command, const char *entrypoint)
{
  BothyContainerSpec *spec = g_new0 (BothyContainerSpec, 1);

  spec->command = command ? g_strsplit (command, " ", -1) : g_new0 (char *, 1);
  spec->entrypoint = !entrypoint ? NULL : *entrypoint ? g_strsplit (entrypoint, " ", -1) : g_new0 (char *, 1);
  spec->environment = g_strsplit ("A=mine B=2", " ", -1);
  spec->user = g_strdup ("");
  spec->working_directory = g_strdup ("");
  return spec;
}

static void
test_commands (void)
{
  static const struct {
    const char *command, *entrypoint, *result, *without;
  } cases[] = {
    { NULL, NULL, "/entry one  ", "" },
    { "x y", NULL, "/entry x y ", "x y " },
    { NULL, "/mine", "/mine ", "/mine " },
    { "x", "/mine", "/mine x ", "/mine x " },
    { NULL, "", "", "" },
    { "x", "", "x ", "x " },
  };
  g_autoptr (BothyImageConfig) defaults = make ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (BothyContainerSpec) spec = spec_new (cases[i].command, cases[i].entrypoint);
    g_autoptr (BothyContainerSpec) other = spec_new (cases[i].command, cases[i].entrypoint);

    bothy_defaults_apply (spec, defaults);
    expect (spec->command, cases[i].result);
    bothy_defaults_apply (other, NULL);
    expect (other->command, cases[i].without);
    expect (other->environment, "A=mine B=2 ");
  }
}

static void
test_the_rest (void)
{
  g_autoptr (BothyImageConfig) defaults = make ();
  g_autoptr (BothyContainerSpec) spec = spec_new (NULL, NULL);
  g_autoptr (BothyContainerSpec) other = spec_new (NULL, NULL);

  bothy_defaults_apply (spec, defaults);
  expect (spec->environment, "PATH=/bin A=mine B=2 ");
  g_assert_cmpstr (spec->user, ==, "www:1");
  g_assert_cmpstr (spec->working_directory, ==, "/srv");
  g_assert_cmpint (spec->stop_signal, ==, SIGQUIT);
  other->user = (g_free (other->user), g_strdup ("0"));
  other->working_directory = (g_free (other->working_directory), g_strdup ("/"));
  bothy_defaults_apply (other, defaults);
  g_assert_cmpstr (other->user, ==, "0");
  g_assert_cmpstr (other->working_directory, ==, "/");
}

static void
test_round_trip (void)
{
  g_autoptr (BothyImageConfig) defaults = make ();
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_autoptr (BothyImageConfig) other = NULL;
  g_autoptr (GVariant) before = g_variant_ref_sink (bothy_image_config_to_variant (defaults));
  g_autoptr (GVariant) after = NULL;

  g_assert_null (bothy_image_config_from_record (record));
  bothy_image_config_to_record (defaults, record);
  other = bothy_image_config_from_record (record);
  after = g_variant_ref_sink (bothy_image_config_to_variant (other));
  g_assert_true (g_variant_equal (before, after));
}

static void
test_signals (void)
{
  const struct {
    const char *text;
    int number;
  } signals[] = { { "SIGTERM", SIGTERM },
                  { "TERM", SIGTERM },
                  { "15", 15 },
                  { "SIGRTMIN+3", SIGRTMIN + 3 },
                  { "RTMIN+0", SIGRTMIN },
                  { "SIGRTMIN+31", 0 },
                  { "SIGRTMIN+-1", 0 },
                  { "0", 0 },
                  { "65", 0 },
                  { "term", 0 },
                  { "", 0 },
                  { "15 ", 0 } };

  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++) {
    g_autoptr (BothyImageConfig) defaults = bothy_image_config_new ();

    g_assert_true (bothy_image_config_take (defaults, BOTHY_IMAGE_CONFIG_STOP_SIGNAL, signals[i].text, NULL));
    g_assert_cmpint (defaults->stop_signal, ==, signals[i].number);
  }
}

static void
test_strange_values (void)
{
  static const struct {
    BothyImageConfigField which;
    const char *value;
  } refused[] = {
    { BOTHY_IMAGE_CONFIG_USER, "a\nb" }, { BOTHY_IMAGE_CONFIG_DIRECTORY, "relative" }, { 0, "x" }, { 7, "x" }
  };
  g_autoptr (BothyImageConfig) defaults = bothy_image_config_new ();
  g_autofree char *long_word = g_strnfill (70000, 'x');
  guint n = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (bothy_image_config_take (defaults, refused[i].which, refused[i].value, &error));
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE);
  }
  g_assert_false (bothy_image_config_take (defaults, BOTHY_IMAGE_CONFIG_COMMAND, long_word, NULL));
  g_assert_true (bothy_image_config_take (defaults, BOTHY_IMAGE_CONFIG_ENVIRONMENT, "no variable", NULL));
  g_assert_cmpuint (defaults->environment->len, ==, 1);
  while (bothy_image_config_take (defaults, BOTHY_IMAGE_CONFIG_COMMAND, "", NULL))
    g_assert_cmpuint (n++, <, 2000);
  g_assert_cmpuint (n, ==, 1024);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image-config/commands", test_commands);
  g_test_add_func ("/image-config/the-rest", test_the_rest);
  g_test_add_func ("/image-config/round-trip", test_round_trip);
  g_test_add_func ("/image-config/signals", test_signals);
  g_test_add_func ("/image-config/IMG-04-strange-values", test_strange_values);
  return g_test_run ();
}
