/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/record.h"

#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER          "#bothy-record 1 "
#define DIGEST_LENGTH   64
#define MAX_RECORD_SIZE (1024 * 1024)

static gboolean
write_all (int fd, const char *text, gsize length)
{
  while (length > 0) {
    ssize_t n = write (fd, text, length);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    text += n;
    length -= (gsize)n;
  }
  return TRUE;
}

static char *
seal (GKeyFile *content)
{
  g_autofree char *body = g_key_file_to_data (content, NULL, NULL);
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, body, -1);

  return g_strconcat (HEADER, digest, "\n", body, NULL);
}

static gboolean
write_temporary (int dirfd, const char *name, const char *text, BothyRecordDurability durability)
{
  autofd fd = openat (dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0)
    return FALSE;
  if (!write_all (fd, text, strlen (text)))
    return FALSE;
  return durability == BOTHY_RECORD_VOLATILE || fsync (fd) == 0;
}

gboolean
bothy_record_write (
    int dirfd, const char *name, GKeyFile *content, BothyRecordDurability durability, GError **error)
{
  g_autofree char *text = seal (content);
  g_autofree char *temporary = g_strdup_printf (".%s.%08x", name, g_random_int ());

  /* What could not be read any more would count as damaged, and then nobody gets ids. */
  if (strlen (text) > MAX_RECORD_SIZE) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED,
                 "This is more than can be written down: %u bytes", MAX_RECORD_SIZE);
    return FALSE;
  }
  if (write_temporary (dirfd, temporary, text, durability) && renameat (dirfd, temporary, dirfd, name) == 0) {
    if (durability == BOTHY_RECORD_VOLATILE || fsync (dirfd) == 0)
      return TRUE;
  }
  bothy_error_set_errno (error, errno, "Writing a record");
  unlinkat (dirfd, temporary, 0);
  return FALSE;
}

gboolean
bothy_record_settle (int dirfd, const char *name, GError **error)
{
  autofd fd = openat (dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

  if (fd >= 0 && fsync (fd) == 0 && fsync (dirfd) == 0)
    return TRUE;
  bothy_error_set_errno (error, errno, "Writing a record");
  return FALSE;
}

gboolean
bothy_record_place (int dirfd, const char *name, const char *final, BothyRecordDurability durability)
{
  int number;

  if (renameat (dirfd, name, dirfd, final) < 0)
    return FALSE;
  if (durability == BOTHY_RECORD_VOLATILE || fsync (dirfd) == 0)
    return TRUE;
  number = errno;
  renameat (dirfd, final, dirfd, name);
  errno = number;
  return FALSE;
}

/* The fd of NAME if it is a file that only root can have written. */
static int
open_trusted (int dirfd, const char *name)
{
  autofd fd = openat (dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat st;

  if (fd < 0)
    return -1;
  if (fstat (fd, &st) < 0)
    return -1;
  if (!S_ISREG (st.st_mode) || st.st_uid != 0 || (st.st_mode & 0077) != 0 || st.st_nlink != 1 ||
      st.st_size > MAX_RECORD_SIZE) {
    errno = EBADMSG;
    return -1;
  }
  return g_steal_fd (&fd);
}

static char *
read_text (int fd)
{
  g_autofree char *text = g_malloc (MAX_RECORD_SIZE + 1);
  gsize length = 0;
  ssize_t n;

  while ((n = read (fd, text + length, MAX_RECORD_SIZE - length)) != 0) {
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return NULL;
    length += (gsize)n;
  }
  text[length] = '\0';
  errno = EBADMSG;
  return strlen (text) == length ? g_steal_pointer (&text) : NULL;
}

static GKeyFile *
unseal (const char *text)
{
  g_autoptr (GKeyFile) content = g_key_file_new ();
  g_autofree char *digest = NULL;
  const char *body;

  if (!text || !g_str_has_prefix (text, HEADER) || strlen (text) < strlen (HEADER) + DIGEST_LENGTH + 1)
    return NULL;
  body = text + strlen (HEADER) + DIGEST_LENGTH + 1;
  digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, body, -1);
  if (strncmp (text + strlen (HEADER), digest, DIGEST_LENGTH) != 0 || body[-1] != '\n')
    return NULL;
  if (!g_key_file_load_from_data (content, body, strlen (body), G_KEY_FILE_NONE, NULL))
    return NULL;
  return g_steal_pointer (&content);
}

static void
move_aside (int dirfd, const char *name)
{
  for (guint i = 1; i < 1000; i++) {
    g_autofree char *aside = g_strdup_printf ("%s.corrupt-%u", name, i);

    if (renameat2 (dirfd, name, dirfd, aside, RENAME_NOREPLACE) == 0 || errno != EEXIST)
      return;
  }
}

/* The machine is short of something, which says nothing about the record. */
static gboolean
is_shortage (int number)
{
  return number == EMFILE || number == ENFILE || number == ENOMEM || number == EIO;
}

GKeyFile *
bothy_record_read (int dirfd, const char *name, GError **error)
{
  autofd fd = open_trusted (dirfd, name);
  g_autofree char *text = NULL;
  g_autoptr (GKeyFile) content = NULL;

  if (fd < 0 && errno == ENOENT) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "No record %s", name);
    return NULL;
  }
  text = fd < 0 ? NULL : read_text (fd);
  if (!text && is_shortage (errno)) {
    bothy_error_set_errno (error, errno, "Reading a record");
    return NULL;
  }
  content = unseal (text);
  if (!content) {
    move_aside (dirfd, name);
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED,
                 "The record %s is damaged; it was moved aside as %s.corrupt-N", name, name);
    return NULL;
  }
  return g_steal_pointer (&content);
}
