/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What bothy-fetch understands of what registries say: IMG-04, IMG-05. */
#include <glib.h>
#include <string.h>

#include "address.h"
#include "challenge.h"
#include "images/json/digest.h"
#include "images/json/manifest.h"
#include "images/json/platform.h"
#include "url.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define A64      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHORT    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define INDEX    "application/vnd.oci.image.index.v1+json"
#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define SCHEMA2  "application/vnd.docker.distribution.manifest.v2+json"
#define CONFIG   "application/vnd.oci.image.config.v1+json"
#define LAYER    "application/vnd.oci.image.layer.v1.tar+gzip"

/* ---- challenges ---- */

static void
test_challenges (void)
{
  static const struct {
    const char *text, *realm, *service;
    gboolean is_basic;
  } table[] = {
    { "Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull\"", "https://a/t", "s", FALSE },
    { "bearer REALM=\"https://a/t\" , Service=s", "https://a/t", "s", FALSE },
    { "Basic realm=\"x\"", NULL, NULL, TRUE },
    { "Basic realm=\"x\", Bearer realm=\"https://a/t\"", "https://a/t", NULL, TRUE },
    { "Bearer realm=\"https://a/t\",error=\"a, b=c\", Basic realm=\"x\"", "https://a/t", NULL, TRUE },
    { "Negotiate abc==, Bearer realm=\"https://a/t\"", "https://a/t", NULL, FALSE },
    { "Bearer realm=\"a\\\"b\"", "a\"b", NULL, FALSE },
    { "Bearer realm=\"https://a\", Bearer realm=\"https://b\",service=\"c\"", "https://a", NULL, FALSE },
    { "Digest realm=\"x\",nonce=\"y\"", NULL, NULL, FALSE },
    { "", NULL, NULL, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++) {
    g_auto (Challenge) found = { 0 };

    g_test_message ("%s", table[i].text);
    g_assert_true (challenge_parse (table[i].text, &found));
    g_assert_cmpstr (found.realm, ==, table[i].realm);
    g_assert_cmpstr (found.service, ==, table[i].service);
    g_assert_cmpint (found.is_basic, ==, table[i].is_basic);
  }
}

static void
test_bad_challenges (void)
{
  static const char *const bad[] = { "Bearer realm=\"x",
                                     "Bearer realm=\"x\\",
                                     "Bearer realm=\"x\"y",
                                     "(",
                                     "Bearer {",
                                     "Bearer realm=\"x\";service=\"y\"" };
  g_autofree char *long_text = g_strnfill (5000, 'a');

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_auto (Challenge) found = { 0 };

    g_test_message ("%s", bad[i]);
    g_assert_false (challenge_parse (bad[i], &found));
    g_assert_null (found.realm);
  }
  g_assert_false (challenge_parse (long_text, &(Challenge){ 0 }));
}

static void
test_token_url (void)
{
  const Challenge plain = { .realm = (char *)"https://a/t", .service = (char *)"a b&c" };
  const Challenge query = { .realm = (char *)"https://a/t?x=y" };
  g_autofree char *first = challenge_token_url (&plain, "library/x", "pull");
  g_autofree char *second = challenge_token_url (&query, "x", "pull");

  g_assert_cmpstr (first, ==, "https://a/t?service=a%20b%26c&scope=repository:library/x:pull");
  g_assert_cmpstr (second, ==, "https://a/t?x=y&scope=repository:x:pull");
}

/* ---- manifests ---- */

static gboolean
parse (const char *text, const char *type, Manifest *ret, GError **error)
{
  return manifest_parse (text, strlen (text), type, "x86_64", ret, error);
}

static char *
index_of (const char *children)
{
  return g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[%s]}", children);
}

static char *
child (const char *digest, const char *platform)
{
  return g_strdup_printf ("{\"mediaType\":\"" MANIFEST
                          "\",\"size\":7,\"digest\":\"sha256:%s\",\"platform\":{%s}}",
                          digest, platform);
}

#define AMD64   "\"os\":\"linux\",\"architecture\":\"amd64\""
#define ARM64   "\"os\":\"linux\",\"architecture\":\"arm64\""
#define WINDOWS "\"os\":\"windows\",\"architecture\":\"amd64\""
#define NOBODY  "\"os\":\"unknown\",\"architecture\":\"unknown\""

static void
test_index (void)
{
  g_autofree char *amd64 = child (A64, AMD64), *arm64 = child (B64, ARM64), *windows = child (B64, WINDOWS),
                  *nobody = child (B64, NOBODY), *v3 = child (B64, AMD64 ",\"variant\":\"v3\"");
  g_autofree char *children = g_strjoin (",", nobody, arm64, windows, v3, amd64, NULL);
  g_autofree char *text = index_of (children);
  g_autofree char *others = index_of (arm64);
  static const char *const types[] = { INDEX, LIST, INDEX "; charset=utf-8" };
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (types); i++) {
    g_auto (Manifest) found = { 0 };

    g_assert_true (parse (text, types[i], &found, NULL));
    g_assert_true (found.is_index);
    g_assert_cmpstr (found.chosen.digest, ==, A64);
    g_assert_cmpuint (found.chosen.size, ==, 7);
  }
  g_assert_false (parse (others, INDEX, &(Manifest){ 0 }, &error));
  g_assert_error (error, FETCH_ERROR, FETCH_UNSUPPORTED);
}

static char *
manifest_of (const char *config_type, const char *layers)
{
  return g_strdup_printf (
      "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"%s\",\"size\":2,\"digest\":\"sha256:" A64
      "\"},\"layers\":[%s]}",
      config_type, layers);
}

#define ONE_LAYER "{\"mediaType\":\"" LAYER "\",\"size\":5,\"digest\":\"sha256:" B64 "\"}"

static void
test_manifest (void)
{
  g_autofree char *text = manifest_of (CONFIG, ONE_LAYER "," ONE_LAYER);
  g_auto (Manifest) found = { 0 };
  const Descriptor *layer;

  g_assert_true (parse (text, MANIFEST, &found, NULL));
  g_assert_false (found.is_index);
  g_assert_cmpstr (found.config.digest, ==, A64);
  g_assert_cmpuint (found.layers->len, ==, 2);
  layer = &g_array_index (found.layers, Descriptor, 1);
  g_assert_cmpstr (layer->digest, ==, B64);
  g_assert_cmpuint (layer->size, ==, 5);
}

static void
test_bad_manifests (void)
{
  static const struct {
    const char *config, *layers;
    enum fetch_error code;
  } table[] = {
    { CONFIG, "", FETCH_REFUSED },
    { CONFIG, "7", FETCH_REFUSED },
    { CONFIG, "{}", FETCH_REFUSED },
    { "application/vnd.cncf.helm.config.v1+json", ONE_LAYER, FETCH_UNSUPPORTED },
    { CONFIG,
      "{\"mediaType\":\"" LAYER "\",\"size\":5,\"digest\":\"sha256:" B64 "\",\"urls\":[\"https://x\"]}",
      FETCH_UNSUPPORTED },
    { CONFIG, "{\"mediaType\":\"" LAYER "+encrypted\",\"size\":5,\"digest\":\"sha256:" B64 "\"}",
      FETCH_UNSUPPORTED },
    { CONFIG, "{\"mediaType\":\"" LAYER "\",\"size\":5,\"digest\":\"sha512:" B64 "\"}", FETCH_REFUSED },
    { CONFIG, "{\"mediaType\":\"" LAYER "\",\"size\":-5,\"digest\":\"sha256:" B64 "\"}", FETCH_REFUSED },
    { CONFIG, "{\"mediaType\":\"" LAYER "\",\"size\":1000000000000,\"digest\":\"sha256:" B64 "\"}",
      FETCH_REFUSED },
    { CONFIG, "{\"mediaType\":\"" LAYER "\",\"size\":\"5\",\"digest\":\"sha256:" B64 "\"}", FETCH_REFUSED },
    { CONFIG, "{\"mediaType\":\"" LAYER "\",\"size\":5,\"digest\":\"sha256:../" B64 "\"}", FETCH_REFUSED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++) {
    g_autofree char *text = manifest_of (table[i].config, table[i].layers);
    g_auto (Manifest) found = { 0 };
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", text);
    g_assert_false (parse (text, MANIFEST, &found, &error));
    g_assert_error (error, FETCH_ERROR, (int)table[i].code);
  }
}

static void
test_too_many (void)
{
  g_autoptr (GString) children = g_string_new ("7");
  g_autoptr (GString) layers = g_string_new (ONE_LAYER);
  g_autofree char *index = NULL, *manifest = NULL;

  for (guint i = 0; i < 2000; i++) {
    g_string_append (children, ",7");
    g_string_append (layers, "," ONE_LAYER);
  }
  index = index_of (children->str);
  manifest = manifest_of (CONFIG, layers->str);
  g_assert_false (parse (index, INDEX, &(Manifest){ 0 }, NULL));
  g_assert_false (parse (manifest, MANIFEST, &(Manifest){ 0 }, NULL));
}

static void
test_types (void)
{
  g_autofree char *manifest = manifest_of (CONFIG, ONE_LAYER);
  g_autofree char *both = g_strdup_printf ("%.*s,\"manifests\":[]}", (int)strlen (manifest) - 1, manifest);
  g_autofree char *other =
      g_strdup_printf ("%.*s,\"mediaType\":\"" INDEX "\"}", (int)strlen (manifest) - 1, manifest);
  g_autofree char *old = g_strdup ("{\"schemaVersion\":1,\"fsLayers\":[]}");
  g_autofree char *deep = g_strnfill (100000, '[');
  const char *const bad[] = { both, other, old, deep, "", "null", "[]", "{}", "\xff" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_auto (Manifest) found = { 0 };

    g_assert_false (parse (bad[i], MANIFEST, &found, NULL));
  }
  g_assert_false (parse (manifest, "text/html", &(Manifest){ 0 }, NULL));
  g_assert_false (parse (manifest, INDEX, &(Manifest){ 0 }, NULL));
}

/* ---- configurations ---- */

#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" A64 "\",\"sha256:" B64 "\"]}"

static gboolean
parse_config (const char *text, Config *ret)
{
  return config_parse (text, strlen (text), "x86_64", ret, NULL);
}

static void
test_config (void)
{
  g_auto (Config) found = { 0 };
  const char *const values[] = { "A=b",           "C=d",    "/e",     "sh",        "-c",
                                 "nobody",        "/w",     "SIGINT", "CMD-SHELL", "true",
                                 "Interval=5000", "80/tcp", "a=b",    "c=" };
  const enum fetch_setting settings[] = { FETCH_SETTING_ENV,           FETCH_SETTING_ENV,
                                          FETCH_SETTING_ENTRYPOINT,    FETCH_SETTING_CMD,
                                          FETCH_SETTING_CMD,           FETCH_SETTING_USER,
                                          FETCH_SETTING_DIRECTORY,     FETCH_SETTING_STOP_SIGNAL,
                                          FETCH_SETTING_HEALTH_TEST,   FETCH_SETTING_HEALTH_TEST,
                                          FETCH_SETTING_HEALTH_NUMBER, FETCH_SETTING_PORT,
                                          FETCH_SETTING_LABEL,         FETCH_SETTING_LABEL };

  g_assert_true (parse_config (
      "{" AMD64 "," ROOTFS ",\"config\":{\"Env\":[\"A=b\",\"C=d\"],\"Entrypoint\":[\"/e\"],"
      "\"Cmd\":[\"sh\",\"-c\"],\"User\":\"nobody\",\"WorkingDir\":\"/w\",\"Volumes\":null,"
      "\"StopSignal\":\"SIGINT\",\"ExposedPorts\":{\"80/tcp\":{}},\"Labels\":{\"a\":\"b\",\"c\":7},"
      "\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"true\"],\"Interval\":5000,\"Retries\":0}}}",
      &found));
  g_assert_cmpuint (found.n_layers, ==, 2);
  g_assert_cmpstr (found.diff_ids, ==, A64);
  g_assert_cmpstr (found.diff_ids + 65, ==, B64);
  g_assert_cmpuint (found.settings->len, ==, G_N_ELEMENTS (values));
  for (gsize i = 0; i < G_N_ELEMENTS (values); i++) {
    const char *setting = found.settings->pdata[i];

    g_assert_cmpint (setting[0], ==, settings[i]);
    g_assert_cmpstr (setting + 1, ==, values[i]);
  }
}

/* What is too much of what a container can do without is left out; one text in place of a list is one word. */
static void
test_config_extras (void)
{
  g_autofree char *many = g_strnfill (20000, 'x');
  g_autofree char *text = g_strdup_printf (
      "{" AMD64 "," ROOTFS ",\"config\":{\"Entrypoint\":\"one word\",\"Cmd\":\"\",\"Labels\":{\"l\":\"%s\","
      "\"%s\":\"l\",\"small\":\"1\"},\"Healthcheck\":{\"Test\":[\"CMD\",\"%s\"],\"Retries\":1}}}",
      many, many, many);
  g_auto (Config) found = { 0 };

  g_assert_true (parse_config (text, &found));
  g_assert_cmpuint (found.settings->len, ==, 2);
  g_assert_cmpstr ((const char *)found.settings->pdata[0] + 1, ==, "one word");
  g_assert_cmpint (*(const char *)found.settings->pdata[0], ==, FETCH_SETTING_ENTRYPOINT);
  g_assert_cmpstr ((const char *)found.settings->pdata[1] + 1, ==, "small=1");
}

static void
test_configs (void)
{
  static const char *const good[] = { "{" AMD64 "," ROOTFS "}", "{" AMD64 "," ROOTFS ",\"config\":null}",
                                      "{" AMD64 "," ROOTFS ",\"config\":{\"Cmd\":null,\"Env\":null}}" };
  static const char *const bad[] = { "{" AMD64 "}",
                                     "{" ARM64 "," ROOTFS "}",
                                     "{" WINDOWS "," ROOTFS "}",
                                     "{" ROOTFS "}",
                                     "{" AMD64 ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
                                     "{" AMD64 ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[7]}}",
                                     "{" AMD64
                                     ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:x\"]}}",
                                     "{" AMD64 "," ROOTFS ",\"config\":{\"Env\":[7]}}",
                                     "[]" };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
    g_auto (Config) found = { 0 };

    g_assert_true (parse_config (good[i], &found));
    g_assert_cmpuint (found.settings->len, ==, 0);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_auto (Config) found = { 0 };

    g_test_message ("%s", bad[i]);
    g_assert_false (parse_config (bad[i], &found));
  }
}

static void
test_platforms (void)
{
  g_assert_cmpuint (platform_rank ("x86_64", "linux", "amd64", ""), >, 0);
  g_assert_cmpuint (platform_rank ("x86_64", "linux", "amd64", "v3"), ==, 0);
  g_assert_cmpuint (platform_rank ("x86_64", "linux", "386", ""), ==, 0);
  g_assert_cmpuint (platform_rank ("x86_64", "windows", "amd64", ""), ==, 0);
  g_assert_cmpuint (platform_rank ("aarch64", "linux", "arm64", "v8"), >, 0);
  g_assert_cmpuint (platform_rank ("armv7l", "linux", "arm", "v7"), >,
                    platform_rank ("armv7l", "linux", "arm", "v6"));
  g_assert_cmpuint (platform_rank ("armv6l", "linux", "arm", "v7"), ==, 0);
  g_assert_cmpuint (platform_rank ("vax", "linux", "vax", ""), ==, 0);
}

/* ---- digests, URLs, addresses ---- */

static void
test_digests (void)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("abc", 3);
  g_autoptr (GBytes) other = g_bytes_new_static ("abd", 3);
  const char *digits =
      digest_parse ("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");

  g_assert_nonnull (digits);
  g_assert_true (digest_matches (bytes, digits));
  g_assert_false (digest_matches (other, digits));
  g_assert_null (digest_parse ("sha256:" A64 "a"));
  g_assert_null (digest_parse ("sha256:" SHORT "A"));
  g_assert_null (digest_parse ("sha256:" SHORT "g"));
  g_assert_null (digest_parse ("sha256:" SHORT));
  g_assert_null (digest_parse ("sha256:" A64 "g"));
  g_assert_null (digest_parse ("sha256:" A64 "/../x"));
  g_assert_null (digest_parse ("sha512:" A64));
  g_assert_null (digest_parse ("md5:" A64));
  g_assert_null (digest_parse (""));
}

/* A token goes to the port that it is for, and to no other. */
static void
test_origins (void)
{
  static const struct {
    const char *one, *other;
    gboolean same;
  } table[] = { { "https://a/x", "https://a:443/y", TRUE }, { "https://A/x", "https://a/", TRUE },
                { "https://a/", "http://a/", FALSE },       { "https://a/", "https://a:444/", FALSE },
                { "https://a/", "https://a.b/", FALSE },    { "https://a/", "https://b.a/", FALSE },
                { "https://a:80/", "http://a:80/", FALSE } };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++) {
    g_auto (UrlOrigin) one = { 0 };
    g_auto (UrlOrigin) other = { 0 };

    g_assert_true (url_parse (table[i].one, &one, NULL) && url_parse (table[i].other, &other, NULL));
    g_assert_cmpint (url_is_same_origin (&one, &other), ==, table[i].same);
  }
}

static void
test_addresses (void)
{
  static const struct {
    const char *text;
    Reach reach;
  } table[] = {
    { "127.0.0.1", REACH_LOOPBACK },
    { "0.0.0.0", REACH_LOOPBACK },
    { "::1", REACH_LOOPBACK },
    { "10.1.2.3", REACH_PRIVATE },
    { "192.168.0.1", REACH_PRIVATE },
    { "172.16.0.1", REACH_PRIVATE },
    { "100.64.0.1", REACH_PRIVATE },
    { "fd00::1", REACH_PRIVATE },
    { "169.254.169.254", REACH_NONE },
    { "fe80::1", REACH_NONE },
    { "ff02::1", REACH_NONE },
    { "::ffff:169.254.169.254", REACH_NONE },
    { "::ffff:10.0.0.1", REACH_PRIVATE },
    { "::ffff:127.0.0.1", REACH_LOOPBACK },
    { "::", REACH_LOOPBACK },
    { "127.255.255.255", REACH_LOOPBACK },
    { "0.1.2.3", REACH_LOOPBACK },
    { "172.31.255.255", REACH_PRIVATE },
    { "100.127.255.255", REACH_PRIVATE },
    { "224.0.0.1", REACH_PRIVATE },
    { "255.255.255.255", REACH_PRIVATE },
    { "fc00::1", REACH_PRIVATE },
    { "169.254.0.1", REACH_NONE },
    { "febf::1", REACH_NONE },
    { "ff0e::1", REACH_NONE },
    { "1.0.0.1", REACH_PUBLIC },
    { "9.255.255.255", REACH_PUBLIC },
    { "11.0.0.1", REACH_PUBLIC },
    { "126.255.255.255", REACH_PUBLIC },
    { "128.0.0.1", REACH_PUBLIC },
    { "172.15.255.255", REACH_PUBLIC },
    { "172.32.0.1", REACH_PUBLIC },
    { "192.167.255.255", REACH_PUBLIC },
    { "192.169.0.1", REACH_PUBLIC },
    { "100.63.255.255", REACH_PUBLIC },
    { "100.128.0.1", REACH_PUBLIC },
    { "169.253.255.255", REACH_PUBLIC },
    { "169.255.0.1", REACH_PUBLIC },
    { "223.255.255.255", REACH_PUBLIC },
    { "::ffff:192.0.2.1", REACH_PUBLIC },
    { "192.0.2.1", REACH_PUBLIC },
    { "2001:db8::1", REACH_PUBLIC },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++) {
    struct sockaddr_storage address = { 0 };
    gboolean v6 = strchr (table[i].text, ':') != NULL;
    void *to = v6 ? (void *)&((struct sockaddr_in6 *)(void *)&address)->sin6_addr
                  : (void *)&((struct sockaddr_in *)(void *)&address)->sin_addr;

    g_test_message ("%s", table[i].text);
    address.ss_family = v6 ? AF_INET6 : AF_INET;
    g_assert_cmpint (inet_pton (address.ss_family, table[i].text, to), ==, 1);
    g_assert_cmpint (address_reach ((struct sockaddr *)&address), ==, table[i].reach);
  }
  g_assert_cmpint (address_reach (&(struct sockaddr){ .sa_family = AF_UNIX }), ==, REACH_NONE);
}

/* ---- which URLs are followed ---- */

static UrlOrigin
origin_of (const char *url)
{
  UrlOrigin origin = { 0 };

  g_assert_true (url_parse (url, &origin, NULL));
  return origin;
}

static void
test_urls (void)
{
  static const char *const good[] = { "http://a", "https://a.example:444/x?y=z", "HTTPS://A/",
                                      "http://127.0.0.1:80", "https://[::1]:443/" };
  static const char *const bad[] = { "",
                                     "a.example",
                                     "//a",
                                     "ftp://a/",
                                     "file:///etc/passwd",
                                     "gopher://a",
                                     "https://",

                                     "https://u@a/",
                                     "https://u:p@a/",
                                     "https://:p@a/",
                                     "https://a:70000/",
                                     "https://a b/",
                                     "javascript:x",
                                     "https://a:x/" };
  g_autofree char *longest = g_strdup_printf ("https://a/%0*d", 2048 - 10, 0);
  g_autofree char *too_long = g_strconcat (longest, "0", NULL);
  g_auto (UrlOrigin) origin = origin_of ("HTTPS://A.Example/");
  g_auto (UrlOrigin) other = origin_of (longest);

  g_assert_cmpstr (origin.scheme, ==, "https");
  g_assert_cmpstr (origin.host, ==, "a.example");
  g_assert_cmpstr (origin.port, ==, "443");
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
    g_auto (UrlOrigin) found = { 0 };

    g_test_message ("%s", good[i]);
    g_assert_true (url_parse (good[i], &found, NULL));
  }
  for (gsize i = 0; i <= G_N_ELEMENTS (bad); i++) {
    const char *url = i < G_N_ELEMENTS (bad) ? bad[i] : too_long;
    g_auto (UrlOrigin) found = { 0 };
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", url);
    g_assert_false (url_parse (url, &found, &error));
    g_assert_error (error, FETCH_ERROR, FETCH_REFUSED);
    g_assert_null (found.host);
    g_assert_cmpuint (strlen (error->message), <, 1000);
  }
}

static void
test_remotes (void)
{
  static const struct {
    const char *url;
    gboolean signature, checksum, tls;
  } table[] = {
    { "https://a.example", TRUE, TRUE, TRUE },
    { "http://a.example", TRUE, FALSE, FALSE },
    { "http://127.0.0.1:8080", TRUE, TRUE, FALSE },
    { "http://localhost", TRUE, TRUE, FALSE },
    { "http://[::1]/x", TRUE, TRUE, FALSE },
    { "http://127.0.0.2", TRUE, FALSE, FALSE },
    { "http://localhost.example", TRUE, FALSE, FALSE },
    { "http://127.0.0.1.example", TRUE, FALSE, FALSE },
    { "ftp://a.example", FALSE, FALSE, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++) {
    g_test_message ("%s", table[i].url);
    g_assert_cmpint (url_check_remote (table[i].url, FETCH_POLICY_SIGNATURE, NULL), ==, table[i].signature);
    g_assert_cmpint (url_check_remote (table[i].url, FETCH_POLICY_CHECKSUM, NULL), ==, table[i].checksum);
    g_assert_cmpint (url_check_remote (table[i].url, FETCH_POLICY_TLS, NULL), ==, table[i].tls);
  }
}

static void
test_redirects (void)
{
  static const struct {
    const char *from, *to;
    gboolean elsewhere, followed;
  } table[] = {
    { "https://home/a", "https://home/b", FALSE, TRUE },
    { "https://home/a", "https://home:444/", FALSE, TRUE },
    { "https://home/a", "https://other/", FALSE, FALSE },
    { "https://home/a", "https://other/", TRUE, TRUE },
    { "https://home/a", "http://home/a", FALSE, FALSE },
    { "https://home/a", "http://home/a", TRUE, FALSE },
    { "http://home/a", "http://home/b", FALSE, TRUE },
    { "http://home/a", "https://home/", FALSE, TRUE },
    { "http://home/a", "http://other/", FALSE, FALSE },
    { "http://home/a", "http://other/", TRUE, TRUE },
    { "https://other/", "https://home/", FALSE, TRUE },
    { "https://other/", "https://other/x", FALSE, FALSE },
    { "https://home/a", "https://home.example/", FALSE, FALSE },
  };
  g_auto (UrlOrigin) home = origin_of ("https://home/");

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++) {
    g_auto (UrlOrigin) from = origin_of (table[i].from);
    g_auto (UrlOrigin) to = origin_of (table[i].to);
    g_autoptr (GError) error = NULL;

    g_test_message ("%s %s", table[i].from, table[i].to);
    g_assert_cmpint (url_check_redirect (&from, &to, &home, table[i].elsewhere, &error), ==,
                     table[i].followed);
    g_assert_cmpint (error != NULL, ==, !table[i].followed);
    g_assert_cmpint (url_check_registry (&to, NULL), ==, g_str_equal (to.scheme, "https"));
  }
  for (gsize i = 0; i < 3; i++) {
    const char *const urls[] = { "http://127.0.0.1:5000/", "http://localhost/", "http://[::1]/" };
    g_auto (UrlOrigin) to = origin_of (urls[i]);

    g_assert_true (url_check_registry (&to, NULL));
  }
}

static void
test_paths (void)
{
  static const char *const bad[] = { "",    "/a",  "../a", "a/../b", "a/..", "a//b",    "a b",
                                     "a?b", "a#b", "a%2e", "a\\b",   "a\n",  "\xc3\xa9" };
  g_autofree char *longest = g_strnfill (1024, 'a'), *too_long = g_strnfill (1025, 'a');
  g_autofree char *joined = url_join ("https://a/b//", "c/d");

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_test_message ("%s", bad[i]);
    g_assert_false (url_check_path (bad[i]));
  }
  g_assert_true (url_check_path ("images/debian/20260820_05:24/rootfs.tar.xz"));
  g_assert_true (url_check_path (longest));
  g_assert_false (url_check_path (too_long));
  g_assert_cmpstr (joined, ==, "https://a/b/c/d");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/registry/challenges", test_challenges);
  g_test_add_func ("/registry/IMG-05-bad-challenges", test_bad_challenges);
  g_test_add_func ("/registry/token-url", test_token_url);
  g_test_add_func ("/registry/index", test_index);
  g_test_add_func ("/registry/manifest", test_manifest);
  g_test_add_func ("/registry/IMG-04-bad-manifests", test_bad_manifests);
  g_test_add_func ("/registry/IMG-04-too-many", test_too_many);
  g_test_add_func ("/registry/IMG-04-types", test_types);
  g_test_add_func ("/registry/config", test_config);
  g_test_add_func ("/registry/IMG-04-configs", test_configs);
  g_test_add_func ("/registry/config-extras", test_config_extras);
  g_test_add_func ("/registry/platforms", test_platforms);
  g_test_add_func ("/registry/digests", test_digests);
  g_test_add_func ("/registry/IMG-05-origins", test_origins);
  g_test_add_func ("/registry/IMG-05-addresses", test_addresses);
  g_test_add_func ("/registry/IMG-05-urls", test_urls);
  g_test_add_func ("/registry/IMG-05-remotes", test_remotes);
  g_test_add_func ("/registry/IMG-05-redirects", test_redirects);
  g_test_add_func ("/registry/IMG-05-paths", test_paths);
  return g_test_run ();
}
