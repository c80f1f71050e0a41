/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/accounts/owners.h"

#include "config.h"
#include "base/error.h"
#include "core/accounts/passwd.h"
#include "storage/record.h"

#include <sys/stat.h>

#define GROUP "Account"

struct _BothyOwners {
  int dirfd;
  struct stat seen;    /* /etc/passwd, and */
  struct stat records; /* the directory, when those below were looked at */
  GHashTable *good;    /* uids */
};

BothyOwners *
bothy_owners_new (int dirfd)
{
  BothyOwners *self = g_new0 (BothyOwners, 1);

  self->dirfd = dirfd;
  self->good = g_hash_table_new (NULL, NULL);
  return self;
}

void
bothy_owners_free (BothyOwners *self)
{
  g_hash_table_unref (self->good);
  g_free (self);
}

static gboolean
is_same (const struct stat *a, const struct stat *b)
{
  return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
         a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Forgets what was found if accounts or records are others now. */
static void
refresh (BothyOwners *self)
{
  struct stat passwd = { 0 }, records = { 0 };

  if (stat ("/etc/passwd", &passwd) == 0 && fstat (self->dirfd, &records) == 0 &&
      is_same (&passwd, &self->seen) && is_same (&records, &self->records))
    return;
  self->seen = passwd;
  self->records = records;
  g_hash_table_remove_all (self->good);
}

/* NULL: there is no record (ERROR is not set), or none that can be read. */
static char *
read_name (BothyOwners *self, guint32 uid, GError **error)
{
  g_autofree char *file = g_strdup_printf ("%u", uid);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GKeyFile) record = bothy_record_read (self->dirfd, file, &local_error);

  if (record)
    return g_key_file_get_string (record, GROUP, "Name", error);
  if (!g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

gboolean
bothy_owners_note (BothyOwners *self, guint32 uid, GError **error)
{
  g_autofree char *file = g_strdup_printf ("%u", uid);
  g_autoptr (GKeyFile) record = NULL;
  g_autofree char *name = NULL;
  g_autofree char *noted = NULL;
  GError *local_error = NULL;

  noted = uid == 0 ? NULL : read_name (self, uid, &local_error);
  if (local_error) {
    g_propagate_error (error, local_error);
    return FALSE;
  }
  name = uid == 0 || noted ? NULL : bothy_passwd_name (uid);
  if (!name)
    return TRUE;
  record = g_key_file_new ();
  g_key_file_set_string (record, GROUP, "Name", name);
  return bothy_record_write (self->dirfd, file, record, BOTHY_RECORD_VOLATILE, error);
}

static gboolean
compare (guint32 uid, const char *noted, GError **error)
{
  g_autofree char *name = bothy_passwd_name (uid);

  /* An account of a directory server is none of the machine's own. */
  if (!name || g_str_equal (name, noted))
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
      "User id %u was that of %s when it got its containers and ids, and is that of %s now; an administrator "
      "can give them over: rm " STATE_DIR "/accounts/%u",
      uid, noted, name, uid);
  return FALSE;
}

gboolean
bothy_owners_check (BothyOwners *self, guint32 uid, GError **error)
{
  g_autofree char *noted = NULL;
  GError *local_error = NULL;

  refresh (self);
  if (uid == 0 || g_hash_table_contains (self->good, GUINT_TO_POINTER (uid)))
    return TRUE;
  noted = read_name (self, uid, &local_error);
  if (local_error || (noted && !compare (uid, noted, &local_error))) {
    g_propagate_error (error, local_error);
    return FALSE;
  }
  g_hash_table_add (self->good, GUINT_TO_POINTER (uid));
  return TRUE;
}
