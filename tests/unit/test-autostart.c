/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When containers are started unasked: what is taken, what is written down, circles, and pauses. */

#include "base/error.h"
#include "core/autostart/autostart.h"
#include "core/container/container.h"

#include <signal.h>

#define A "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
#define B "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
#define C "cccccccc-cccc-4ccc-8ccc-cccccccccccc"
#define D "dddddddd-dddd-4ddd-8ddd-dddddddddddd"

static void
test_policies (void)
{
  static const char *const good[] = { "no", "always", "on-failure", "on-failure:1", "on-failure:100" };
  static const char *const bad[] = { "",
                                     "No",
                                     "on-failure:",
                                     "on-failure:0",
                                     "on-failure:101",
                                     "on-failure:1 ",
                                     "on-failure:01",
                                     "on-failure:-1",
                                     "on-failure:18446744073709551617",
                                     "always:1",
                                     "unless-stopped" };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
    BothyAutostart autostart = { 0 };
    g_autoptr (GError) error = NULL;
    g_autofree char *text = NULL;

    bothy_restart_parse (good[i], &autostart.restart, &autostart.max_restarts, &error);
    g_assert_no_error (error);
    text = bothy_restart_format (&autostart);
    g_assert_cmpstr (text, ==, good[i]);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    BothyAutostart autostart = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_false (bothy_restart_parse (bad[i], &autostart.restart, &autostart.max_restarts, &error));
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
  }
}

static void
test_modes (void)
{
  BothyAutostartMode mode;

  for (BothyAutostartMode i = BOTHY_AUTOSTART_NO; i <= BOTHY_AUTOSTART_ON_DEMAND; i++) {
    g_assert_true (bothy_autostart_parse_mode (bothy_autostart_mode_name (i), &mode, NULL));
    g_assert_cmpint (mode, ==, i);
  }
  g_assert_false (bothy_autostart_parse_mode ("on demand", &mode, NULL));
  g_assert_false (bothy_autostart_parse_mode ("", &mode, NULL));
  g_assert_true (bothy_autostart_check_delay (3600, NULL));
  g_assert_false (bothy_autostart_check_delay (3601, NULL));
}

static void
test_record (void)
{
  BothyAutostart autostart = { BOTHY_AUTOSTART_BOOT, 3600, (char *)A, BOTHY_RESTART_ON_FAILURE, 5 };
  BothyAutostart again = { 0 }, nothing = { 0 };
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_autoptr (GKeyFile) empty = g_key_file_new ();
  g_autoptr (GError) error = NULL;

  bothy_autostart_to_record (&autostart, record);
  bothy_autostart_from_record (&again, record, &error);
  g_assert_no_error (error);
  g_assert_cmpint (again.mode, ==, autostart.mode);
  g_assert_cmpuint (again.delay, ==, autostart.delay);
  g_assert_cmpstr (again.after, ==, autostart.after);
  g_assert_cmpint (again.restart, ==, autostart.restart);
  g_assert_cmpuint (again.max_restarts, ==, autostart.max_restarts);
  bothy_autostart_clear (&again);
  /* A container of before, and one of which nothing was said, look alike. */
  bothy_autostart_to_record (&nothing, empty);
  g_assert_false (g_key_file_has_group (empty, "Autostart"));
  g_assert_true (bothy_autostart_from_record (&nothing, empty, NULL));
  g_assert_cmpint (nothing.mode, ==, BOTHY_AUTOSTART_NO);
  g_assert_cmpstr (nothing.after, ==, "");
  bothy_autostart_clear (&nothing);
}

static void
test_refused_records (void)
{
  static const char *const nonsense[][2] = { { "Mode", "always" },         { "Mode", "" },
                                             { "Delay", "3601" },          { "After", "db" },
                                             { "After", "../../etc" },     { "Restart", "on-failure:0" },
                                             { "Restart", "on-failures" }, { "Restart", "" } };

  for (gsize i = 0; i < G_N_ELEMENTS (nonsense); i++) {
    BothyAutostart autostart = { BOTHY_AUTOSTART_LOGIN, 1, (char *)A, BOTHY_RESTART_ALWAYS, 0 },
                   again = { 0 };
    g_autoptr (GKeyFile) record = g_key_file_new ();
    g_autoptr (GError) error = NULL;

    bothy_autostart_to_record (&autostart, record);
    g_key_file_set_string (record, "Autostart", nonsense[i][0], nonsense[i][1]);
    g_assert_false (bothy_autostart_from_record (&again, record, &error));
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
    bothy_autostart_clear (&again);
  }
}

static const char *
look_up (const char *id, gpointer table)
{
  return g_hash_table_lookup (table, id);
}

static void
test_circles (void)
{
  g_autoptr (GHashTable) table = g_hash_table_new (g_str_hash, g_str_equal);
  g_auto (GStrv) circle = NULL;
  g_auto (GStrv) own = NULL;

  g_hash_table_insert (table, (gpointer)B, (gpointer)A);
  g_hash_table_insert (table, (gpointer)C, (gpointer)B);
  g_hash_table_insert (table, (gpointer)A, (gpointer) "");
  g_assert_null (bothy_autostart_find_circle (D, C, look_up, table));
  g_assert_null (bothy_autostart_find_circle (A, D, look_up, table));
  circle = bothy_autostart_find_circle (A, C, look_up, table);
  g_assert_cmpstrv (circle, ((const char *[]){ A, C, B, A, NULL }));
  own = bothy_autostart_find_circle (A, A, look_up, table);
  g_assert_cmpstrv (own, ((const char *[]){ A, A, NULL }));
  /* One of others, from a record that somebody edited, ends as well. */
  g_hash_table_insert (table, (gpointer)A, (gpointer)C);
  g_assert_null (bothy_autostart_find_circle (D, C, look_up, table));
}

static void
test_pauses (void)
{
  static const guint pauses[] = { 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000 };
  BothyAutostart always = { .restart = BOTHY_RESTART_ALWAYS };
  BothyAutostart on_failure = { .restart = BOTHY_RESTART_ON_FAILURE, .max_restarts = 3 };
  BothyAutostart no = { 0 };
  guint64 all = 0;

  for (guint i = 0; i < G_N_ELEMENTS (pauses); i++)
    g_assert_cmpuint (bothy_restart_get_delay (i + 1), ==, pauses[i]);
  g_assert_cmpuint (bothy_restart_get_delay (G_MAXUINT), ==, 60000);
  for (guint i = 1; i <= bothy_restart_get_max (&always); i++)
    all += bothy_restart_get_delay (i);
  g_assert_cmpuint (all, >, 3600 * 1000);
  g_assert_cmpuint (bothy_restart_get_max (&on_failure), ==, 3);
  g_assert_true (bothy_restart_is_wanted (&always, FALSE, 0, 0));
  g_assert_false (bothy_restart_is_wanted (&on_failure, FALSE, 0, 0));
  g_assert_true (bothy_restart_is_wanted (&on_failure, FALSE, 1, 0));
  g_assert_true (bothy_restart_is_wanted (&on_failure, FALSE, 0, SIGTERM));
  g_assert_true (bothy_restart_is_wanted (&on_failure, TRUE, 0, 0));
  g_assert_false (bothy_restart_is_wanted (&no, TRUE, 1, SIGKILL));
}

/* ---- reasons ---- */

static BothyContainer *
make_container (void)
{
  BothyContainerSpec *spec = g_new0 (BothyContainerSpec, 1);

  spec->name = g_strdup ("x1");
  return bothy_container_new (A, 1000, 0x40000000, spec);
}

/* What it says of an end by SIGNAL (0: by itself) of its first process, after the kernel killed KILLS of its processes. */
static BothyStateReason
end_by (int signal, guint64 kills, gboolean reboot)
{
  g_autoptr (BothyContainer) container = make_container ();

  bothy_container_set_cause (container, BOTHY_REASON_AUTOSTART, "boot");
  bothy_container_set_starting (container);
  g_assert_cmpint (container->reason, ==, BOTHY_REASON_AUTOSTART);
  bothy_container_set_state (container, BOTHY_CONTAINER_RUNNING);
  if (kills > 0)
    bothy_container_add_oom_kills (container, kills);
  bothy_container_set_exited (container, 0, signal, reboot);
  bothy_container_set_ended (container);
  return container->reason;
}

static void
test_reasons (void)
{
  g_autoptr (BothyContainer) container = make_container ();

  g_assert_cmpint (end_by (0, 0, FALSE), ==, BOTHY_REASON_EXITED);
  g_assert_cmpint (end_by (0, 3, FALSE), ==, BOTHY_REASON_EXITED);
  g_assert_cmpint (end_by (SIGSEGV, 0, FALSE), ==, BOTHY_REASON_CRASHED);
  g_assert_cmpint (end_by (SIGKILL, 0, FALSE), ==, BOTHY_REASON_CRASHED);
  g_assert_cmpint (end_by (SIGKILL, 1, FALSE), ==, BOTHY_REASON_OUT_OF_MEMORY);
  g_assert_cmpint (end_by (SIGHUP, 0, TRUE), ==, BOTHY_REASON_RESTART);
  /* Its supervisor said nothing. */
  bothy_container_set_ended (container);
  g_assert_cmpint (container->reason, ==, BOTHY_REASON_CRASHED);
  bothy_container_set_stopping (container, BOTHY_REASON_ADMINISTRATOR);
  bothy_container_set_ended (container);
  g_assert_cmpint (container->reason, ==, BOTHY_REASON_ADMINISTRATOR);
  for (BothyStateReason i = BOTHY_REASON_NONE; i <= BOTHY_REASON_SHUTDOWN; i++)
    g_assert_cmpint (bothy_container_reason_from_name (bothy_container_reason_name (i)), ==, i);
  g_assert_cmpint (bothy_container_reason_from_name ("whim"), ==, BOTHY_REASON_NONE);
}

/* Whoever takes a start back makes the number another one, and none comes twice. */
static void
test_due (void)
{
  g_autoptr (GError) failure = g_error_new_literal (BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "x");
  g_autoptr (BothyContainer) container = make_container ();
  guint first = bothy_container_set_due (container), second = bothy_container_set_due (container);

  g_assert_cmpuint (first, !=, 0);
  g_assert_cmpuint (first, !=, second);
  g_assert_cmpuint (container->due, ==, second);
  /* It is, until it runs or could not be started; but for who asks for it himself. */
  bothy_container_set_cause (container, BOTHY_REASON_RESTART, "boot");
  g_assert_cmpuint (container->due, ==, second);
  bothy_container_set_start_failed (container, failure);
  g_assert_cmpuint (container->due, ==, 0);
  g_assert_true (container->wanted);
  bothy_container_set_due (container);
  bothy_container_set_cause (container, BOTHY_REASON_ASKED, "boot");
  g_assert_cmpuint (container->due, ==, 0);
  bothy_container_set_start_failed (container, failure);
  g_assert_false (container->wanted);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/autostart/policies", test_policies);
  g_test_add_func ("/autostart/modes", test_modes);
  g_test_add_func ("/autostart/record", test_record);
  g_test_add_func ("/autostart/STATE-03-refused-records", test_refused_records);
  g_test_add_func ("/autostart/circles", test_circles);
  g_test_add_func ("/autostart/pauses", test_pauses);
  g_test_add_func ("/autostart/reasons", test_reasons);
  g_test_add_func ("/autostart/due", test_due);
  return g_test_run ();
}
