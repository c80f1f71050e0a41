/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "words.h"

#include <gio/gio.h>

/* Whoever adds a name to the service's list hears here that people are to read of it. */
static void
test_each_name_has_a_sentence (void)
{
  for (int code = 0; code < BOTHY_N_ERRORS; code++) {
    const char *name = bothy_error_name ((BothyErrorCode)code);
    const char *sentence = app_words_for_name (name);

    g_test_message ("%s", name);
    g_assert_nonnull (sentence);
    g_assert_true (g_str_has_suffix (sentence, "."));
  }
}

static void
test_error_of_the_bus (void)
{
  g_autoptr (GError) error =
      g_dbus_error_new_for_dbus_error ("org.bothy.Bothy1.Error.NoSpace", "layer 3: no space left on device");
  g_autofree char *details = app_words_details (error);

  g_assert_cmpstr (app_words_for_error (error), ==, app_words_for_name ("NoSpace"));
  g_assert_cmpstr (details, ==, "layer 3: no space left on device");
}

static void
test_error_of_an_operation (void)
{
  g_autoptr (GError) named =
      app_words_error_from_name ("org.bothy.Bothy1.Error.NotVerified", "images: wrong key: 12");
  g_autoptr (GError) plain = app_words_error_from_name ("", "something else");
  g_autofree char *details = app_words_details (named);

  g_assert_cmpstr (app_words_for_error (named), ==, app_words_for_name ("NotVerified"));
  g_assert_cmpstr (details, ==, "images: wrong key: 12");
  g_assert_cmpstr (app_words_for_error (plain), ==, app_words_for_name ("Failed"));
  g_assert_cmpstr (plain->message, ==, "something else");
}

static void
test_unknown_name (void)
{
  g_autoptr (GError) error = g_dbus_error_new_for_dbus_error ("org.bothy.Bothy1.Error.FromTheFuture", "what");

  g_assert_null (app_words_for_name ("FromTheFuture"));
  g_assert_cmpstr (app_words_for_error (error), ==, app_words_for_name ("Failed"));
}

static void
test_dismissals (void)
{
  g_autoptr (GError) dismissed =
      g_dbus_error_new_for_dbus_error ("org.bothy.Bothy1.Error.NotAuthorizedDismissed", "no");
  g_autoptr (GError) cancelled = g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "no");
  g_autoptr (GError) refused = g_dbus_error_new_for_dbus_error ("org.bothy.Bothy1.Error.NotAuthorized", "no");

  g_assert_true (app_words_is_dismissal (dismissed));
  g_assert_true (app_words_is_dismissal (cancelled));
  g_assert_false (app_words_is_dismissal (refused));
}

static void
assert_when (const char *then, const char *expected)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) now = g_date_time_new_from_iso8601 ("2026-03-01T09:30:00Z", utc);
  g_autoptr (GDateTime) moment = g_date_time_new_from_iso8601 (then, utc);
  g_autofree char *text = app_words_when ((guint64)g_date_time_to_unix (moment) * G_USEC_PER_SEC, now);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_when (void)
{
  assert_when ("2026-03-01T00:05:00Z", "today at 00:05");
  assert_when ("2026-02-28T23:59:00Z", "yesterday at 23:59");
  assert_when ("2025-03-01T09:30:00Z", "on 03/01/25");
}

static void
test_states (void)
{
  static const char *const states[] = { "stopped", "starting", "running", "freezing",
                                        "frozen",  "stopping", "failed" };

  for (gsize i = 0; i < G_N_ELEMENTS (states); i++)
    g_assert_cmpstr (app_words_state (states[i]), !=, app_words_state ("dreaming"));
  g_assert_null (app_words_reason ("asked"));
  g_assert_nonnull (app_words_reason ("out-of-memory"));
}

/* As dbus/ lists them. */
static void
test_operations (void)
{
  static const char *const kinds[] = { "import-image",     "pull-image",      "export-image",
                                       "delete-container", "create-snapshot", "restore-snapshot",
                                       "remove-snapshot",  "copy-container",  "commit-container",
                                       "copy-from",        "copy-to" };
  static const char *const phases[] = { "waiting",        "looking",   "downloading", "unpacking",
                                        "snapshotting",   "restoring", "removing",    "copying",
                                        "removing files", "packing" };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    g_assert_cmpstr (app_words_kind (kinds[i]), !=, app_words_kind ("dream"));
  for (gsize i = 0; i < G_N_ELEMENTS (phases); i++)
    g_assert_cmpstr (app_words_phase (phases[i]), !=, app_words_phase ("dreaming"));
}

/* As dbus/ lists them. */
static void
test_devices (void)
{
  static const char *const classes[] = { "gpu", "sound", "camera", "input", "serial",
                                         "kvm", "tun",   "fuse",   "usb",   "hid" };

  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    g_assert_cmpstr (app_words_device (classes[i]), !=, app_words_device (""));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/words/each-name-has-a-sentence", test_each_name_has_a_sentence);
  g_test_add_func ("/app/words/error-of-the-bus", test_error_of_the_bus);
  g_test_add_func ("/app/words/error-of-an-operation", test_error_of_an_operation);
  g_test_add_func ("/app/words/unknown-name", test_unknown_name);
  g_test_add_func ("/app/words/dismissals", test_dismissals);
  g_test_add_func ("/app/words/when", test_when);
  g_test_add_func ("/app/words/states", test_states);
  g_test_add_func ("/app/words/operations", test_operations);
  g_test_add_func ("/app/words/devices", test_devices);
  return g_test_run ();
}
