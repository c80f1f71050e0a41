/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors as callers see them. */

#include "base/error.h"

#include <errno.h>
#include <gio/gio.h>

static void
test_names (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint code = 0; code < BOTHY_N_ERRORS; code++) {
    const char *name = bothy_error_name ((BothyErrorCode)code);

    g_assert_nonnull (name);
    g_assert_true (g_dbus_is_interface_name (name));
    g_assert_true (g_str_has_prefix (name, "org.bothy.Bothy1.Error.") ||
                   g_str_has_prefix (name, "org.freedesktop.DBus.Error."));
    if (!g_hash_table_add (seen, (gpointer)name))
      g_error ("%s is the name of two errors", name);
  }
}

static void
check_adopted (GQuark domain, int code, BothyErrorCode expected)
{
  g_autoptr (GError) error = g_error_new_literal (domain, code, "what happened");

  bothy_error_adopt (&error, "Doing it");
  g_assert_error (error, BOTHY_ERROR, (int)expected);
  g_assert_cmpstr (error->message, ==, "Doing it: what happened");
}

static void
test_adopt (void)
{
  GError *none = NULL;
  g_autoptr (GError) ours = g_error_new_literal (BOTHY_ERROR, BOTHY_ERROR_BUSY, "busy");

  check_adopted (G_IO_ERROR, G_IO_ERROR_CANCELLED, BOTHY_ERROR_CANCELLED);
  check_adopted (G_IO_ERROR, G_IO_ERROR_NO_SPACE, BOTHY_ERROR_NO_SPACE);
  check_adopted (G_FILE_ERROR, G_FILE_ERROR_NOSPC, BOTHY_ERROR_NO_SPACE);
  check_adopted (G_IO_ERROR, G_IO_ERROR_FAILED, BOTHY_ERROR_FAILED);
  check_adopted (G_KEY_FILE_ERROR, 0, BOTHY_ERROR_FAILED);
  bothy_error_adopt (&ours, "Doing it");
  g_assert_error (ours, BOTHY_ERROR, BOTHY_ERROR_BUSY);
  g_assert_cmpstr (ours->message, ==, "busy");
  bothy_error_adopt (&none, "Doing it");
  bothy_error_adopt (NULL, "Doing it");
  g_assert_no_error (none);
}

static void
test_errno (void)
{
  static const struct {
    int number;
    BothyErrorCode code;
  } cases[] = {
    { ENOSPC, BOTHY_ERROR_NO_SPACE }, { EDQUOT, BOTHY_ERROR_NO_SPACE }, { EROFS, BOTHY_ERROR_FAILED },
    { EIO, BOTHY_ERROR_FAILED },      { 0, BOTHY_ERROR_FAILED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    bothy_error_set_errno (&error, cases[i].number, "Writing");
    g_assert_error (error, BOTHY_ERROR, (int)cases[i].code);
    g_assert_true (g_str_has_prefix (error->message, "Writing: "));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/error/names", test_names);
  g_test_add_func ("/error/adopt", test_adopt);
  g_test_add_func ("/error/STATE-02-errno", test_errno);
  return g_test_run ();
}
