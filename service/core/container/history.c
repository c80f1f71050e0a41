/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/history.h"

#include "base/fd.h"
#include "base/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_NAME     "history"
#define NEW_NAME      ".history.new"
#define MAX_SIZE      (32 * 1024)    /* bytes; then some are kept, the latest of each kind: */
#define MAX_READ      (2 * MAX_SIZE) /* with the line that brought it over the bound */
#define KEPT_OF_USERS (MAX_SIZE / 2)
#define KEPT_UNASKED  (MAX_SIZE / 4) /* such as ends of runs, of which there may be many in a row */

/* ---- the file ---- */

static int
open_directory (int containers_fd, const BothyContainer *container)
{
  return openat (containers_fd, container->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The lines of the last MAX_READ bytes. */
static char *
read_lines (int dirfd)
{
  autofd fd = openat (dirfd, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  g_autofree char *text = g_malloc (MAX_READ + 1);
  off_t size = fd >= 0 ? lseek (fd, 0, SEEK_END) : 0, begin = MAX (size - MAX_READ, 0);
  ssize_t n = fd >= 0 ? pread (fd, text, MAX_READ, begin) : 0;
  const char *first;

  text[MAX (n, 0)] = '\0';
  if (begin == 0)
    return g_steal_pointer (&text);
  first = strchr (text, '\n');
  return g_strdup (first ? first + 1 : "");
}

static gboolean
write_all (int fd, const char *text)
{
  gsize length = strlen (text);

  /* To a local file, all of it is written at once or there is no room. */
  return write (fd, text, length) == (ssize_t)length;
}

/* Whether LINE is of what a user did. */
static gboolean
is_of_user (const char *line)
{
  const char *user = strchr (line, '\t');
  guint64 uid = user ? g_ascii_strtoull (user + 1, NULL, 10) : 0;

  return uid != BOTHY_NO_USER;
}

/* What happens by itself takes no room from what users did. (transfer full) */
static char *
choose_kept (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint n = g_strv_length (lines);
  gsize of_users = 0, unasked = 0;
  g_autofree gboolean *kept = g_new0 (gboolean, n + 1);
  GString *result = g_string_new (NULL);

  for (guint i = n; i > 0; i--) {
    gboolean is_users = is_of_user (lines[i - 1]);
    gsize *sum = is_users ? &of_users : &unasked;

    *sum += strlen (lines[i - 1]) + 1;
    kept[i - 1] = *lines[i - 1] && *sum <= (is_users ? KEPT_OF_USERS : KEPT_UNASKED);
  }
  for (guint i = 0; i < n; i++)
    if (kept[i])
      g_string_append_printf (result, "%s\n", lines[i]);
  return g_string_free (result, FALSE);
}

/* Keep the latest. Either file is whole, whenever the power goes. */
static void
shorten (int dirfd)
{
  g_autofree char *text = read_lines (dirfd);
  g_autofree char *kept = choose_kept (text);
  autofd fd = -1;

  /* One that was cut short earlier. */
  unlinkat (dirfd, NEW_NAME, 0);
  fd = openat (dirfd, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || !write_all (fd, kept) || renameat (dirfd, NEW_NAME, dirfd, FILE_NAME) < 0)
    unlinkat (dirfd, NEW_NAME, 0);
}

static void
append (int dirfd, const char *line)
{
  autofd fd =
      openat (dirfd, FILE_NAME, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  struct stat st;

  if (fd < 0 || fstat (fd, &st) < 0 || !S_ISREG (st.st_mode))
    return;
  /* A line that is cut short by a full disk would take the next one with it. */
  if (!write_all (fd, line) && ftruncate (fd, st.st_size) < 0)
    return;
  if (st.st_size + (off_t)strlen (line) > MAX_SIZE)
    shorten (dirfd);
}

/* ---- what is noted ---- */

void
bothy_history_note (
    int containers_fd, BothyContainer *container, guint32 user, const char *deed, const char *grounds)
{
  const BothyJournalEntry entry = { user,          deed,
                                    grounds,       container->spec->name,
                                    container->id, container->owner };
  autofd dir = -1;
  g_autofree char *escaped = g_strescape (deed, NULL);
  g_autofree char *line =
      g_strdup_printf ("%" G_GINT64_FORMAT "\t%u\t%s\t%s\n", g_get_real_time (), user, escaped, grounds);

  bothy_journal_write (&entry);
  if (container->spec->ephemeral)
    return;
  dir = open_directory (containers_fd, container);
  if (dir >= 0)
    append (dir, line);
}

void
bothy_history_note_end (int containers_fd, BothyContainer *container)
{
  g_autofree char *deed = container->reboot ? g_strdup ("rebooted")
                          : container->last_signal
                              ? g_strdup_printf ("killed by signal %d", container->last_signal)
                              : g_strdup_printf ("exited with %d", container->last_code);
  g_autofree char *whole = container->last_error && container->last_signal
                               ? g_strdup_printf ("%s: %s", deed, container->last_error->message)
                               : g_strdup (deed);

  bothy_history_note (containers_fd, container, BOTHY_NO_USER, whole, "");
}

/* ---- reading ---- */

static void
add_line (GVariantBuilder *builder, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, "\t", -1);
  g_autofree char *raw = NULL;
  g_autofree char *deed = NULL;
  g_autofree char *grounds = NULL;
  guint64 time, user;

  if (g_strv_length (words) != 4 || !g_ascii_string_to_unsigned (words[0], 10, 0, G_MAXINT64, &time, NULL) ||
      !g_ascii_string_to_unsigned (words[1], 10, 0, G_MAXUINT32, &user, NULL))
    return;
  raw = g_strcompress (words[2]);
  deed = g_utf8_make_valid (raw, -1);
  grounds = g_utf8_make_valid (words[3], -1);
  g_variant_builder_add (builder, "(tuss)", time, (guint32)user, deed, grounds);
}

GVariant *
bothy_history_read (int containers_fd, BothyContainer *container)
{
  autofd dir = open_directory (containers_fd, container);
  g_autofree char *text = dir >= 0 ? read_lines (dir) : g_strdup ("");
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(tuss)"));
  for (char **line = lines; *line; line++)
    add_line (&builder, *line);
  return g_variant_builder_end (&builder);
}
