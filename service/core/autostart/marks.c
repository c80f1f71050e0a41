/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/autostart/marks.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/validate.h"
#include "storage/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BOOT  "id"
#define GROUP "Boot"
#define LOGIN "login-"
#define ANY   "autostart"

struct _BothyMarks {
  int boot_fd, state_fd;
  char *boot;
};

/* Who removes the mark has the next bothyd take this for another boot. */
static char *
read_or_make_boot (int boot_fd, GError **error)
{
  g_autoptr (GError) missing = NULL;
  g_autoptr (GKeyFile) record = bothy_record_read (boot_fd, BOOT, &missing);
  g_autofree char *boot = record ? g_key_file_get_string (record, GROUP, "Id", NULL) : NULL;

  if (boot && bothy_is_uuid (boot))
    return g_steal_pointer (&boot);
  /* One that makes no sense was put aside. */
  if (missing && !g_error_matches (missing, G_FILE_ERROR, G_FILE_ERROR_NOENT) &&
      !g_error_matches (missing, BOTHY_ERROR, BOTHY_ERROR_DEGRADED)) {
    g_propagate_error (error, g_steal_pointer (&missing));
    return NULL;
  }
  g_free (boot);
  boot = g_uuid_string_random ();
  g_clear_pointer (&record, g_key_file_unref);
  record = g_key_file_new ();
  g_key_file_set_string (record, GROUP, "Id", boot);
  return bothy_record_write (boot_fd, BOOT, record, BOTHY_RECORD_VOLATILE, error) ? g_steal_pointer (&boot)
                                                                                  : NULL;
}

BothyMarks *
bothy_marks_new (int boot_fd, int state_fd, GError **error)
{
  g_autofree char *boot = read_or_make_boot (boot_fd, error);
  BothyMarks *self;

  if (!boot)
    return NULL;
  self = g_new0 (BothyMarks, 1);
  self->boot_fd = boot_fd;
  self->state_fd = state_fd;
  self->boot = g_steal_pointer (&boot);
  return self;
}

void
bothy_marks_free (BothyMarks *self)
{
  g_free (self->boot);
  g_free (self);
}

const char *
bothy_marks_get_boot (BothyMarks *self)
{
  return self->boot;
}

/* Make the empty file NAME in DIRFD, or remove it. */
static gboolean
set_mark (int dirfd, const char *name, gboolean there, GError **error)
{
  autofd fd = there ? openat (dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;

  if (there ? fd >= 0 || errno == EEXIST : unlinkat (dirfd, name, 0) == 0 || errno == ENOENT)
    return TRUE;
  bothy_error_set_errno (error, errno, name);
  return FALSE;
}

gboolean
bothy_marks_has_login (BothyMarks *self, guint32 uid)
{
  g_autofree char *name = g_strdup_printf (LOGIN "%u", uid);

  return faccessat (self->boot_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void
bothy_marks_set_login (BothyMarks *self, guint32 uid, gboolean in)
{
  g_autofree char *name = g_strdup_printf (LOGIN "%u", uid);
  g_autoptr (GError) error = NULL;

  if (!set_mark (self->boot_fd, name, in, &error))
    g_warning ("The login of user %u: %s", uid, error->message);
}

void
bothy_marks_each_login (BothyMarks *self, void (*each) (guint32 uid, gpointer data), gpointer data)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", self->boot_fd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  guint64 uid;

  while (dir && (name = g_dir_read_name (dir))) {
    if (g_str_has_prefix (name, LOGIN) && bothy_parse_number (name + strlen (LOGIN), 0, G_MAXUINT32, &uid))
      each ((guint32)uid, data);
  }
}

gboolean
bothy_marks_set_any (BothyMarks *self, gboolean any, GError **error)
{
  return set_mark (self->state_fd, ANY, any, error);
}
