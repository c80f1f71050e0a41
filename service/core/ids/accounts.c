/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ids/accounts.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/validate.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#define NSS_BUFFER_SIZE 65536
#define LOGGED_IN       "/run/systemd/users"

/* fgetpwent(3) keeps what it reads where every thread sees it. */
static GMutex lists;

/* NULL: there is none. FALSE: there may be. */
static gboolean
open_accounts (const char *path, FILE **ret_file, GError **error)
{
  *ret_file = fopen (path, "re");
  if (*ret_file || errno == ENOENT)
    return TRUE;
  bothy_error_set_errno (error, errno, path);
  return FALSE;
}

/* Closes FILE, if there is one. What was not read to its end may say more: that is TRUE, too, and sets ERROR. */
static gboolean
close_accounts (const char *path, FILE *file, gboolean found, GError **error)
{
  gboolean broken = file && !found && !feof (file);

  if (broken)
    bothy_error_set_errno (error, errno, path);
  g_clear_pointer (&file, fclose);
  return found || broken;
}

static gboolean
users_overlap (BothyIdSpan span, GError **error)
{
  gboolean found = FALSE;
  struct passwd *user;
  FILE *file;

  if (!open_accounts ("/etc/passwd", &file, error))
    return TRUE;
  while (file && !found && (user = fgetpwent (file)))
    found = user->pw_uid >= span.first && user->pw_uid <= span.last;
  return close_accounts ("/etc/passwd", file, found, error);
}

static gboolean
groups_overlap (BothyIdSpan span, GError **error)
{
  gboolean found = FALSE;
  struct group *group;
  FILE *file;

  if (!open_accounts ("/etc/group", &file, error))
    return TRUE;
  while (file && !found && (group = fgetgrent (file)))
    found = group->gr_gid >= span.first && group->gr_gid <= span.last;
  return close_accounts ("/etc/group", file, found, error);
}

gboolean
bothy_accounts_is_none (int number)
{
  return number == 0 || number == ENOENT || number == ESRCH || number == EBADF || number == EPERM;
}

gboolean
bothy_accounts_is_ours (guint32 id, const char *name)
{
  g_autofree char *prefix = g_strdup_printf ("bothy-%u-", id / BOTHY_RANGE_SIZE);

  return g_str_has_prefix (name, prefix);
}

/* NAME or NULL, and the NUMBER that came with it, are what NSS says of ID. What it does not know gives TRUE and sets ERROR. */
static gboolean
is_somebody (gint64 id, const char *name, int number, GError **error)
{
  if (name)
    return !bothy_accounts_is_ours ((guint32)id, name);
  /* ERANGE: it is there, and is long. */
  if (number == ERANGE)
    return TRUE;
  if (bothy_accounts_is_none (number))
    return FALSE;
  bothy_error_set_errno (error, number, "looking for accounts");
  return TRUE;
}

static gboolean
is_user (gint64 uid, GError **error)
{
  g_autofree char *buffer = g_malloc (NSS_BUFFER_SIZE);
  struct passwd entry, *found = NULL;
  int number = getpwuid_r ((uid_t)uid, &entry, buffer, NSS_BUFFER_SIZE, &found);

  return is_somebody (uid, found ? found->pw_name : NULL, number, error);
}

static gboolean
is_group (gint64 gid, GError **error)
{
  g_autofree char *buffer = g_malloc (NSS_BUFFER_SIZE);
  struct group entry, *found = NULL;
  int number = getgrgid_r ((gid_t)gid, &entry, buffer, NSS_BUFFER_SIZE, &found);

  return is_somebody (gid, found ? found->gr_name : NULL, number, error);
}

/*
 * Whether SPAN has ids of a domain of Active Directory. Directory servers list nobody, and a domain's people are anywhere in its slice of
 * ids; but each domain has an administrator and a group of all its users, whose numbers in the slice are the same everywhere. The
 * slices are SSSD's (ldap_idmap_range_min and ldap_idmap_range_size of sssd-ad(5)) as they are unless somebody set others.
 */
static gboolean
domain_overlaps (BothyIdSpan span, GError **error)
{
  const gint64 first = 200000, size = 200000, administrator = 500, users = 513;

  for (gint64 slice = first + MAX (span.first - first, 0) / size * size; slice <= span.last; slice += size)
    if (is_user (slice + administrator, error) || is_group (slice + users, error))
      return TRUE;
  return FALSE;
}

/* Directory servers list nobody, and ask for 65,536 ids one by one nobody wants; but logind has a file for each who is logged in or
   lingers, called by his uid. */
static gboolean
anybody_is_logged_in (BothyIdSpan span, GError **error)
{
  GError *unreadable = NULL;
  g_autoptr (GDir) users = g_dir_open (LOGGED_IN, 0, &unreadable);
  const char *name;
  guint64 uid;

  if (g_error_matches (unreadable, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    g_error_free (unreadable);
    return FALSE;
  }
  if (unreadable) {
    g_propagate_error (error, unreadable);
    return TRUE;
  }
  while ((name = g_dir_read_name (users))) {
    if (bothy_parse_number (name, (guint64)span.first, (guint64)span.last, &uid))
      return TRUE;
  }
  return FALSE;
}

static gboolean
account_overlaps (BothyIdSpan span, GError **error)
{
  return domain_overlaps (span, error) || is_user (span.first, error) || is_user (span.last, error) ||
         is_group (span.first, error) || is_group (span.last, error) || users_overlap (span, error) ||
         groups_overlap (span, error) || anybody_is_logged_in (span, error);
}

gboolean
bothy_accounts_are_among (BothyIdSpan span, GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lists);

  return account_overlaps (span, error);
}

gboolean
bothy_accounts_are_listed_among (gboolean groups, BothyIdSpan span, GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lists);

  return groups ? groups_overlap (span, error) : users_overlap (span, error);
}
