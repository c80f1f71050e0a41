/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What names of images mean, and which are none: ARG-01. */
#include "core/images/reference.h"

#include "base/error.h"

#include <string.h>

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
test_meaning (void)
{
  static const struct {
    const char *text, *remote, *registry, *name;
  } table[] = {
    { "debian/13", NULL, NULL, "debian/13" },
    { "images:debian/13", "images", NULL, "debian/13" },
    { "debian", NULL, NULL, "debian" },
    { "ubuntu:24.04", "ubuntu", NULL, "24.04" },
    { "docker.io/library/ubuntu:24.04", NULL, "docker.io", "library/ubuntu:24.04" },
    { "docker.io/ubuntu", NULL, "docker.io", "library/ubuntu:latest" },
    { "docker.io/a/b/c", NULL, "docker.io", "a/b/c:latest" },
    { "ghcr.io/x:V1_a.b-c", NULL, "ghcr.io", "x:V1_a.b-c" },
    { "quay.io/x/y@" DIGEST, NULL, "quay.io", "x/y@" DIGEST },
    { "quay.io/x/y:tag@" DIGEST, NULL, "quay.io", "x/y@" DIGEST },
    { "localhost/x", NULL, "localhost", "x:latest" },
    { "localhost:5000/x", NULL, "localhost:5000", "x:latest" },
    { "host:5000/x/y:1", NULL, "host:5000", "x/y:1" },
    { "127.0.0.1:5000/x", NULL, "127.0.0.1:5000", "x:latest" },
    { "work:team/app:V1", "work", NULL, "team/app:V1" },
    { "work:team/app@" DIGEST, "work", NULL, "team/app@" DIGEST },
    { "a.b/x__y--z.w", NULL, "a.b", "x__y--z.w:latest" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++) {
    g_auto (BothyReference) found = { 0 };
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", table[i].text);
    g_assert_true (bothy_reference_parse (table[i].text, &found, &error));
    g_assert_no_error (error);
    g_assert_cmpstr (found.remote, ==, table[i].remote);
    g_assert_cmpstr (found.registry, ==, table[i].registry);
    g_assert_cmpstr (found.name, ==, table[i].name);
    g_assert_true (bothy_reference_check_alias (table[i].text, NULL));
  }
}

/* What is no reference. */
static const char *const bad[] = {
  "",
  "/",
  "docker.io/",
  "docker.io//x",
  "docker.io/x/",
  "docker.io/X",
  "docker.io/x:",
  "docker.io/x:.a",
  "docker.io/x:-a",
  "docker.io/x:a b",
  "docker.io/x:a..b",
  "docker.io/x@",
  "docker.io/x@sha256:abc",
  "docker.io/x@sha512:" DIGEST,
  "docker.io/x@" DIGEST "0",
  "docker.io/x@" DIGEST "@" DIGEST,
  "docker.io/../x",
  "docker.io/x/../y",
  "docker.io/.x",
  "docker.io/x.",
  "docker.io/x..y",
  "docker.io/x___y",
  "docker.io/x?y",
  "docker.io/x#y",
  "docker.io/x%2e",
  "docker.io/x\ny",
  "docker.io:0/x",
  "docker.io:65536/x",
  "docker.io:080/x",
  "-a.b/X",
  "a..b/X",
  "user@docker.io/x",
  "https://docker.io/x",
  "Docker.io/x",
};

static void
test_none (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_auto (BothyReference) found = { 0 };
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", bad[i]);
    g_assert_false (bothy_reference_parse (bad[i], &found, &error));
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
    g_assert_null (found.name);
  }
  g_assert_false (bothy_reference_check_alias ("docker.io/X", NULL));
  g_assert_false (bothy_reference_check_alias ("docker.io/x/", NULL));
  g_assert_false (bothy_reference_check_alias ("x@y", NULL));
}

static void
test_lengths (void)
{
  g_autofree char *repository = g_strnfill (255, 'a');
  g_autofree char *tag = g_strnfill (128, 'A');
  g_autofree char *longest = g_strdup_printf ("docker.io/a/%.*s:%s", 253, repository, tag);
  g_autofree char *long_name = g_strdup_printf ("docker.io/a/%s", repository);
  g_autofree char *long_tag = g_strdup_printf ("docker.io/a:%sA", tag);
  g_auto (BothyReference) found = { 0 };

  g_assert_true (bothy_reference_parse (longest, &found, NULL));
  g_assert_false (bothy_reference_check_alias (long_name, NULL));
  g_assert_false (bothy_reference_check_alias (long_tag, NULL));
}

static void
test_canonical (void)
{
  static const char *const table[][2] = {
    { "docker.io/ubuntu", "docker.io/library/ubuntu:latest" },
    { "docker.io/library/ubuntu", "docker.io/library/ubuntu:latest" },
    { "docker.io/library/ubuntu:latest", "docker.io/library/ubuntu:latest" },
    { "quay.io/x:1@" DIGEST, "quay.io/x@" DIGEST },
    { "debian/13", "debian/13" },
    { "images:debian/13", "images:debian/13" },
    { "docker.io/X", "docker.io/X" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++) {
    g_autofree char *once = bothy_reference_canonical (table[i][0]);
    g_autofree char *twice = bothy_reference_canonical (once);

    g_assert_cmpstr (once, ==, table[i][1]);
    g_assert_cmpstr (twice, ==, once);
  }
}

static void
test_fingerprints (void)
{
  /* What reads as a fingerprint is one, and nobody's alias. */
  g_auto (BothyReference) found = { 0 };

  g_assert_true (bothy_reference_parse ("0123456789ab", &found, NULL));
  g_assert_false (bothy_reference_check_alias ("0123456789ab", NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/reference/meaning", test_meaning);
  g_test_add_func ("/reference/ARG-01-none", test_none);
  g_test_add_func ("/reference/lengths", test_lengths);
  g_test_add_func ("/reference/canonical", test_canonical);
  g_test_add_func ("/reference/fingerprints", test_fingerprints);
  return g_test_run ();
}
