/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who an exec runs as: the image writes passwd and group, the caller the name. */

#include "user.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>

struct tables {
  char *directory, *passwd, *group;
};

static const char passwd_text[] = "# a comment\n"
                                  "root:x:0:0:root:/root:/bin/bash\n"
                                  "short:x:7\n"
                                  "toor:x:00:0:bad uid:/:/bin/sh\n"
                                  "plus:x:+5:5:bad uid:/:/bin/sh\n"
                                  "huge:x:4294967296:5:bad uid:/:/bin/sh\n"
                                  ":x:55:55:no name:/:/bin/sh\n"
                                  "alice:x:1000:1000:Alice:/home/alice:/bin/zsh\n"
                                  "alice:x:0:0:second is not found:/:/bin/sh\n"
                                  "1001:x:2000:2000:a name of digits:/:/bin/sh\n"
                                  "last:x:1500:1500::/home/last:";
static const char group_text[] = "root:x:0:\n"
                                 "audio:x:29:bob,alice\n"
                                 "alice:x:1000:alice\n"
                                 "wheel:x:10:alicealice,xalice\n"
                                 "bad:x:-1:alice\n"
                                 "games:x:60:alice";

static void
set_up (struct tables *tables, gconstpointer data)
{
  tables->directory = g_dir_make_tmp ("bothy-XXXXXX", NULL);
  tables->passwd = g_build_filename (tables->directory, "passwd", NULL);
  tables->group = g_build_filename (tables->directory, "group", NULL);
  g_assert_true (g_file_set_contents (tables->passwd, passwd_text, -1, NULL));
  g_assert_true (g_file_set_contents (tables->group, group_text, -1, NULL));
}

static void
tear_down (struct tables *tables, gconstpointer data)
{
  g_unlink (tables->passwd);
  g_unlink (tables->group);
  g_rmdir (tables->directory);
  g_free (tables->passwd);
  g_free (tables->group);
  g_free (tables->directory);
}

static void
test_ids (void)
{
  static const char *const no[] = { "",   "01", "00",         "+1",         "-1",
                                    " 1", "1 ", "1:",         ":1",         "0x1",
                                    "1a", "a",  "4294967295", "4294967296", "99999999999999999999999",
                                    "1\n" };
  uint32_t id = 77;

  for (size_t i = 0; i < G_N_ELEMENTS (no); i++)
    g_assert_false (user_parse_id (no[i], &id));
  g_assert_cmpuint (id, ==, 77);
  g_assert_true (user_parse_id ("0", &id) && id == 0);
  g_assert_true (user_parse_id ("65535", &id) && id == 65535);
  g_assert_true (user_parse_id ("4294967294", &id) && id == 4294967294U);
}

static const struct {
  const char *spec;
  int result;
  unsigned uid, gid, groups;
  const char *home;
} specs[] = {
  { "", 0, 0, 0, 1, "/root" },
  { "root", 0, 0, 0, 1, "/root" },
  { "0", 0, 0, 0, 1, "/root" },
  { "alice", 0, 1000, 1000, 3, "/home/alice" },
  { "1000", 0, 1000, 1000, 3, "/home/alice" },
  { "alice:audio", 0, 1000, 29, 1, "/home/alice" },
  { "alice:0", 0, 1000, 0, 1, "/home/alice" },
  { "1", 0, 1, 0, 1, "/" },
  { "1:2", 0, 1, 2, 1, "/" },
  { "1001", 0, 1001, 0, 1, "/" },
  { "1000:", 0, 1000, 1000, 3, "/home/alice" },
  { "alice:", 0, 1000, 1000, 3, "/home/alice" },
  { "1:", 0, 1, 0, 1, "/" },
  { ":1000", 0, 0, 1000, 1, "/root" },
  { ":audio", 0, 0, 29, 1, "/root" },
  { "1000:audio", 0, 1000, 29, 1, "/home/alice" },
  { "alice:5", 0, 1000, 5, 1, "/home/alice" },
  { ":", 0, 0, 0, 1, "/root" },
  { "last", 0, 1500, 1500, 1, "/home/last" },
  { "toor", -ENOENT, 0, 0, 0, NULL },
  { "plus", -ENOENT, 0, 0, 0, NULL },
  { "huge", -ENOENT, 0, 0, 0, NULL },
  { "short", -ENOENT, 0, 0, 0, NULL },
  { "01", -ENOENT, 0, 0, 0, NULL },
  { "+1", -ENOENT, 0, 0, 0, NULL },
  { "-1", -ENOENT, 0, 0, 0, NULL },
  { " 1", -ENOENT, 0, 0, 0, NULL },
  { "nobody", -ENOENT, 0, 0, 0, NULL },
  { "4294967295", -ENOENT, 0, 0, 0, NULL },
  { "alice:nogroup", -ESRCH, 0, 0, 0, NULL },
  { "alice:01", -ESRCH, 0, 0, 0, NULL },
  { "alice:bad", -ESRCH, 0, 0, 0, NULL },
  { "a:b:c", -EINVAL, 0, 0, 0, NULL },
};

static void
test_specs (struct tables *tables, gconstpointer data)
{
  for (size_t i = 0; i < G_N_ELEMENTS (specs); i++) {
    struct user user;
    int r = user_lookup (specs[i].spec, tables->passwd, tables->group, &user);

    g_test_message ("\"%s\"", specs[i].spec);
    g_assert_cmpint (r, ==, specs[i].result);
    if (r < 0)
      continue;
    g_assert_cmpuint (user.uid, ==, specs[i].uid);
    g_assert_cmpuint (user.gid, ==, specs[i].gid);
    g_assert_cmpuint (user.n_groups, ==, specs[i].groups);
    g_assert_cmpuint (user.groups[0], ==, specs[i].gid);
    g_assert_cmpstr (user.home, ==, specs[i].home);
  }
}

static void
test_missing (void)
{
  struct user user;

  g_assert_cmpint (user_lookup ("", "/nonexistent/p", "/nonexistent/g", &user), ==, 0);
  g_assert_cmpuint (user.uid, ==, 0);
  g_assert_cmpint (user_lookup ("5", "/nonexistent/p", "/nonexistent/g", &user), ==, 0);
  g_assert_cmpuint (user.gid, ==, 0);
  g_assert_cmpint (user_lookup ("alice", "/nonexistent/p", "/nonexistent/g", &user), ==, -ENOENT);
}

/* Not a file: a device that never ends, a directory. */
static void
test_special (void)
{
  struct user user;

  g_assert_cmpint (user_lookup ("root", "/dev/zero", "/dev/null", &user), ==, -EINVAL);
  g_assert_cmpint (user_lookup ("root", "/", "/", &user), ==, -EINVAL);
}

static void
test_long (struct tables *tables, gconstpointer data)
{
  g_autofree char *name = g_strnfill (USER_MAX_PATH, 'a');
  g_autofree char *text = g_strdup_printf ("%s:x:1:1::/:/bin/sh\nb:x:2:2::/%s:/bin/sh\n", name, name);
  struct user user;

  g_assert_true (g_file_set_contents (tables->passwd, text, -1, NULL));
  g_assert_cmpint (user_lookup (name, tables->passwd, tables->group, &user), ==, -EINVAL);
  g_assert_cmpint (user_lookup ("b", tables->passwd, tables->group, &user), ==, -ENOENT);
}

static void
test_many_groups (struct tables *tables, gconstpointer data)
{
  g_autoptr (GString) text = g_string_new (NULL);
  struct user user;

  for (int i = 1; i < 500; i++)
    g_string_append_printf (text, "g%d:x:%d:alice\n", i, 2000 + i);
  g_assert_true (g_file_set_contents (tables->group, text->str, -1, NULL));
  g_assert_cmpint (user_lookup ("alice", tables->passwd, tables->group, &user), ==, 0);
  g_assert_cmpuint (user.n_groups, ==, USER_MAX_GROUPS);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/runtime/user/ids", test_ids);
  g_test_add_func ("/runtime/user/missing", test_missing);
  g_test_add_func ("/runtime/user/special", test_special);
  g_test_add ("/runtime/user/specs", struct tables, NULL, set_up, test_specs, tear_down);
  g_test_add ("/runtime/user/long", struct tables, NULL, set_up, test_long, tear_down);
  g_test_add ("/runtime/user/many-groups", struct tables, NULL, set_up, test_many_groups, tear_down);
  return g_test_run ();
}
