/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/accounts/passwd.h"

#include <pwd.h>
#include <stdio.h>

typedef gboolean (*Matches) (const struct passwd *account, gconstpointer wanted);

static gboolean
has_name (const struct passwd *account, gconstpointer wanted)
{
  return g_str_equal (account->pw_name, wanted);
}

static gboolean
has_uid (const struct passwd *account, gconstpointer wanted)
{
  return account->pw_uid == GPOINTER_TO_UINT (wanted);
}

static char *
find (Matches matches, gconstpointer wanted, guint32 *ret_uid)
{
  FILE *file = fopen ("/etc/passwd", "re");
  struct passwd *account = NULL;
  char *name = NULL;

  while (file && (account = fgetpwent (file)) && !matches (account, wanted))
    continue;
  if (account) {
    name = g_strdup (account->pw_name);
    *ret_uid = account->pw_uid;
  }
  g_clear_pointer (&file, fclose);
  return name;
}

gboolean
bothy_passwd_find (const char *name, guint32 *ret_uid)
{
  g_autofree char *found = find (has_name, name, ret_uid);

  return found != NULL;
}

char *
bothy_passwd_name (guint32 uid)
{
  guint32 found;

  return find (has_uid, GUINT_TO_POINTER (uid), &found);
}
