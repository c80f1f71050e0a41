/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an image says of its containers, and what comes of it. */

#include "scratch.h"

#include "core/container/defaults.h"
#include "base/error.h"
#include "base/validate.h"

#include <signal.h>
#include <string.h>

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
  /* " ": one empty word. */
  if (entrypoint && g_str_equal (entrypoint, " "))
    spec->entrypoint[1] = (g_free (spec->entrypoint[1]), NULL);
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
    { NULL, " ", "", "" },
    { "x", " ", "x ", "x " },
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

/* Of several of a name the last one counts, and NAME alone takes away what is below. */
static void
test_environment (void)
{
  static const char *const said[] = { "PATH=/old", "A=1", "my.name-x=1", "PATH=/new", "B=1", "A", "=x", "" };
  g_autoptr (BothyImageConfig) defaults = bothy_image_config_new ();
  g_autoptr (BothyContainerSpec) spec = spec_new (NULL, NULL);
  g_autoptr (BothyContainerSpec) bare = spec_new (NULL, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (said); i++)
    g_assert_true (bothy_image_config_take (defaults, BOTHY_IMAGE_CONFIG_ENVIRONMENT, said[i], NULL));
  expect ((char **)defaults->environment->pdata, "my.name-x=1 PATH=/new B=1 A ");
  bothy_defaults_apply (spec, defaults);
  expect (spec->environment, "my.name-x=1 PATH=/new A=mine B=2 ");
  g_strfreev (bare->environment);
  bare->environment = g_strsplit ("C=1 B C=2 A=x", " ", -1);
  bothy_defaults_apply (bare, defaults);
  expect (bare->environment, "my.name-x=1 PATH=/new B C=2 A=x ");
}

static void
test_directories (void)
{
  static const struct {
    const char *said, *kept;
  } cases[] = { { "/srv", "/srv" }, { "srv/app", "/srv/app" }, { "/a/../b//c/", "/b/c" },
                { "//x", "/x" },    { "../..", "/" },          { "", "" } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (BothyImageConfig) defaults = bothy_image_config_new ();

    g_assert_true (bothy_image_config_take (defaults, BOTHY_IMAGE_CONFIG_DIRECTORY, cases[i].said, NULL));
    g_assert_cmpstr (defaults->directory, ==, cases[i].kept);
  }
}

/* What does not make sense is left out. */
static void
test_extras (void)
{
  static const struct {
    BothyImageConfigField which;
    const char *value;
  } said[] = {
    { BOTHY_IMAGE_CONFIG_VOLUME, "/data" },
    { BOTHY_IMAGE_CONFIG_VOLUME, "rel/ative/" },
    { BOTHY_IMAGE_CONFIG_VOLUME, "/data/./" },
    { BOTHY_IMAGE_CONFIG_VOLUME, "/" },
    { BOTHY_IMAGE_CONFIG_VOLUME, "" },
    { BOTHY_IMAGE_CONFIG_PORT, "80" },
    { BOTHY_IMAGE_CONFIG_PORT, "80/tcp" },
    { BOTHY_IMAGE_CONFIG_PORT, "53/UDP" },
    { BOTHY_IMAGE_CONFIG_PORT, "8000-8010/tcp" },
    { BOTHY_IMAGE_CONFIG_PORT, "9000-9000" },
    { BOTHY_IMAGE_CONFIG_PORT, "0/tcp" },
    { BOTHY_IMAGE_CONFIG_PORT, "65536/tcp" },
    { BOTHY_IMAGE_CONFIG_PORT, "9-8/tcp" },
    { BOTHY_IMAGE_CONFIG_PORT, "1/sctp" },
    { BOTHY_IMAGE_CONFIG_PORT, "" },
    { BOTHY_IMAGE_CONFIG_PORT, "-" },
    { BOTHY_IMAGE_CONFIG_PORT, "/tcp" },
    { BOTHY_IMAGE_CONFIG_LABEL, "a=1" },
    { BOTHY_IMAGE_CONFIG_LABEL, "b=x=y" },
    { BOTHY_IMAGE_CONFIG_LABEL, "a=2" },
    { BOTHY_IMAGE_CONFIG_LABEL, "none" },
    { BOTHY_IMAGE_CONFIG_LABEL, "=x" },
    { BOTHY_IMAGE_CONFIG_HEALTH_TEST, "CMD" },
    { BOTHY_IMAGE_CONFIG_HEALTH_TEST, "/check" },
    { BOTHY_IMAGE_CONFIG_HEALTH_NUMBER, "Interval=1500000000" },
    { BOTHY_IMAGE_CONFIG_HEALTH_NUMBER, "Retries=3" },
    { BOTHY_IMAGE_CONFIG_HEALTH_NUMBER, "Interva=9" },
    { BOTHY_IMAGE_CONFIG_HEALTH_NUMBER, "Timeout=-1" },
    { BOTHY_IMAGE_CONFIG_HEALTH_NUMBER, "x" },
  };
  g_autoptr (BothyImageConfig) defaults = bothy_image_config_new ();
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_autoptr (BothyImageConfig) other = NULL;
  g_autoptr (GVariant) before = NULL;
  g_autoptr (GVariant) after = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (said); i++)
    g_assert_true (bothy_image_config_take (defaults, said[i].which, said[i].value, NULL));
  expect ((char **)defaults->volumes->pdata, "/data /rel/ative ");
  expect ((char **)defaults->ports->pdata, "80/tcp 53/udp 8000-8010/tcp 9000/tcp ");
  expect ((char **)defaults->labels->pdata, "b=x=y a=2 ");
  expect ((char **)defaults->health.test->pdata, "CMD /check ");
  g_assert_cmpuint (defaults->health.interval, ==, 1500000);
  g_assert_cmpuint (defaults->health.timeout, ==, 0);
  g_assert_cmpuint (defaults->health.retries, ==, 3);
  bothy_image_config_to_record (defaults, record);
  other = bothy_image_config_from_record (record);
  before = g_variant_ref_sink (bothy_image_config_to_variant (defaults));
  after = g_variant_ref_sink (bothy_image_config_to_variant (other));
  g_assert_true (g_variant_equal (before, after));
}

/* The fingerprint of an image that says nothing of volumes and the like is what it was before anybody read these. */
static void
test_nothing_new (void)
{
  g_autoptr (BothyImageConfig) defaults = make ();
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_auto (GStrv) keys = NULL;

  bothy_image_config_to_record (defaults, record);
  keys = g_key_file_get_keys (record, "Defaults", NULL, NULL);
  expect (keys, "Environment Entrypoint Command User Directory StopSignal ");
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
                  { "rtmin", SIGRTMIN },
                  { "SIGRTMAX", SIGRTMAX },
                  { "rtmax-2", SIGRTMAX - 2 },
                  { "SIGRTMIN+31", 0 },
                  { "SIGRTMIN+-1", 0 },
                  { "SIGRTMIN+", 0 },
                  { "RTMIN-1", 0 },
                  { "RTMAX+1", 0 },
                  { "SIGRTMAX-31", 0 },
                  { "RTMIN3", 0 },
                  { "SigInt", SIGINT },
                  { "winch", SIGWINCH },
                  { "SIGCLD", SIGCHLD },
                  { "IOT", SIGABRT },
                  { "poll", SIGPOLL },
                  { "IO", SIGIO },
                  { "SIGUNUSED", SIGSYS },
                  { "info", SIGPWR },
                  { "STKFLT", SIGSTKFLT },
                  { "SIGSIGTERM", 0 },
                  { "SIG", 0 },
                  { "0", 0 },
                  { "65", 0 },
                  { "term", SIGTERM },
                  { "", 0 },
                  { "15 ", 0 } };

  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++) {
    g_autoptr (BothyImageConfig) defaults = bothy_image_config_new ();

    g_assert_true (bothy_image_config_take (defaults, BOTHY_IMAGE_CONFIG_STOP_SIGNAL, signals[i].text, NULL));
    g_assert_cmpint (defaults->stop_signal, ==, signals[i].number);
  }
  for (int i = 1; i < SIGRTMIN; i++) {
    if (sigabbrev_np (i))
      g_assert_cmpint (bothy_parse_signal (sigabbrev_np (i)), ==, i);
  }
}

static void
test_strange_values (void)
{
  static const struct {
    BothyImageConfigField which;
    const char *value;
  } refused[] = { { BOTHY_IMAGE_CONFIG_USER, "a\nb" }, { 0, "x" }, { BOTHY_IMAGE_CONFIG_LABEL + 1, "x" } };
  g_autoptr (BothyImageConfig) defaults = bothy_image_config_new ();
  g_autofree char *long_word = g_strnfill (70000, 'x');
  guint n = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (bothy_image_config_take (defaults, refused[i].which, refused[i].value, &error));
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE);
  }
  g_assert_false (bothy_image_config_take (defaults, BOTHY_IMAGE_CONFIG_COMMAND, long_word, NULL));
  g_assert_true (bothy_image_config_take (defaults, BOTHY_IMAGE_CONFIG_ENVIRONMENT, "=no variable", NULL));
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
  g_test_add_func ("/image-config/environment", test_environment);
  g_test_add_func ("/image-config/directories", test_directories);
  g_test_add_func ("/image-config/extras", test_extras);
  g_test_add_func ("/image-config/nothing-new", test_nothing_new);
  g_test_add_func ("/image-config/the-rest", test_the_rest);
  g_test_add_func ("/image-config/round-trip", test_round_trip);
  g_test_add_func ("/image-config/signals", test_signals);
  g_test_add_func ("/image-config/IMG-04-strange-values", test_strange_values);
  return g_test_run ();
}
