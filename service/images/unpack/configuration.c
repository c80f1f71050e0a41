/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "configuration.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BLANKS    " \t\r"
#define KEY_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

/* Some bytes of the file; they have no NUL at the end. */
struct part {
  const char *text;
  size_t size;
};

struct reading {
  struct job *job;
  bool has_sections;
  unsigned int number; /* of the line */
  struct part section;
  char *lines;
  size_t used;
};

static struct part
strip (struct part part)
{
  while (part.size > 0 && strchr (BLANKS, part.text[0]) != NULL)
    part = (struct part){ part.text + 1, part.size - 1 };
  while (part.size > 0 && strchr (BLANKS, part.text[part.size - 1]) != NULL)
    part.size--;
  return part;
}

/* Without the quotes around it, as LXC takes them off. */
static struct part
unquote (struct part part)
{
  char first = part.size > 1 ? part.text[0] : '\0';

  if ((first == '"' || first == '\'') && part.text[part.size - 1] == first)
    return (struct part){ part.text + 1, part.size - 2 };
  return part;
}

static bool
fail_line (struct reading *r, const char *why)
{
  return job_fail (r->job, UNPACK_BAD_ARCHIVE, 0, "Its configuration, line %u: %s", r->number, why);
}

static bool
is_key (struct part key)
{
  for (size_t i = 0; i < key.size; i++)
    if (strchr (KEY_BYTES, key.text[i]) == NULL)
      return false;
  return key.size > 0 && key.size <= CONFIGURATION_MAX_KEY;
}

static void
append (struct reading *r, const char *text, size_t size)
{
  memcpy (r->lines + r->used, text, size);
  r->used += size;
}

static bool
write_line (struct reading *r, struct part key, struct part value)
{
  if (r->used + r->section.size + key.size + value.size + 3 > CONFIGURATION_MAX_TEXT)
    return fail_line (r, "there is more than any container needs");
  if (r->has_sections) {
    append (r, r->section.text, r->section.size);
    append (r, ".", 1);
  }
  append (r, key.text, key.size);
  append (r, "=", 1);
  for (size_t i = 0; i < value.size; i++)
    r->lines[r->used++] = (unsigned char)value.text[i] < 0x20 || value.text[i] == 0x7f ? ' ' : value.text[i];
  append (r, "\n", 1);
  return true;
}

static bool
begin_section (struct reading *r, struct part line)
{
  r->section = strip ((struct part){ line.text + 1, line.size > 1 ? line.size - 2 : 0 });
  if (line.text[line.size - 1] == ']' && is_key (r->section))
    return true;
  return fail_line (r, "this is no section");
}

static bool
take_line (struct reading *r, struct part whole)
{
  struct part line = strip (whole);
  const char *equals = line.size > 0 ? memchr (line.text, '=', line.size) : NULL;
  struct part key, value;

  if (line.size == 0 || line.text[0] == '#' || (r->has_sections && line.text[0] == ';'))
    return true;
  if (r->has_sections && line.text[0] == '[')
    return begin_section (r, line);
  if (equals == NULL)
    return fail_line (r, "this is not of the form KEY = VALUE");
  key = strip ((struct part){ line.text, (size_t)(equals - line.text) });
  value = strip ((struct part){ equals + 1, line.size - (size_t)(equals + 1 - line.text) });
  if (!is_key (key) || (r->has_sections && r->section.size == 0))
    return fail_line (r, "no key is called so");
  return write_line (r, key, r->has_sections ? value : unquote (value));
}

size_t
configuration_parse (struct job *job, const char *text, size_t size, char ret_lines[CONFIGURATION_MAX_TEXT])
{
  struct reading reading = { .job = job,
                             .has_sections = (job->request.flags & UNPACK_HAS_SECTIONS) != 0,
                             .lines = ret_lines };
  bool done = memchr (text, 0, size) == NULL ||
              job_fail (job, UNPACK_BAD_ARCHIVE, 0, "Its configuration is no text: there is a NUL in it");

  while (done && size > 0) {
    const char *end = memchr (text, '\n', size);
    size_t length = end != NULL ? (size_t)(end - text) : size;

    reading.number++;
    done = take_line (&reading, (struct part){ text, length });
    length += end != NULL;
    text += length;
    size -= length;
  }
  return done ? reading.used : 0;
}

size_t
configuration_read (struct job *job,
                    int fd,
                    configuration_parser parse,
                    char ret_lines[CONFIGURATION_MAX_TEXT])
{
  static char text[CONFIGURATION_MAX_SIZE + 1];
  size_t size = 0;

  while (size < sizeof text) {
    /* From its beginning, whoever read it before; a pipe has none. */
    ssize_t part = pread (fd, text + size, sizeof text - size, (off_t)size);

    if (part < 0 && errno == ESPIPE)
      part = read (fd, text + size, sizeof text - size);
    if (part < 0 && errno == EINTR)
      continue;
    if (part < 0) {
      job_fail_errno (job, "Its configuration", "reading");
      return 0;
    }
    if (part == 0)
      return parse (job, text, size, ret_lines);
    size += (size_t)part;
  }
  job_fail (job, UNPACK_LIMIT_EXCEEDED, 0, "Its configuration has more than %u bytes",
            CONFIGURATION_MAX_SIZE);
  return 0;
}
