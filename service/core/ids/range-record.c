/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ids/range-record.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/ids.h"
#include "base/validate.h"
#include "storage/record.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define GROUP        "Range"
#define SHUT_IN_BOOT "ShutInBoot"
#define BOOT_ID      "/proc/sys/kernel/random/boot_id"

/* (transfer full) NULL and an error: this boot can not be told from the next one. */
static char *
read_boot_id (GError **error)
{
  g_autofree char *id = NULL;

  if (!g_file_get_contents (BOOT_ID, &id, NULL, error))
    return NULL;
  g_strchomp (id);
  if (*id)
    return g_steal_pointer (&id);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "%s is empty", BOOT_ID);
  return NULL;
}

/* Whether an administrator shut the range of RECORD in an earlier boot: nothing in the kernel has its ids. */
static gboolean
was_shut_before_boot (GKeyFile *record)
{
  g_autofree char *shut = g_key_file_get_string (record, GROUP, SHUT_IN_BOOT, NULL);
  g_autofree char *now = shut ? read_boot_id (NULL) : NULL;

  return now && !g_str_equal (shut, now);
}

gboolean
bothy_range_record_read (int dirfd, const char *name, BothyRangeRecord *ret_record)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) record = bothy_record_read (dirfd, name, &error);
  guint64 base, owner;

  if (!record) {
    g_warning ("Ranges: %s", error->message);
    return FALSE;
  }
  owner = g_key_file_get_uint64 (record, GROUP, "Owner", &error);
  if (error || owner > G_MAXINT32 || !bothy_parse_number (name, 65536, G_MAXUINT32, &base) ||
      base % BOTHY_RANGE_SIZE != 0 || base != g_key_file_get_uint64 (record, GROUP, "Base", NULL)) {
    g_warning ("Ranges: the record %s makes no sense", name);
    return FALSE;
  }
  ret_record->base = (guint32)base;
  ret_record->owner = (guint32)owner;
  ret_record->by_hand = g_key_file_get_boolean (record, GROUP, "ByHand", NULL);
  ret_record->shut = g_key_file_has_key (record, GROUP, SHUT_IN_BOOT, NULL);
  ret_record->shut_before_boot = was_shut_before_boot (record);
  return TRUE;
}

gboolean
bothy_range_record_write (int dirfd, const BothyRangeRecord *self, GError **error)
{
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_autofree char *name = g_strdup_printf ("%u", self->base);
  g_autofree char *boot = self->shut ? read_boot_id (error) : NULL;

  g_key_file_set_uint64 (record, GROUP, "Base", self->base);
  g_key_file_set_uint64 (record, GROUP, "Owner", self->owner);
  if (self->by_hand)
    g_key_file_set_boolean (record, GROUP, "ByHand", TRUE);
  if (self->shut && !boot)
    return FALSE;
  if (boot)
    g_key_file_set_string (record, GROUP, SHUT_IN_BOOT, boot);
  BOTHY_FAULT_POINT ("range.before-record");
  if (!bothy_record_write (dirfd, name, record, BOTHY_RECORD_DURABLE, error))
    return FALSE;
  BOTHY_FAULT_POINT ("range.after-record");
  return TRUE;
}

gboolean
bothy_range_record_may_be_shut (int dirfd, guint32 base)
{
  g_autofree char *name = g_strdup_printf ("%u", base);
  g_autoptr (GKeyFile) record = bothy_record_read (dirfd, name, NULL);

  return !record || g_key_file_has_key (record, GROUP, SHUT_IN_BOOT, NULL);
}

gboolean
bothy_range_record_remove (int dirfd, guint32 base, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%u", base);

  /* It may have gone before, when the disk did not take that. */
  if ((unlinkat (dirfd, name, 0) == 0 || errno == ENOENT) && fsync (dirfd) == 0)
    return TRUE;
  bothy_error_set_errno (error, errno, "Removing the record of a range");
  return FALSE;
}
