/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ids/conflicts.h"

#include "base/error.h"
#include "base/validate.h"
#include "base/fd.h"
#include "base/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <shadow/subid.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILE_SIZE (16 * 1024 * 1024)
#define MAX_NUMBER    40 /* digits, of which most are zeros */
#define MAX_SHOWN     80 /* bytes of a line */

/* libsubid keeps what it reads where every thread sees it. */
static GMutex libraries;

typedef struct {
  BothyIdSpan span;
  gboolean overlaps;
} Search;

static void
note_overlap (BothyIdSpan other, gpointer user_data)
{
  Search *search = user_data;

  if (other.first <= search->span.last && other.last >= search->span.first)
    search->overlaps = TRUE;
}

/* A part of a text; of files of many megabytes each has too many for copies. */
typedef struct {
  const char *first;
  gsize length;
} Part;

static Part
strip (Part part)
{
  while (part.length > 0 && g_ascii_isspace (*part.first))
    part = (Part){ part.first + 1, part.length - 1 };
  while (part.length > 0 && g_ascii_isspace (part.first[part.length - 1]))
    part.length--;
  return part;
}

/* Take what is before the next colon off REST. FALSE: there is none. */
static gboolean
cut_field (Part *rest, Part *ret_field)
{
  const char *colon = memchr (rest->first, ':', rest->length);

  if (!colon)
    return FALSE;
  *ret_field = (Part){ rest->first, (gsize)(colon - rest->first) };
  *rest = (Part){ colon + 1, rest->length - ret_field->length - 1 };
  return TRUE;
}

static gboolean
read_number (Part part, guint64 *ret_number)
{
  Part stripped = strip (part);
  char text[MAX_NUMBER + 1];

  if (stripped.length > MAX_NUMBER)
    return FALSE;
  memcpy (text, stripped.first, stripped.length);
  text[stripped.length] = '\0';
  return g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, ret_number, NULL);
}

static gboolean
equals (Part part, const char *text)
{
  return part.length == strlen (text) && memcmp (part.first, text, part.length) == 0;
}

static gboolean
has_digit (Part part)
{
  for (gsize i = 0; i < part.length; i++) {
    if (g_ascii_isdigit (part.first[i]))
      return TRUE;
  }
  return FALSE;
}

/* "NAME:FIRST:COUNT". A count of 0 gives nothing away; numbers beyond 32 bits end at the last id. */
static gboolean
parse_subid_line (Part line, BothyConflictVisitor visit, gpointer user_data)
{
  Part name, number;
  guint64 first, count;

  if (!cut_field (&line, &name) || !cut_field (&line, &number) || !read_number (number, &first) ||
      !read_number (line, &count))
    return FALSE;
  if (count > 0 && first <= G_MAXUINT32)
    visit ((BothyIdSpan){ (gint64)first, (gint64)MIN (first + count - 1, G_MAXUINT32),
                          equals (name, "root") || equals (name, "0") },
           user_data);
  return TRUE;
}

gboolean
bothy_conflicts_parse_subids (
    const char *text, gsize length, BothyConflictVisitor visit, gpointer user_data, GError **error)
{
  const char *end = text + length;

  if (memchr (text, '\0', length)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "it holds a NUL byte");
    return FALSE;
  }
  for (const char *next; text < end; text = next + 1) {
    Part line;

    next = memchr (text, '\n', (gsize)(end - text));
    next = next ? next : end;
    line = strip ((Part){ text, (gsize)(next - text) });
    if (line.length == 0 || *line.first == '#' || !has_digit (line))
      continue;
    if (!parse_subid_line (line, visit, user_data)) {
      g_autofree char *copy = g_strndup (line.first, MIN (line.length, MAX_SHOWN));
      g_autofree char *shown = g_strescape (copy, NULL);

      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "this line is not NAME:FIRST:COUNT: %.80s",
                   shown);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean
bothy_conflicts_parse_map (const char *text, BothyConflictVisitor visit, gpointer user_data)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (char **line = lines; *line; line++) {
    unsigned int inside, outside, count;

    if (!**line)
      continue;
    if (sscanf (*line, "%u %u %u", &inside, &outside, &count) != 3)
      return FALSE;
    if (count > 0)
      visit ((BothyIdSpan){ outside, MIN ((gint64)outside + count - 1, (gint64)G_MAXUINT32), FALSE },
             user_data);
  }
  return TRUE;
}

static gboolean
read_file (const char *path, char **ret_text, gsize *ret_length, GError **error)
{
  autofd fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  struct stat st;

  /* A link that leads nowhere is no missing file: what it led to may come back. */
  if (fd < 0 && errno == ENOENT && fstatat (AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
      errno == ENOENT) {
    *ret_text = g_strdup ("");
    *ret_length = 0;
    return TRUE;
  }
  if (fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode) && st.st_size <= MAX_FILE_SIZE)
    return g_file_get_contents (path, ret_text, ret_length, error);
  bothy_error_set_errno (error, fd < 0 ? errno : EBADMSG, "reading it");
  return FALSE;
}

static gboolean
file_overlaps (const char *path, Search *search, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;

  if (read_file (path, &text, &length, error) &&
      bothy_conflicts_parse_subids (text, length, note_overlap, search, error))
    return search->overlaps;
  g_prefix_error (error, "%s: ", path);
  return TRUE;
}

/* What a file said when it last changed. */
typedef struct {
  const char *path;
  struct stat seen; /* all zero: there is none */
  GArray *spans;
  GError *error;
} Listing;

static void
add_span (BothyIdSpan span, gpointer user_data)
{
  g_array_append_val ((GArray *)user_data, span);
}

static gboolean
has_changed (const Listing *self, const struct stat *now)
{
  const struct stat *seen = &self->seen;

  return !self->spans || seen->st_dev != now->st_dev || seen->st_ino != now->st_ino ||
         seen->st_size != now->st_size || seen->st_mode != now->st_mode ||
         seen->st_mtim.tv_sec != now->st_mtim.tv_sec || seen->st_mtim.tv_nsec != now->st_mtim.tv_nsec ||
         seen->st_ctim.tv_sec != now->st_ctim.tv_sec || seen->st_ctim.tv_nsec != now->st_ctim.tv_nsec;
}

static void
refresh_listing (Listing *self)
{
  struct stat now = { 0 };
  g_autofree char *text = NULL;
  gsize length;

  if (stat (self->path, &now) < 0)
    memset (&now, 0, sizeof now);
  if (!has_changed (self, &now))
    return;
  self->seen = now;
  g_clear_error (&self->error);
  g_clear_pointer (&self->spans, g_array_unref);
  self->spans = g_array_new (FALSE, FALSE, sizeof (BothyIdSpan));
  if (read_file (self->path, &text, &length, &self->error))
    bothy_conflicts_parse_subids (text, length, add_span, self->spans, &self->error);
  else
    /* Why may be over before the file changes: too many files were open, say. */
    g_clear_pointer (&self->spans, g_array_unref);
  g_prefix_error (&self->error, "%s: ", self->path);
}

gboolean
bothy_conflicts_check_listed (guint32 first, guint32 count, GError **error)
{
  static Listing listings[] = { { .path = "/etc/subuid" }, { .path = "/etc/subgid" } };
  Search search = { .span = { first, (gint64)first + count - 1 } };

  for (gsize i = 0; i < G_N_ELEMENTS (listings); i++) {
    Listing *listing = &listings[i];

    refresh_listing (listing);
    if (listing->error) {
      g_propagate_error (error, g_error_copy (listing->error));
      return FALSE;
    }
    for (guint j = 0; j < listing->spans->len; j++)
      note_overlap (g_array_index (listing->spans, BothyIdSpan, j), &search);
  }
  if (search.overlaps)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
                 "ids from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                 " are given away in /etc/subuid or /etc/subgid; an administrator has to take that line out",
                 search.span.first, search.span.last);
  return !search.overlaps;
}

/* Subordinate ids that come from elsewhere than the files; nsswitch.conf(5), "subid". */
static gboolean
libsubid_overlaps (BothyIdSpan span)
{
  uid_t *owners = NULL;
  int n = 0;

  for (gint64 id = span.first; n <= 0 && id <= span.last; id += span.last - span.first) {
    n = subid_get_uid_owners ((uid_t)id, &owners);
    g_clear_pointer (&owners, free);
    if (n <= 0)
      n = subid_get_gid_owners ((gid_t)id, &owners);
    g_clear_pointer (&owners, free);
  }
  return n > 0;
}

/* Read the map, or the status, at PATH. A process that ends meanwhile has no claim: EINVAL is what the kernel says of one whose
   directory is there still, but that has been reaped. */
static gboolean
read_map (const char *path, char **ret_text, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  if (g_file_get_contents (path, ret_text, NULL, &local_error))
    return TRUE;
  if (!g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT) &&
      !g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_INVAL) &&
      !g_error_matches (local_error, G_FILE_ERROR, g_file_error_from_errno (ESRCH)))
    g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

void
bothy_conflicts_parse_status (const char *text, BothyConflictVisitor visit, gpointer user_data)
{
  static const char *const names[] = { "\nUid:", "\nGid:", "\nGroups:" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    const char *field = strstr (text, names[i]);
    char *end = NULL;

    for (field = field ? field + strlen (names[i]) : ""; *field && *field != '\n'; field = end) {
      guint64 id;

      field += strspn (field, "\t ");
      id = g_ascii_strtoull (field, &end, 10);
      if (end == field)
        break;
      visit ((BothyIdSpan){ (gint64)id, (gint64)id, FALSE }, user_data);
    }
  }
}

/* What can not be read gives TRUE and sets ERROR. Whose it is counts as well as what it maps: directory servers do not list their
   people, but those who are logged in have processes. */
static gboolean
process_overlaps (const char *pid, Search *search, GError **error)
{
  static const char *const files[] = { "uid_map", "gid_map", "status" };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *path = g_build_filename ("/proc", pid, files[i], NULL);
    g_autofree char *text = NULL;
    GError *unreadable = NULL;

    /* The initial namespace maps every id to itself, and that is no claim. */
    if (read_map (path, &text, &unreadable) && g_str_equal (files[i], "status"))
      bothy_conflicts_parse_status (text, note_overlap, search);
    else if (text && !strstr (text, "4294967295"))
      bothy_conflicts_parse_map (text, note_overlap, search);
    if (unreadable) {
      g_propagate_error (error, unreadable);
      return TRUE;
    }
  }
  return search->overlaps;
}

static gboolean
any_process_overlaps (Search *search, GError **error)
{
  g_autoptr (GDir) proc = g_dir_open ("/proc", 0, error);
  const char *name;

  if (!proc)
    return TRUE;
  while ((name = g_dir_read_name (proc))) {
    if (g_ascii_isdigit (*name) && process_overlaps (name, search, error))
      return TRUE;
  }
  return FALSE;
}

gboolean
bothy_conflicts_overlap (BothyIdSpan span, GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&libraries);
  Search search = { .span = span };

  return file_overlaps ("/etc/subuid", &search, error) || file_overlaps ("/etc/subgid", &search, error) ||
         libsubid_overlaps (span) || bothy_accounts_are_among (span, error) ||
         any_process_overlaps (&search, error);
}

/* Root can be any user as it is. */
static void
note_users_overlap (BothyIdSpan other, gpointer user_data)
{
  if (!other.roots)
    note_overlap (other, user_data);
}

static gboolean
libsubid_gives_to_user (gboolean gids, guint32 id)
{
  g_autofree uid_t *owners = NULL;
  int n = gids ? subid_get_gid_owners (id, &owners) : subid_get_uid_owners (id, &owners);

  for (int i = 0; i < n; i++) {
    if (owners[i] != 0)
      return TRUE;
  }
  return FALSE;
}

gboolean
bothy_conflicts_check_subordinate (guint32 uid, GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&libraries);
  Search search = { .span = { uid, uid } };
  g_autofree char *text = NULL;
  gsize length;

  if (!read_file ("/etc/subuid", &text, &length, error) ||
      !bothy_conflicts_parse_subids (text, length, note_users_overlap, &search, error)) {
    g_prefix_error (error, "/etc/subuid: ");
    return FALSE;
  }
  if (!search.overlaps && !libsubid_gives_to_user (FALSE, uid))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
               "Only accounts of this machine may call, and uid %u is a subordinate id of another user's",
               uid);
  return FALSE;
}

gboolean
bothy_conflicts_check_roots (gboolean gids, guint32 first, guint32 count, GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&libraries);
  const char *path = gids ? "/etc/subgid" : "/etc/subuid";
  Search search = { .span = { first, (gint64)first + count - 1 } };
  g_autoptr (GError) unreadable = NULL;
  g_autofree char *text = NULL;
  gboolean found;
  gsize length;

  if (!read_file (path, &text, &length, error) ||
      !bothy_conflicts_parse_subids (text, length, note_users_overlap, &search, error)) {
    g_prefix_error (error, "%s: ", path);
    return FALSE;
  }
  found = search.overlaps || libsubid_gives_to_user (gids, first) ||
          libsubid_gives_to_user (gids, (guint32)search.span.last) ||
          bothy_accounts_are_listed_among (gids, search.span, &unreadable);
  if (unreadable)
    g_propagate_error (error, g_steal_pointer (&unreadable));
  else if (found)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
                 "Some of the %s from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                 " are somebody's, by %s or as an account's",
                 gids ? "group ids" : "ids", search.span.first, search.span.last, path);
  return !found;
}

gboolean
bothy_conflicts_is_subordinate (const char *name, gboolean gids, guint32 first, guint32 count)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&libraries);
  struct subid_range *ranges = NULL;
  gboolean found = FALSE;
  int n = 0;

  if (*name)
    n = gids ? subid_get_gid_ranges (name, &ranges) : subid_get_uid_ranges (name, &ranges);
  for (int i = 0; i < n && !found; i++)
    found = first >= ranges[i].start && (guint64)first + count <= (guint64)ranges[i].start + ranges[i].count;
  free (ranges);
  return found;
}

gboolean
bothy_conflicts_running (BothyIdSpan span, GError **error)
{
  Search search = { .span = span };

  return any_process_overlaps (&search, error);
}
