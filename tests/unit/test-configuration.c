/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bothyd.conf: a limit that was mistyped must not turn into no limit. */

#include "scratch.h"

#include "base/configuration.h"
#include "base/error.h"

#define NO_FILE "/run/no-such-file"

static BothyConfiguration *
load (const char *vendor, const char *own, GError **error)
{
  g_assert_true (g_file_set_contents ("/run/vendor.conf", vendor ? vendor : "", -1, NULL));
  g_assert_true (g_file_set_contents ("/run/own.conf", own ? own : "", -1, NULL));
  return bothy_configuration_load (vendor ? "/run/vendor.conf" : NO_FILE, own ? "/run/own.conf" : NO_FILE,
                                   error);
}

static void
test_preset (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyConfiguration) none = load (NULL, NULL, &error);
  g_autoptr (BothyConfiguration) empty = load ("", "# [Quota]\n\n", &error);

  g_assert_no_error (error);
  g_assert_cmpmem (none, sizeof *none, empty, sizeof *empty);
  g_assert_cmpuint (none->range_base, ==, 0x40000000);
  g_assert_cmpuint (none->range_count, ==, 12288);
  g_assert_cmpuint (none->max_containers, ==, 64);
  g_assert_cmpuint (none->max_image_bytes, ==, G_GUINT64_CONSTANT (20) << 30);
}

static void
test_order (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyConfiguration) merged = load ("[Quota]\nContainers=5\nOperations=6\n",
                                                "[Quota]\nContainers=7\n[Service]\nIdleSeconds=0\n", &error);

  g_assert_no_error (error);
  g_assert_cmpuint (merged->max_containers, ==, 7);
  g_assert_cmpuint (merged->max_operations, ==, 6);
  g_assert_cmpuint (merged->idle_seconds, ==, 0);
  g_assert_cmpuint (merged->max_processes, ==, 256);
}

static void
test_refused (void)
{
  static const struct {
    const char *text, *named;
  } files[] = {
    { "[Quota]\nContainer=5\n", "Container is not a setting" },
    { "[Quota]\ncontainers=5\n", "containers is not a setting" },
    { "[Quotas]\nContainers=5\n", "[Quotas] Containers" },
    { "[Quota]\nContainers[de]=5\n", "Containers[de]" },
    { "[Quota]\nContainers=\n", "[Quota] Containers" },
    { "[Quota]\nContainers=many\n", "[Quota] Containers" },
    { "[Quota]\nContainers=-1\n", "[Quota] Containers" },
    { "[Quota]\nContainers=+1\n", "[Quota] Containers" },
    { "[Quota]\nContainers=1e3\n", "[Quota] Containers" },
    { "[Quota]\nContainers=1 # one\n", "[Quota] Containers" },
    { "[Quota]\nContainers=12289\n", "[Quota] Containers" },
    { "[Quota]\nContainers=18446744073709551616\n", "[Quota] Containers" },
    { "[Quota]\nOperations=0\n", "[Quota] Operations" },
    { "[Quota]\nImageBytes=20G\n", "[Quota] ImageBytes" },
    { "[Quota]\nImageBytes=9223372036854775808\n", "[Quota] ImageBytes" },
    { "[Service]\nIdleSeconds=86401\n", "[Service] IdleSeconds" },
    { "[Network]\nSubnet=256\n", "[Network] Subnet" },
    { "Containers=5\n", "own.conf" },
    { "[Quota\nContainers=5\n", "own.conf" },
    { "[Quota]\nContainers\n", "own.conf" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (BothyConfiguration) self = load (NULL, files[i].text, &error);

    if (self)
      g_error ("%s was taken", files[i].text);
    g_assert_nonnull (error);
    if (!strstr (error->message, files[i].named) || !strstr (error->message, "own.conf"))
      g_error ("\"%s\" does not name %s", error->message, files[i].named);
  }
}

static void
test_vendor_refused (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (load ("[Nothing]\nA=1\n", NULL, &error));
  g_assert_nonnull (strstr (error->message, "vendor.conf"));
}

static void
test_range_ends (void)
{
  static const struct {
    const char *base, *count;
    gboolean fits;
  } pools[] = {
    { "524288", "1", TRUE },          { "524287", "1", FALSE },     { "65536", "1", FALSE },
    { "524289", "1", FALSE },         { "1879048191", "1", FALSE }, { "1878982656", "1", TRUE },
    { "1878982656", "2", FALSE },     { "524288", "28664", TRUE },  { "589824", "28664", FALSE },
    { "524288", "28665", FALSE },     { "4294901760", "1", FALSE }, { "4294967295", "1", FALSE },
    { "2147352576", "1", FALSE },     { "1073741824", "0", FALSE }, { "0", "1", FALSE },
    { "1073741824", "65536", FALSE }, { "4294967296", "1", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pools); i++) {
    g_autofree char *text = g_strdup_printf ("[Ranges]\nBase=%s\nCount=%s\n", pools[i].base, pools[i].count);
    g_autoptr (GError) error = NULL;
    g_autoptr (BothyConfiguration) self = load (NULL, text, &error);

    if ((self != NULL) != pools[i].fits)
      g_error ("%s: %s", text, error ? error->message : "taken");
    g_assert_cmpint (error == NULL, ==, pools[i].fits);
  }
}

/* What is no file must not be taken for a missing one. */
static void
test_no_file (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (bothy_configuration_load (NO_FILE, "/run", &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_null (load (NULL, "[Quota]\nContainers=\xff\xfe\n", &error));
  g_assert_nonnull (error);
}

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/configuration/preset", test_preset);
  g_test_add_func ("/configuration/order", test_order);
  g_test_add_func ("/configuration/refused", test_refused);
  g_test_add_func ("/configuration/vendor-refused", test_vendor_refused);
  g_test_add_func ("/configuration/no-file", test_no_file);
  g_test_add_func ("/configuration/RANGE-11-ends", test_range_ends);
  return g_test_run ();
}
