/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/userdb.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "/run/userdb"

static void
write_record (int dirfd, const char *name, const char *id_link, const char *text)
{
  autofd fd = openat (dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

  if (fd < 0)
    return;
  /* The service's umask must not make it unreadable for those who ask for the name. */
  if (fchmod (fd, 0644) < 0 || write (fd, text, strlen (text)) < 0 || symlinkat (name, dirfd, id_link) < 0)
    g_debug ("userdb: %s: record not complete", name);
}

static void
publish_id (int dirfd, const char *name, guint32 id)
{
  g_autofree char *user_file = g_strconcat (name, ".user", NULL);
  g_autofree char *group_file = g_strconcat (name, ".group", NULL);
  g_autofree char *user_link = g_strdup_printf ("%u.user", id);
  g_autofree char *group_link = g_strdup_printf ("%u.group", id);
  g_autofree char *user = g_strdup_printf ("{\"userName\":\"%s\",\"uid\":%u,\"gid\":%u,\"realName\":\"Bothy "
                                           "container\",\"disposition\":\"container\","
                                           "\"homeDirectory\":\"/\",\"shell\":\"/usr/sbin/"
                                           "nologin\",\"locked\":true,\"service\":\"org.bothy.Bothy1\"}\n",
                                           name, id, id);
  g_autofree char *group = g_strdup_printf (
      "{\"groupName\":\"%s\",\"gid\":%u,\"disposition\":\"container\",\"service\":\"org.bothy.Bothy1\"}\n",
      name, id);

  write_record (dirfd, user_file, user_link, user);
  write_record (dirfd, group_file, group_link, group);
}

void
bothy_userdb_publish (guint32 base, guint32 count)
{
  autofd dirfd = open (DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autofree char *first = g_strdup_printf ("bothy-%u-root", base / count);
  g_autofree char *last = g_strdup_printf ("bothy-%u-last", base / count);

  if (dirfd < 0)
    return;
  publish_id (dirfd, first, base);
  publish_id (dirfd, last, base + count - 1);
}

static void
withdraw_id (int dirfd, const char *name, guint32 id)
{
  static const char *const kinds[] = { "user", "group" };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autofree char *file = g_strdup_printf ("%s.%s", name, kinds[i]);
    g_autofree char *link = g_strdup_printf ("%u.%s", id, kinds[i]);

    unlinkat (dirfd, link, 0);
    unlinkat (dirfd, file, 0);
  }
}

void
bothy_userdb_withdraw (guint32 base, guint32 count)
{
  autofd dirfd = open (DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autofree char *first = g_strdup_printf ("bothy-%u-root", base / count);
  g_autofree char *last = g_strdup_printf ("bothy-%u-last", base / count);

  if (dirfd < 0)
    return;
  withdraw_id (dirfd, first, base);
  withdraw_id (dirfd, last, base + count - 1);
}
