/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "create/offer.h"

static AppOffer *
found (const char *text)
{
  g_autoptr (GVariant) properties = g_variant_ref_sink (g_variant_new_parsed (text));

  return app_offer_new_found (properties);
}

static void
test_of_a_catalogue (void)
{
  g_autoptr (AppOffer) offer =
      found ("{'remote': <'images'>, 'aliases': <['debian/13', 'debian/trixie']>, 'os': <'Debian'>, "
             "'release': <'trixie'>, "
             "'support-end': <'2028-06-30'>, 'key': <'ABCD'>, 'variant': <'default'>}");

  g_assert_cmpstr (app_offer_get_reference (offer), ==, "images:debian/13");
  g_assert_cmpstr (app_offer_get_title (offer), ==, "debian/13");
  g_assert_cmpstr (app_offer_get_detail (offer), ==, "Debian trixie · supported until 2028-06-30 · images");
  g_assert_true (app_offer_is_signed (offer));
  g_assert_false (app_offer_is_here (offer));
  g_assert_true (app_offer_matches (offer, "TRIXIE deb"));
  g_assert_true (app_offer_matches (offer, ""));
  g_assert_false (app_offer_matches (offer, "trixie ubuntu"));
}

static void
test_without_a_name (void)
{
  g_assert_null (found ("{'remote': <'images'>, 'os': <'Debian'>}"));
}

static void
test_of_a_registry (void)
{
  static const char *const others[] = { "debian/13", "nginx", "docker.io/", "docker.io", "", "a b.c/d" };
  g_autoptr (AppOffer) offer = app_offer_new_typed ("docker.io/library/nginx:1");
  g_autofree char *name = app_offer_dup_name (offer);

  g_assert_cmpstr (app_offer_get_reference (offer), ==, "docker.io/library/nginx:1");
  g_assert_cmpstr (name, ==, "nginx-1");
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    g_assert_null (app_offer_new_typed (others[i]));
}

static void
assert_name (const char *alias, const char *expected)
{
  g_autofree char *text = g_strdup_printf ("{'remote': <'r'>, 'aliases': <['%s']>}", alias);
  g_autoptr (AppOffer) offer = found (text);
  g_autofree char *name = app_offer_dup_name (offer);

  g_assert_cmpstr (name, ==, expected);
}

/* What comes out has to be what the service takes. */
static void
test_names (void)
{
  assert_name ("debian/13", "debian-13");
  assert_name ("Ubuntu/24.04/cloud", "cloud");
  assert_name ("--..--", "container");
  assert_name ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bcdef", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

/* An image is called after its file, whatever that is called. */
static void
test_plain_names (void)
{
  static const char *const names[][2] = {
    { "Debian 13 (copy)", "debian-13--copy" }, { "_web_", "web" }, { "é", "" }, { "", "" }
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *name = app_offer_plain_name (names[i][0]);

    g_assert_cmpstr (name, ==, names[i][1]);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/offer/of-a-catalogue", test_of_a_catalogue);
  g_test_add_func ("/app/offer/without-a-name", test_without_a_name);
  g_test_add_func ("/app/offer/of-a-registry", test_of_a_registry);
  g_test_add_func ("/app/offer/names", test_names);
  g_test_add_func ("/app/offer/plain-names", test_plain_names);
  return g_test_run ();
}
