/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records: the old one or the new one, never mixed; one that is damaged is moved aside. */

#include "scratch.h"

#include "base/error.h"
#include "storage/record.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

/* In place of libc's: counts, and the one that FAILING_SYNC says, counted from 1, does not get to the disk. */
static guint n_syncs, failing_sync;
static char *seen_at_sync; /* what the record said at the first one */

static char *read_value (int dirfd, GError **error);

int
fsync (int fd)
{
  autofd dir = open ("/run/synced", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (dir >= 0 && n_syncs == 0)
    seen_at_sync = (g_free (seen_at_sync), read_value (dir, NULL));
  if (++n_syncs == failing_sync) {
    errno = EIO;
    return -1;
  }
  return (int)syscall (SYS_fsync, fd);
}

static void
write_value (int dirfd, const char *value)
{
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_autoptr (GError) error = NULL;

  g_key_file_set_string (record, "A", "Value", value);
  bothy_record_write (dirfd, "one", record, BOTHY_RECORD_DURABLE, &error);
  g_assert_no_error (error);
}

static char *
read_value (int dirfd, GError **error)
{
  g_autoptr (GKeyFile) record = bothy_record_read (dirfd, "one", error);

  return record ? g_key_file_get_string (record, "A", "Value", NULL) : NULL;
}

static void
expect_value (int dirfd, const char *value)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = read_value (dirfd, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (found, ==, value);
}

/* Reading it fails, and it is gone from its name but not from the disk. */
static void
expect_moved_aside (int dirfd)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *list = NULL;

  g_assert_null (read_value (dirfd, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
  list = scratch_list (dirfd);
  g_assert_cmpstr (list, ==, "one.corrupt-1");
  g_clear_error (&error);
  g_assert_null (read_value (dirfd, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

static void
test_round_trip (void)
{
  static const char *const values[] = { "", " x ", "a\nb\\n\t", "\xc3\xa9", "#x", "[y]", "=;;" };
  autofd dir = scratch_directory (NULL);
  g_autofree char *list = NULL;
  struct stat st;

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++) {
    write_value (dir, values[i]);
    expect_value (dir, values[i]);
  }
  list = scratch_list (dir);
  g_assert_cmpstr (list, ==, "one");
  g_assert_cmpint (fstatat (dir, "one", &st, AT_SYMLINK_NOFOLLOW), ==, 0);
  g_assert_cmpint (st.st_mode, ==, S_IFREG | 0600);
}

/* Whatever umask was inherited. */
/* What would be taken for damaged later is not written, and what was there stays. */
static void
test_too_long (void)
{
  autofd dir = scratch_directory (NULL);
  g_autofree char *value = g_strnfill (1024 * 1024, 'x');
  g_autofree char *list = NULL;
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_autoptr (GError) error = NULL;

  write_value (dir, "old");
  g_key_file_set_string (record, "A", "Value", value);
  g_assert_false (bothy_record_write (dir, "one", record, BOTHY_RECORD_DURABLE, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED);
  expect_value (dir, "old");
  list = scratch_list (dir);
  g_assert_cmpstr (list, ==, "one");
  value[1023 * 1024] = '\0';
  write_value (dir, value);
  expect_value (dir, value);
}

static void
test_umask (void)
{
  static const mode_t masks[] = { 0, 022, 077, 0177 };

  for (gsize i = 0; i < G_N_ELEMENTS (masks); i++) {
    autofd dir = scratch_directory (NULL);
    mode_t before = umask (masks[i]);

    write_value (dir, "x");
    umask (before);
    expect_value (dir, "x");
  }
}

static void
test_flipped (void)
{
  autofd dir = scratch_directory (NULL);
  g_autofree char *text = NULL;
  gsize length;

  write_value (dir, "some value");
  text = scratch_read (dir, "one", &length);
  for (gsize bit = 0; bit < length * 8; bit++) {
    text[bit / 8] ^= (char)(1 << bit % 8);
    scratch_write (dir, "one", text, length, 0600);
    text[bit / 8] ^= (char)(1 << bit % 8);
    expect_moved_aside (dir);
    g_assert_cmpint (unlinkat (dir, "one.corrupt-1", 0), ==, 0);
  }
  scratch_write (dir, "one", text, length, 0600);
  expect_value (dir, "some value");
}

static void
test_cut (void)
{
  autofd dir = scratch_directory (NULL);
  g_autofree char *text = NULL;
  gsize length;

  write_value (dir, "some value");
  text = scratch_read (dir, "one", &length);
  for (gsize keep = 0; keep < length; keep++) {
    g_assert_cmpint (unlinkat (dir, keep == 0 ? "one" : "one.corrupt-1", 0), ==, 0);
    scratch_write (dir, "one", text, keep, 0600);
    expect_moved_aside (dir);
  }
}

static void
test_content (void)
{
  g_autofree char *large = g_strnfill (2 * 1024 * 1024, 'x');
  static const char zeros[4096];
  struct {
    const char *text;
    gsize length;
  } contents[] = {
    { zeros, sizeof zeros },
    { "[A]\nValue=x\n", 12 },
    { "#bothy-record 1 \n[A]\nValue=x\n", 28 },
    { "#bothy-record 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n", 81 },
    { "#bothy-record 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n", 81 },
    { large, 2 * 1024 * 1024 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (contents); i++) {
    autofd dir = scratch_directory (NULL);

    scratch_write (dir, "one", contents[i].text, contents[i].length, 0600);
    expect_moved_aside (dir);
  }
}

/* A checksum over bytes that are no key file, or that go on after a NUL. */
static void
test_sealed_nonsense (void)
{
  static const struct {
    const char *body;
    gsize length;
  } bodies[] = { { "no key file", 11 }, { "[A]\nValue=x\n\0more", 17 }, { "Value=x\n", 8 } };

  for (gsize i = 0; i < G_N_ELEMENTS (bodies); i++) {
    autofd dir = scratch_directory (NULL);
    g_autofree char *digest =
        g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *)bodies[i].body, bodies[i].length);
    g_autoptr (GString) text = g_string_new ("#bothy-record 1 ");

    g_string_append_printf (text, "%s\n", digest);
    g_string_append_len (text, bodies[i].body, (gssize)bodies[i].length);
    scratch_write (dir, "one", text->str, text->len, 0600);
    expect_moved_aside (dir);
  }
}

static void
test_modes (void)
{
  static const mode_t modes[] = { 0666, 0644, 0640, 0606, 0602, 0604, 0610, 0601 };

  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++) {
    autofd dir = scratch_directory (NULL);

    write_value (dir, "x");
    g_assert_cmpint (fchmodat (dir, "one", modes[i], 0), ==, 0);
    expect_moved_aside (dir);
  }
}

static void
test_not_ours (void)
{
  autofd owner = scratch_directory (NULL), link = scratch_directory (NULL),
         symbolic = scratch_directory (NULL);
  autofd elsewhere = scratch_directory (NULL);
  g_autofree char *list = NULL;
  g_autofree char *target = g_strdup_printf ("/proc/self/fd/%d/one", elsewhere);

  write_value (owner, "x");
  g_assert_cmpint (fchownat (owner, "one", 1000, 0, 0), ==, 0);
  expect_moved_aside (owner);

  write_value (elsewhere, "x");
  g_assert_cmpint (symlinkat (target, symbolic, "one"), ==, 0);
  expect_moved_aside (symbolic);
  expect_value (elsewhere, "x");

  g_assert_cmpint (linkat (elsewhere, "one", link, "one", 0), ==, 0);
  expect_moved_aside (link);
  list = scratch_list (elsewhere);
  g_assert_cmpstr (list, ==, "one");
}

static void
test_not_a_file (void)
{
  autofd fifo = scratch_directory (NULL), directory = scratch_directory (NULL),
         device = scratch_directory (NULL);
  g_autofree char *path = NULL;
  autofd socket_dir = scratch_directory (&path);
  autofd listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_assert_cmpint (mkfifoat (fifo, "one", 0600), ==, 0);
  expect_moved_aside (fifo);
  g_assert_cmpint (mkdirat (directory, "one", 0700), ==, 0);
  expect_moved_aside (directory);
  g_assert_cmpint (mknodat (device, "one", S_IFCHR | 0600, 0x105), ==, 0);
  expect_moved_aside (device);
  g_snprintf (address.sun_path, sizeof address.sun_path, "%s/one", path);
  g_assert_cmpint (bind (listener, (struct sockaddr *)&address, sizeof address), ==, 0);
  expect_moved_aside (socket_dir);
}

/* Aside means beside what is there, not over it. */
static void
test_aside_keeps (void)
{
  autofd dir = scratch_directory (NULL);
  g_autofree char *list = NULL;

  for (guint i = 0; i < 3; i++) {
    scratch_write (dir, "one", "damaged", 7, 0600);
    g_assert_null (read_value (dir, NULL));
  }
  list = scratch_list (dir);
  g_assert_cmpstr (list, ==, "one.corrupt-1 one.corrupt-2 one.corrupt-3");
}

/* No descriptor is free: that says nothing about the record, which has to stay. */
static void
test_no_descriptor (void)
{
  autofd dir = scratch_directory (NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *list = NULL;
  struct rlimit before, none;

  write_value (dir, "x");
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  none = (struct rlimit){ 0, before.rlim_max };
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &none), ==, 0);
  g_assert_null (bothy_record_read (dir, "one", &error));
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  g_assert_nonnull (error);
  g_assert_false (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT));
  list = scratch_list (dir);
  g_assert_cmpstr (list, ==, "one");
  expect_value (dir, "x");
}

/* What a power cut before the rename leaves is nobody's record, and does not disturb the next one. */
static void
test_leftovers (void)
{
  autofd dir = scratch_directory (NULL);
  g_autofree char *text = NULL;
  gsize length;

  write_value (dir, "new");
  text = scratch_read (dir, "one", &length);
  write_value (dir, "old");
  for (gsize keep = 0; keep <= length; keep++) {
    scratch_write (dir, ".one.00000001", text, keep, 0600);
    expect_value (dir, "old");
  }
  write_value (dir, "newer");
  expect_value (dir, "newer");
}

static void
write_until_killed (int dirfd)
{
  for (guint i = 0;; i = !i)
    write_value (dirfd, i ? "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" : "a");
}

/* Killed anywhere, the writer leaves the one or the other. */
static void
test_killed (void)
{
  autofd dir = scratch_directory (NULL);

  write_value (dir, "a");
  for (guint round = 0; round < 100; round++) {
    g_autofree char *found = NULL;
    pid_t child = fork ();

    if (child == 0) {
      g_random_set_seed (round);
      write_until_killed (dir);
    }
    g_usleep ((gulong)g_test_rand_int_range (0, 5000));
    kill (child, SIGKILL);
    g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
    found = read_value (dir, NULL);
    g_assert_nonnull (found);
    g_assert_true (g_str_equal (found, "a") || g_str_has_prefix (found, "bbbb"));
  }
}

/* A full disk: an error that says so, the old record, and no leftover. */
static void
test_full_disk (void)
{
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_autofree char *large = g_strnfill (200000, 'x');
  g_autoptr (GError) error = NULL;
  g_autofree char *list = NULL;
  autofd dir = -1;

  g_assert_cmpint (mkdir ("/run/small", 0700), ==, 0);
  g_assert_cmpint (mount ("small", "/run/small", "tmpfs", 0, "size=64k"), ==, 0);
  dir = open ("/run/small", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  write_value (dir, "old");
  g_key_file_set_string (record, "A", "Value", large);
  g_assert_false (bothy_record_write (dir, "one", record, BOTHY_RECORD_DURABLE, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SPACE);
  expect_value (dir, "old");
  list = scratch_list (dir);
  g_assert_cmpstr (list, ==, "one");
}

static gboolean
try_value (int dirfd, const char *value, BothyRecordDurability durability, guint failing, GError **error)
{
  g_autoptr (GKeyFile) record = g_key_file_new ();

  g_key_file_set_string (record, "A", "Value", value);
  n_syncs = 0;
  failing_sync = failing;
  return bothy_record_write (dirfd, "one", record, durability, error);
}

/* What has to outlast a power cut is on the disk before it has its name, and its name before anybody is told. */
static void
test_synced (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *list = NULL;
  autofd dir = -1;

  g_assert_cmpint (mkdir ("/run/synced", 0700), ==, 0);
  dir = open ("/run/synced", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  write_value (dir, "old");
  g_assert_true (try_value (dir, "new", BOTHY_RECORD_DURABLE, 0, &error));
  g_assert_cmpuint (n_syncs, ==, 2);
  g_assert_cmpstr (seen_at_sync, ==, "old");
  expect_value (dir, "new");
  for (guint failing = 1; failing <= 2; failing++) {
    g_assert_false (try_value (dir, failing == 1 ? "lost" : "kept", BOTHY_RECORD_DURABLE, failing, &error));
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED);
    g_assert_nonnull (strstr (error->message, g_strerror (EIO)));
    g_clear_error (&error);
    g_assert_cmpuint (n_syncs, ==, failing);
    list = (g_free (list), scratch_list (dir));
    g_assert_cmpstr (list, ==, "one");
    if (failing == 1)
      expect_value (dir, "new");
  }
  /* What goes with the machine anyway does not wait for the disk. */
  g_assert_true (try_value (dir, "soon", BOTHY_RECORD_VOLATILE, 1, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n_syncs, ==, 0);
  expect_value (dir, "soon");
  failing_sync = 0;
}

/* What did not wait for the disk can do so later. */
static void
test_settled (void)
{
  g_autoptr (GError) error = NULL;
  autofd dir = scratch_directory (NULL);

  g_assert_true (try_value (dir, "soon", BOTHY_RECORD_VOLATILE, 0, &error));
  g_assert_true (bothy_record_settle (dir, "one", &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n_syncs, ==, 2);
  for (failing_sync = 1; failing_sync <= 2; failing_sync++) {
    n_syncs = 0;
    g_assert_false (bothy_record_settle (dir, "one", &error));
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED);
    g_clear_error (&error);
  }
  failing_sync = 0;
  expect_value (dir, "soon");
  g_assert_false (bothy_record_settle (dir, "none", &error));
  g_clear_error (&error);
  /* A link, which is no record of ours, leads nowhere: nothing of it is on the disk. */
  n_syncs = 0;
  g_assert_cmpint (symlinkat ("one", dir, "link"), ==, 0);
  g_assert_false (bothy_record_settle (dir, "link", &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED);
  g_assert_cmpuint (n_syncs, ==, 0);
}

static void
test_placed (void)
{
  autofd dir = scratch_directory (NULL);

  for (guint failing = 0; failing <= 1; failing++) {
    g_assert_cmpint (mkdirat (dir, ".new", 0700), ==, 0);
    n_syncs = 0;
    failing_sync = failing;
    g_assert_cmpint (bothy_record_place (dir, ".new", failing ? "second" : "first", BOTHY_RECORD_DURABLE), ==,
                     !failing);
    g_assert_cmpint (errno, ==, failing ? EIO : errno);
    g_assert_cmpuint (n_syncs, ==, 1);
  }
  /* Under the name that counts for nothing, as before. */
  g_assert_cmpint (faccessat (dir, "second", F_OK, 0), <, 0);
  g_assert_cmpint (faccessat (dir, ".new", F_OK, 0), ==, 0);
  n_syncs = 0;
  g_assert_true (bothy_record_place (dir, ".new", "third", BOTHY_RECORD_VOLATILE));
  g_assert_cmpuint (n_syncs, ==, 0);
  failing_sync = 0;
}

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/record/STATE-01-round-trip", test_round_trip);
  g_test_add_func ("/record/STATE-02-too-long", test_too_long);
  g_test_add_func ("/record/STATE-01-leftovers", test_leftovers);
  g_test_add_func ("/record/STATE-01-killed", test_killed);
  g_test_add_func ("/record/STATE-02-full-disk", test_full_disk);
  g_test_add_func ("/record/STATE-02-synced", test_synced);
  g_test_add_func ("/record/STATE-02-placed", test_placed);
  g_test_add_func ("/record/STATE-02-settled", test_settled);
  g_test_add_func ("/record/STATE-02-no-descriptor", test_no_descriptor);
  g_test_add_func ("/record/STATE-03-flipped", test_flipped);
  g_test_add_func ("/record/STATE-03-cut", test_cut);
  g_test_add_func ("/record/STATE-03-content", test_content);
  g_test_add_func ("/record/STATE-03-sealed-nonsense", test_sealed_nonsense);
  g_test_add_func ("/record/STATE-03-modes", test_modes);
  g_test_add_func ("/record/STATE-03-not-ours", test_not_ours);
  g_test_add_func ("/record/STATE-03-not-a-file", test_not_a_file);
  g_test_add_func ("/record/STATE-03-aside-keeps", test_aside_keeps);
  g_test_add_func ("/record/STATE-05-umask", test_umask);
  return g_test_run ();
}
