/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What changed in a container's files: bothy snapshot diff, and bothy diff. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "escape.h"
#include "operation.h"
#include "output.h"
#include "verbs.h"

/* Bytes that the service wrote, and the changes in them, which are in order: "A /path". */
typedef struct {
  char *bytes;
  gsize size;
  GPtrArray *lines;
} Changes;

static void
changes_clear (Changes *self)
{
  g_clear_pointer (&self->lines, g_ptr_array_unref);
  g_free (self->bytes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Changes, changes_clear)

/* By the path, so that what is in a directory follows it. */
static int
compare_lines (gconstpointer a, gconstpointer b)
{
  const char *one = *(const char *const *)a + 2, *other = *(const char *const *)b + 2;

  for (; *one && *one == *other; one++, other++)
    ;
  /* A slash is before all else. */
  return (*one == '/' ? 1 : (guchar)*one) - (*other == '/' ? 1 : (guchar)*other);
}

static gboolean
take_lines (Changes *self, GError **error)
{
  self->lines = g_ptr_array_new ();
  for (gsize at = 0; at < self->size;) {
    const char *line = self->bytes + at;
    gsize length = strnlen (line, self->size - at);

    if (length < 3 || at + length == self->size || !strchr ("ACD", line[0]) || line[1] != ' ') {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   _ ("The service says something else than changes"));
      return FALSE;
    }
    g_ptr_array_add (self->lines, (gpointer)line);
    at += length + 1;
  }
  g_ptr_array_sort (self->lines, compare_lines);
  return TRUE;
}

static gboolean
read_all (int fd, Changes *ret, GError **error)
{
  off_t size = lseek (fd, 0, SEEK_END);
  gsize wanted = size > 0 ? (gsize)size : 0;

  ret->bytes = g_malloc (wanted + 1);
  while (ret->size < wanted) {
    gssize n = pread (fd, ret->bytes + ret->size, wanted - ret->size, (off_t)ret->size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s", g_strerror (errno));
      return FALSE;
    }
    ret->size += (gsize)n;
  }
  ret->bytes[ret->size] = '\0';
  return take_lines (ret, error);
}

/* From FROM, "" being the image, to TO, "" being now. */
static gboolean
compare (Cli *cli, const char *container, const char *from, const char *to, Changes *ret, GError **error)
{
  g_autofree char *path = cli_find_container (cli, container, error);
  g_autofree char *title = g_strdup_printf (_ ("Comparing files of %s"), container);
  g_autofree char *operation = NULL;
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) answer = NULL;
  int fd = path ? memfd_create ("bothy-diff", MFD_CLOEXEC) : -1;
  gboolean ok;

  if (path && fd < 0)
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "memfd: %s", g_strerror (errno));
  if (fd < 0)
    return FALSE;
  ok = g_unix_fd_list_append (fds, fd, error) >= 0;
  if (ok)
    answer = cli_call (cli, path, IFACE_CONTAINER, "DiffSnapshot",
                       g_variant_new ("(hssa{sv})", 0, from, to, NULL), fds, NULL, error);
  if (answer)
    g_variant_get (answer, "(o)", &operation);
  ok = operation && cli_operation_follow (cli, operation, title, NULL, error) && read_all (fd, ret, error);
  close (fd);
  return ok;
}

static void
print_json (const Changes *changes)
{
  static const char *const kinds[] = { ['A' - 'A'] = "added",
                                       ['C' - 'A'] = "changed",
                                       ['D' - 'A'] = "deleted" };
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_array (builder);
  for (guint i = 0; i < changes->lines->len; i++) {
    const char *line = changes->lines->pdata[i];
    g_autofree char *path = g_utf8_make_valid (line + 2, -1);

    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "kind");
    json_builder_add_string_value (builder, kinds[line[0] - 'A']);
    json_builder_set_member_name (builder, "path");
    json_builder_add_string_value (builder, path);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  cli_json_print (builder, TRUE);
}

static void
print_lines (Cli *cli, const Changes *changes)
{
  static const CliColour colours[] = { ['A' - 'A'] = CLI_COLOUR_GOOD,
                                       ['C' - 'A'] = CLI_COLOUR_WARNING,
                                       ['D' - 'A'] = CLI_COLOUR_BAD };

  for (guint i = 0; i < changes->lines->len; i++) {
    const char *line = changes->lines->pdata[i];
    g_autofree char *path = cli_escape (line + 2, -1, CLI_ESCAPE_LINE);

    if (cli->quiet)
      puts (path);
    else
      printf ("%s%c%s %s\n", cli_colour (colours[line[0] - 'A']), line[0], cli_colour_off (), path);
  }
}

int
cli_diff (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_auto (Changes) changes = { 0 };
  guint n;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  n = g_strv_length (names);
  if (n < 1 || n > 3)
    return cli_usage (cli, "%s", _ ("A container is needed, and one or two snapshots of it if you like"));
  if (!cli_connect (cli, &error) ||
      !compare (cli, names[0], n > 1 ? names[1] : "", n > 2 ? names[2] : "", &changes, &error))
    return cli_fail (error);
  if (cli->json)
    print_json (&changes);
  else
    print_lines (cli, &changes);
  return CLI_EXIT_OK;
}
