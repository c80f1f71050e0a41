/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images: what os-release(5) says, who calls them what, and their records. */

#include "scratch.h"

#include "base/error.h"
#include "core/images/aliases.h"
#include "core/images/expiry.h"
#include "storage/record.h"
#include "workers/unpack.h"

#include <stdio.h>
#include <sys/syscall.h>

#define ONE   "1111111111110000000000000000000000000000000000000000000000000001"
#define TWO   "2222222222220000000000000000000000000000000000000000000000000002"
#define THREE "1111111111113333000000000000000000000000000000000000000000000003"
#define LAYER "aaaaaaaaaaaa0000000000000000000000000000000000000000000000000000"
#define LOOSE "bbbbbbbbbbbb0000000000000000000000000000000000000000000000000000"

/* ---- os-release ---- */

static void
test_os_release (void)
{
  static const struct {
    const char *text, *id;
  } files[] = {
    { "", "" },
    { "ID=debian\n", "debian" },
    { "ID=debian", "debian" },
    { "NAME=x\n#ID=no\nID=\"open suse\"\n", "open suse" },
    { "ID='arch'\n", "arch" },
    { "ID=\n", "" },
    { "ID=\"\"\n", "" },
    { "VERSION_ID=1\n", "" },
    { "ID_LIKE=debian\nID=ubuntu\n", "ubuntu" },
    { " ID=indented\n", "" },
    { "ID=\"open\n", "\"open" },
    { "ID=a\"b\n", "a\"b" },
    { "ID=$(id)\n", "$(id)" },
    { "ID=\"a\\$b\"\n", "a$b" },
    { "ID=debian  \n", "debian" },
    { "ID=debian\r\n", "debian" },
    { "\n\n=\n==\nID\nID=x\n", "x" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *id = bothy_image_os_release_value (files[i].text, "ID");

    g_assert_cmpstr (id, ==, files[i].id);
  }
}

static void
test_os_release_fields (void)
{
  g_autoptr (BothyImage) image = bothy_image_new (ONE);

  bothy_image_set_os_release (image, "ID=debian\nVERSION_ID=13\nVERSION_CODENAME=trixie\n");
  g_assert_cmpstr (image->os, ==, "debian");
  g_assert_cmpstr (image->release, ==, "trixie");
  bothy_image_set_os_release (image, "ID=alpine\nVERSION_ID=3.20.1\n");
  g_assert_cmpstr (image->release, ==, "3.20.1");
  bothy_image_set_os_release (image, "");
  g_assert_cmpstr (image->os, ==, "");
  g_assert_cmpstr (image->release, ==, "");
}

/* ---- one image ---- */

static void
stand_on (BothyImage *image, const char *layer)
{
  g_strfreev (image->layers);
  image->layers = g_new0 (char *, 2);
  image->layers[0] = g_strdup (layer);
}

static void
test_aliases (void)
{
  g_autoptr (BothyImage) image = bothy_image_new (ONE);
  g_auto (GStrv) others = NULL;
  g_auto (GStrv) mine = NULL;

  bothy_image_add_claim (image, 1000, "debian");
  bothy_image_add_claim (image, 1000, "debian");
  bothy_image_add_claim (image, 1000, "stable");
  bothy_image_add_claim (image, 1001, NULL);
  g_assert_true (bothy_image_has_alias (image, 1000, "debian"));
  g_assert_false (bothy_image_has_alias (image, 1001, "debian"));
  g_assert_false (bothy_image_has_alias (image, 100, "debian"));
  g_assert_false (bothy_image_has_alias (image, 10000, "debian"));
  g_assert_true (bothy_image_is_visible (image, 1001));
  g_assert_false (bothy_image_is_visible (image, 1002));
  mine = bothy_image_aliases (image, 1000);
  others = bothy_image_aliases (image, 1001);
  g_assert_cmpuint (g_strv_length (mine), ==, 2);
  g_assert_cmpuint (g_strv_length (others), ==, 0);
  g_assert_cmpstr (bothy_image_label (image, 1000), ==, "debian");
  g_assert_cmpstr (bothy_image_label (image, 1001), ==, ONE);
  bothy_image_remove_alias (image, 1000, "debian");
  bothy_image_remove_alias (image, 1001, "stable");
  g_assert_cmpstr (bothy_image_label (image, 1000), ==, "stable");
  bothy_image_remove_claim (image, 1000);
  g_assert_false (bothy_image_is_visible (image, 1000));
  g_assert_true (bothy_image_is_visible (image, 1001));
}

static void
test_round_trip (void)
{
  g_autoptr (BothyImage) image = bothy_image_new (ONE);
  g_autoptr (BothyImage) other = NULL;
  g_autoptr (GKeyFile) record = NULL;
  g_autoptr (GError) error = NULL;

  bothy_image_set_os_release (image, "ID=debian\nVERSION_ID=\"13\"\n#\\;\t\n");
  image->architecture = (g_free (image->architecture), g_strdup ("x86_64"));
  stand_on (image, LAYER);
  image->created_at = G_MAXINT64;
  image->public_alias = g_strdup ("busybox");
  bothy_image_add_claim (image, 0, "a");
  bothy_image_add_claim (image, G_MAXINT32, "docker.io/library/b:1");
  bothy_image_add_claim (image, G_MAXINT32, "c");
  bothy_image_add_claim (image, 1000, NULL);
  record = bothy_image_to_record (image);
  other = bothy_image_from_record (ONE, record, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (other->os_release, ==, image->os_release);
  g_assert_cmpstr (other->os, ==, "debian");
  g_assert_cmpstr (other->release, ==, "13");
  g_assert_cmpstr (other->architecture, ==, "x86_64");
  g_assert_cmpstr (other->verified, ==, "none");
  g_assert_cmpstr (other->origin, ==, "import");
  g_assert_cmpstr (other->public_alias, ==, "busybox");
  g_assert_cmpstr (other->layers[0], ==, LAYER);
  g_assert_null (other->layers[1]);
  g_assert_cmpint (other->created_at, ==, G_MAXINT64);
  g_assert_cmpuint (g_hash_table_size (other->claims), ==, 3);
  g_assert_true (bothy_image_has_alias (other, 0, "a"));
  g_assert_true (bothy_image_has_alias (other, G_MAXINT32, "docker.io/library/b:1"));
  g_assert_true (bothy_image_has_alias (other, G_MAXINT32, "c"));
  g_assert_true (g_hash_table_contains (other->claims, GUINT_TO_POINTER (1000)));
}

static void
test_other_images_record (void)
{
  g_autoptr (BothyImage) image = bothy_image_new (ONE);
  g_autoptr (GKeyFile) record = bothy_image_to_record (image);
  g_autoptr (GKeyFile) empty = g_key_file_new ();
  g_autoptr (GError) error = NULL;

  g_assert_null (bothy_image_from_record (TWO, record, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
  g_clear_error (&error);
  g_assert_null (bothy_image_from_record (ONE, empty, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
}

/* Who has a claim decides who sees it: a name that is no uid gives nobody one. */
static void
test_odd_claims (void)
{
  static const char *const users[] = { "-1", "4294967295", "2147483648", "01000", "+1000", "root", "1e3" };
  g_autoptr (BothyImage) image = bothy_image_new (ONE);
  g_autoptr (GKeyFile) record = bothy_image_to_record (image);
  g_autoptr (BothyImage) other = NULL;

  stand_on (image, LAYER);
  g_key_file_set_string (record, "Image", "Layers", LAYER);
  for (gsize i = 0; i < G_N_ELEMENTS (users); i++)
    g_key_file_set_string (record, "Claims", users[i], "x;");
  other = bothy_image_from_record (ONE, record, NULL);
  g_assert_cmpuint (g_hash_table_size (other->claims), ==, 0);
}

/* ---- the store ---- */

typedef struct {
  int dir, layers_dir, trash_dir;
  BothyConfiguration configuration;
  BothyHelperClient *helper;
  BothyTrash *trash;
  BothyLayerStore *layers;
  BothyImageStore *images;
  gboolean degraded;
} Store;

static void
put_layer (int dirfd, const char *id)
{
  g_autoptr (BothyLayer) layer = bothy_layer_new (id);
  g_autoptr (GKeyFile) record = NULL;
  autofd dir = -1;

  layer->os_release = g_strdup ("");
  layer->metadata = g_strdup ("");
  layer->architecture = g_strdup ("x86_64");
  layer->size = 100;
  record = bothy_layer_to_record (layer);
  g_assert_cmpint (mkdirat (dirfd, id, 0700), ==, 0);
  dir = openat (dirfd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_true (bothy_record_write (dir, "layer", record, BOTHY_RECORD_DURABLE, NULL));
}

static void
put_image (int dirfd, const char *fingerprint, guint32 user, const char *alias, const char *public_alias)
{
  g_autoptr (BothyImage) image = bothy_image_new (fingerprint);
  g_autoptr (GKeyFile) record = NULL;
  autofd dir = -1;

  if (user)
    bothy_image_add_claim (image, user, alias);
  image->public_alias = g_strdup (public_alias);
  stand_on (image, LAYER);
  record = bothy_image_to_record (image);
  g_assert_cmpint (mkdirat (dirfd, fingerprint, 0700), ==, 0);
  dir = openat (dirfd, fingerprint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_true (bothy_record_write (dir, "image", record, BOTHY_RECORD_DURABLE, NULL));
}

static void
set_up (Store *store, gconstpointer data)
{
  store->dir = scratch_directory (NULL);
  store->layers_dir = scratch_directory (NULL);
  store->trash_dir = scratch_directory (NULL);
  put_layer (store->layers_dir, LAYER);
  store->helper = bothy_helper_client_new ();
}

static void
load (Store *store)
{
  store->trash = bothy_trash_new (store->trash_dir, bothy_unpack_remove, store->helper);
  store->layers = bothy_layer_store_new (store->layers_dir, &store->configuration, store->helper,
                                         store->trash, &store->degraded);
  g_assert_false (store->degraded);
  store->images = bothy_image_store_new (store->dir, &store->configuration, store->layers, store->trash,
                                         &store->degraded);
}

static void
tear_down (Store *store, gconstpointer data)
{
  g_clear_object (&store->images);
  g_clear_object (&store->layers);
  g_clear_object (&store->trash);
  g_clear_object (&store->helper);
  close (store->dir);
  close (store->layers_dir);
  close (store->trash_dir);
}

/* EXPECTED: a fingerprint, or NULL for none. */
static void
expect (Store *store, guint32 user, const char *name, const char *expected)
{
  g_autoptr (GError) error = NULL;
  BothyImage *image = bothy_image_store_find (store->images, user, name, &error);

  g_assert_cmpstr (image ? image->fingerprint : NULL, ==, expected);
  if (!expected)
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE);
}

static void
test_same_alias (Store *store, gconstpointer data)
{
  put_image (store->dir, ONE, 1000, "debian", NULL);
  put_image (store->dir, TWO, 1001, "debian", NULL);
  load (store);
  g_assert_false (store->degraded);
  expect (store, 1000, "debian", ONE);
  expect (store, 1001, "debian", TWO);
  expect (store, 1002, "debian", NULL);
  expect (store, 1000, TWO, NULL);
  expect (store, 1001, ONE, NULL);
  expect (store, 1000, "111111111111", ONE);
  expect (store, 1001, "111111111111", NULL);
  expect (store, 1000, "11111111111", NULL);
  expect (store, 1000, "", NULL);
}

/* One user's image named like the system's is his alone; his own name goes first. */
static void
test_same_alias_as_systems (Store *store, gconstpointer data)
{
  put_image (store->dir, ONE, 1001, "busybox", NULL);
  put_image (store->dir, TWO, 0, NULL, "busybox");
  load (store);
  expect (store, 1000, "busybox", TWO);
  expect (store, 1001, "busybox", ONE);
  expect (store, 0, "busybox", TWO);
}

/* What is missing and what is another's read the same. */
static void
test_same_refusal (Store *store, gconstpointer data)
{
  g_autoptr (GError) foreign = NULL;
  g_autoptr (GError) missing = NULL;
  g_autofree char *as_if = NULL;

  put_image (store->dir, ONE, 1000, "theirs", NULL);
  load (store);
  g_assert_null (bothy_image_store_find (store->images, 1001, "theirs", &foreign));
  g_assert_null (bothy_image_store_find (store->images, 1001, "nobody", &missing));
  as_if = g_strdup (missing->message);
  memcpy (strstr (as_if, "nobody"), "theirs", 6);
  g_assert_cmpstr (foreign->message, ==, as_if);
  g_assert_cmpint (foreign->code, ==, missing->code);
}

static void
test_ambiguous (Store *store, gconstpointer data)
{
  put_image (store->dir, ONE, 1000, NULL, NULL);
  put_image (store->dir, THREE, 1000, NULL, NULL);
  load (store);
  expect (store, 1000, ONE, ONE);
  expect (store, 1000, THREE, THREE);
  expect (store, 1000, "1111111111113", THREE);
  expect (store, 1000, "111111111111", NULL);
}

static void
test_degraded (Store *store, gconstpointer data)
{
  put_image (store->dir, ONE, 1000, "debian", NULL);
  g_assert_cmpint (mkdirat (store->dir, TWO, 0700), ==, 0);
  load (store);
  g_assert_true (store->degraded);
  expect (store, 1000, "debian", ONE);
  expect (store, 1000, TWO, NULL);
}

static void
test_forget (Store *store, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  put_image (store->dir, ONE, 1000, "debian", NULL);
  put_image (store->dir, TWO, 0, NULL, "busybox");
  load (store);
  bothy_image_add_claim (bothy_image_store_lookup (store->images, ONE), 1001, "mine");
  g_assert_true (
      bothy_image_store_forget (store->images, bothy_image_store_lookup (store->images, ONE), 1000, &error));
  g_assert_no_error (error);
  expect (store, 1000, "debian", NULL);
  expect (store, 1001, "mine", ONE);
  g_assert_false (
      bothy_image_store_forget (store->images, bothy_image_store_lookup (store->images, TWO), 1000, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_IMAGE_IN_USE);
  expect (store, 1000, "busybox", TWO);
}

/* A layer that an import left behind goes, unless a record could not be read that may speak of it. */
static void
test_loose_layers (Store *store, gconstpointer data)
{
  gboolean degraded = GPOINTER_TO_INT (data);

  put_image (store->dir, ONE, 1000, "debian", NULL);
  put_layer (store->layers_dir, LOOSE);
  if (degraded)
    g_assert_cmpint (mkdirat (store->dir, TWO, 0700), ==, 0);
  load (store);
  g_assert_nonnull (bothy_layer_store_lookup (store->layers, LAYER));
  g_assert_true (degraded == (bothy_layer_store_lookup (store->layers, LOOSE) != NULL));
  g_assert_true (degraded == (faccessat (store->layers_dir, LOOSE, F_OK, 0) == 0));
}

static void
test_missing_layer (Store *store, gconstpointer data)
{
  put_image (store->dir, ONE, 1000, "debian", NULL);
  g_assert_cmpint (renameat (store->layers_dir, LAYER, store->layers_dir, LOOSE "x"), ==, 0);
  g_assert_cmpint (renameat (store->layers_dir, LOOSE "x", store->trash_dir, "away"), ==, 0);
  load (store);
  g_assert_true (store->degraded);
  expect (store, 1000, "debian", NULL);
}

/* A layer under two images of one user counts once, and once for each user. */
static void
test_shared_layers (Store *store, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  put_image (store->dir, ONE, 1000, "a", NULL);
  put_image (store->dir, TWO, 1000, "b", NULL);
  put_image (store->dir, THREE, 1001, "c", NULL);
  load (store);
  g_assert_cmpuint (bothy_quota_used (bothy_image_store_get_quota (store->images), 1000), ==, 100);
  g_assert_cmpuint (bothy_quota_used (bothy_image_store_get_quota (store->images), 1001), ==, 100);
  g_assert_cmpuint (bothy_quota_used (bothy_image_store_get_quota (store->images), 1002), ==, 0);
  g_assert_nonnull (bothy_image_store_find_layer (store->images, 1000, LAYER));
  g_assert_null (bothy_image_store_find_layer (store->images, 1002, LAYER));
  g_assert_true (
      bothy_image_store_forget (store->images, bothy_image_store_lookup (store->images, ONE), 1000, &error));
  g_assert_true (
      bothy_image_store_forget (store->images, bothy_image_store_lookup (store->images, TWO), 1000, &error));
  g_assert_nonnull (bothy_layer_store_lookup (store->layers, LAYER));
  g_assert_true (bothy_image_store_forget (store->images, bothy_image_store_lookup (store->images, THREE),
                                           1001, &error));
  g_assert_null (bothy_layer_store_lookup (store->layers, LAYER));
}

/* ---- where it came from ---- */

#define GOOD "docker.io/library/debian:13"
#define EVIL "evil.example:5000/library/debian:13"

static void
test_origins (void)
{
  g_autoptr (BothyImage) image = bothy_image_new (ONE);
  g_autoptr (BothyImage) other = NULL;
  g_autoptr (GKeyFile) record = NULL;
  g_autoptr (GError) error = NULL;

  image->origin = (g_free (image->origin), g_strdup (EVIL));
  stand_on (image, LAYER);
  bothy_image_add_claim (image, 1000, NULL);
  g_assert_cmpstr (bothy_image_get_origin (image, 1000), ==, EVIL);
  g_assert_cmpstr (bothy_image_get_origin (image, 1001), ==, "");
  bothy_image_add_claim (image, 1001, NULL);
  g_assert_cmpstr (bothy_image_get_origin (image, 1000), ==, "");
  bothy_image_set_origin (image, 1000, EVIL);
  bothy_image_set_origin (image, 1001, GOOD);
  record = bothy_image_to_record (image);
  other = bothy_image_from_record (ONE, record, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (bothy_image_get_origin (other, 1000), ==, EVIL);
  g_assert_cmpstr (bothy_image_get_origin (other, 1001), ==, GOOD);
  bothy_image_remove_claim (other, 1001);
  bothy_image_add_claim (other, 1001, NULL);
  g_assert_cmpstr (bothy_image_get_origin (other, 1001), ==, "");
  bothy_image_remove_claim (other, 1000);
  g_assert_null (g_hash_table_lookup (other->origins, GUINT_TO_POINTER (1000)));
}

/* ---- days ---- */

/* The day could not be read when it came: it is no older for that when it can be. */
static void
test_new_on_no_day (Store *store, gconstpointer data)
{
  BothyImage *image;

  store->configuration.expire_days = 30;
  put_image (store->dir, ONE, 1000, "debian", NULL);
  load (store);
  image = bothy_image_store_lookup (store->images, ONE);
  bothy_image_store_set_new (store->images, image);
  bothy_image_store_begin_day (store->images, 0);
  g_assert_cmpuint (image->days_left, ==, 0);
  bothy_image_store_begin_day (store->images, 200);
  expect (store, 1000, "debian", ONE);
  g_assert_cmpuint (image->used_on, ==, 200);
  g_assert_cmpuint (image->days_left, ==, 30);
  bothy_image_store_begin_day (store->images, 230);
  expect (store, 1000, "debian", NULL);
}

/* Bothy ended between an image's last claim and the image itself. */
static void
test_nobodys (Store *store, gconstpointer data)
{
  put_image (store->dir, ONE, 0, NULL, NULL);
  put_image (store->dir, TWO, 0, NULL, "busybox");
  put_image (store->dir, THREE, 0, NULL, NULL);
  load (store);
  bothy_image_store_use (store->images, bothy_image_store_lookup (store->images, THREE), 1);
  bothy_image_store_begin_day (store->images, 200);
  g_assert_null (bothy_image_store_lookup (store->images, ONE));
  g_assert_cmpint (faccessat (store->dir, ONE, F_OK, 0), ==, -1);
  g_assert_nonnull (bothy_image_store_lookup (store->images, TWO));
  g_assert_nonnull (bothy_image_store_lookup (store->images, THREE));
}

static char **
many_names (guint count)
{
  char **names = g_new0 (char *, count + 1);

  for (guint i = 0; i < count; i++)
    names[i] = g_strdup_printf ("name%u", i);
  return names;
}

/* A refusal changes nothing, and what is called so already may be had once more. */
static void
test_too_many_names (Store *store, gconstpointer data)
{
  g_auto (GStrv) names = many_names (64);
  const char *const more[] = { "one-more", NULL };
  g_autoptr (GError) error = NULL;
  BothyImage *image;

  store->configuration.max_image_bytes = 1000;
  put_image (store->dir, ONE, 1001, NULL, NULL);
  put_image (store->dir, TWO, 1000, "one-more", NULL);
  load (store);
  image = bothy_image_store_lookup (store->images, ONE);
  for (guint i = 0; i < 2; i++) {
    g_assert_true (bothy_image_store_adopt (store->images, image, 1000, (const char *const *)names, GOOD,
                                            "sha256", &error));
    g_assert_no_error (error);
  }
  g_assert_false (bothy_image_store_adopt (store->images, image, 1000, more, EVIL, "sha256", &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED);
  expect (store, 1000, "one-more", TWO);
  expect (store, 1000, "name63", ONE);
  g_assert_cmpstr (bothy_image_get_origin (image, 1000), ==, GOOD);
}

/* ---- a disk that fails ---- */

static int failing_fd = -1;

/* In the place of the C library's. */
int fsync (int fd);

int
fsync (int fd)
{
  if (fd == failing_fd) {
    errno = EIO;
    return -1;
  }
  return (int)syscall (SYS_fsync, fd);
}

static void
on_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError **error = user_data;
  g_autoptr (BothyImage) image = bothy_image_store_add_finish (BOTHY_IMAGE_STORE (source), result, error);

  g_assert_true ((image == NULL) == (*error != NULL));
  if (image)
    *error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED, "none");
}

static char *
add_one (Store *store)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyImage) image = bothy_image_new (ONE);

  stand_on (image, LAYER);
  bothy_image_add_claim (image, 1000, "debian");
  bothy_image_store_add (store->images, image, on_added, &error);
  while (!error)
    g_main_context_iteration (NULL, TRUE);
  return g_strdup (error->message);
}

/* What may not be there after a power cut is not there: also when only the directory could not be synced. */
static void
test_failing_disk (Store *store, gconstpointer data)
{
  g_autofree char *failure = NULL;
  g_autofree char *success = NULL;

  put_image (store->dir, TWO, 1000, "other", NULL);
  load (store);
  failing_fd = store->dir;
  failure = add_one (store);
  failing_fd = -1;
  g_assert_nonnull (strstr (failure, "Placing the image"));
  expect (store, 1000, "debian", NULL);
  g_assert_cmpint (faccessat (store->dir, ONE, F_OK, 0), ==, -1);
  g_assert_nonnull (bothy_layer_store_lookup (store->layers, LAYER));
  success = add_one (store);
  g_assert_cmpstr (success, ==, "none");
  expect (store, 1000, "debian", ONE);
  g_assert_cmpint (faccessat (store->dir, ONE, F_OK, 0), ==, 0);
}

/* ---- quotas ---- */

static void
collect_one (gpointer data, guint32 user, GHashTable *layers)
{
  if (user == 1000)
    g_hash_table_add (layers, data);
}

static void
test_budgets (void)
{
  BothyLayer layer = { .size = 40 };
  BothyQuota *quota = bothy_quota_new (100, collect_one, &layer);
  BothyBudget *first = bothy_quota_begin (quota, 1000, NULL);
  BothyBudget *second = bothy_quota_begin (quota, 1000, NULL);
  BothyBudget *other = bothy_quota_begin (quota, 1001, NULL);
  BothyReading *reading = bothy_quota_begin_reading (quota, 1000);

  bothy_reading_add (reading, &layer); /* counts once */
  g_assert_cmpuint (bothy_budget_left (first), ==, 60);
  g_assert_true (bothy_budget_note (first, 50));
  g_assert_cmpuint (bothy_budget_left (second), ==, 10);
  g_assert_true (bothy_budget_note (second, 10));
  g_assert_false (bothy_budget_note (second, 11));
  g_assert_true (bothy_budget_note (other, 100));
  g_assert_false (bothy_budget_note (other, 101));
  bothy_budget_keep (first, 30);
  g_assert_true (bothy_budget_note (first, 0));
  g_assert_true (bothy_budget_note (second, 30));
  g_assert_false (bothy_budget_note (second, 31));
  bothy_budget_free (first);
  g_assert_true (bothy_budget_note (second, 60));
  bothy_budget_free (second);
  bothy_budget_free (other);
  bothy_reading_free (reading);
  bothy_quota_free (quota);
}

#define ADD(name, function) g_test_add ("/image/" name, Store, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_test_init (&argc, &argv, NULL);
  scratch_expect_warnings ();
  g_test_add_func ("/image/os-release", test_os_release);
  g_test_add_func ("/image/os-release-fields", test_os_release_fields);
  g_test_add_func ("/image/IMG-07-aliases", test_aliases);
  g_test_add_func ("/image/record-round-trip", test_round_trip);
  g_test_add_func ("/image/STATE-03-other-images-record", test_other_images_record);
  g_test_add_func ("/image/STATE-03-odd-claims", test_odd_claims);
  ADD ("IMG-07-same-alias", test_same_alias);
  ADD ("IMG-07-same-alias-as-systems", test_same_alias_as_systems);
  ADD ("OBJ-01-same-refusal", test_same_refusal);
  ADD ("ambiguous", test_ambiguous);
  ADD ("STATE-03-degraded", test_degraded);
  ADD ("forget", test_forget);
  g_test_add_func ("/image/IMG-05-origins", test_origins);
  ADD ("new-on-no-day", test_new_on_no_day);
  ADD ("nobodys", test_nobodys);
  ADD ("too-many-names", test_too_many_names);
  ADD ("loose-layers", test_loose_layers);
  g_test_add ("/image/loose-layers-degraded", Store, GINT_TO_POINTER (TRUE), set_up, test_loose_layers,
              tear_down);
  ADD ("STATE-03-missing-layer", test_missing_layer);
  ADD ("shared-layers", test_shared_layers);
  ADD ("IMG-08-failing-disk", test_failing_disk);
  g_test_add_func ("/image/budgets", test_budgets);
  return g_test_run ();
}
