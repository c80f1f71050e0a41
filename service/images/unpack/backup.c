/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define KEY_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define MAX_DEPTH 64
#define N_KEYS    4
/* A list's scalars are no keys, nor what is in it: it counts for so many levels that all is passed over. */
#define LIST_DEPTH 8

struct place {
  unsigned int depth; /* of mappings */
  bool is_value;
  char keys[N_KEYS][CONFIGURATION_MAX_KEY + 1]; /* of those that the parser is in, the outermost first */
};

struct backup {
  struct job *job;
  const char *config, *devices; /* what the sections are called that are wanted */
  struct place place;
  char *lines;
  size_t used;
};

static void
copy_key (char to[CONFIGURATION_MAX_KEY + 1], const char *text, size_t size)
{
  bool good = size <= CONFIGURATION_MAX_KEY && memchr (text, '\0', size) == NULL;

  memcpy (to, text, good ? size : 0);
  to[good ? size : 0] = '\0';
  if (to[strspn (to, KEY_BYTES)] != '\0')
    to[0] = '\0';
}

static bool
write_line (struct backup *b, const char *key, const char *value, size_t size)
{
  size_t room = CONFIGURATION_MAX_TEXT - b->used;
  int length = snprintf (b->lines + b->used, room, "%s=", key);

  if (length < 0 || (size_t)length + size + 1 >= room)
    return job_fail (b->job, UNPACK_LIMIT_EXCEEDED, 0, "backup.yaml has more than any container needs");
  b->used += (size_t)length;
  for (size_t i = 0; i < size; i++)
    b->lines[b->used++] = (unsigned char)value[i] < 0x20 || value[i] == 0x7f ? ' ' : value[i];
  b->lines[b->used++] = '\n';
  return true;
}

static bool
take_value (struct backup *b, const char *text, size_t size)
{
  const struct place *p = &b->place;
  char key[3 * CONFIGURATION_MAX_KEY];

  if (p->depth < 3 || (strcmp (p->keys[0], "container") != 0 && strcmp (p->keys[0], "instance") != 0))
    return true;
  if (p->depth == 3 && strcmp (p->keys[1], b->config) == 0 && p->keys[2][0] != '\0')
    return write_line (b, p->keys[2], text, size);
  if (p->depth != 4 || strcmp (p->keys[1], b->devices) != 0 || p->keys[2][0] == '\0' || p->keys[3][0] == '\0')
    return true;
  snprintf (key, sizeof key, "devices.%s.%s", p->keys[2], p->keys[3]);
  return write_line (b, key, text, size);
}

static bool
handle_scalar (struct backup *b, const yaml_event_t *event)
{
  const char *text = (const char *)event->data.scalar.value;
  size_t size = event->data.scalar.length;
  bool good = true;

  if (b->place.depth < 1 || b->place.depth > N_KEYS)
    return true;
  if (b->place.is_value)
    good = take_value (b, text, size);
  else
    copy_key (b->place.keys[b->place.depth - 1], text, size);
  b->place.is_value = !b->place.is_value;
  return good;
}

/* RET_MORE: whether there is more to come. */
static bool
handle_event (struct backup *b, const yaml_event_t *event, bool *ret_more)
{
  struct place *p = &b->place;

  switch (event->type) {
  case YAML_SCALAR_EVENT:
    return handle_scalar (b, event);
  case YAML_ALIAS_EVENT: /* names what stood before; nothing is repeated here */
    p->is_value = !p->is_value;
    break;
  case YAML_MAPPING_START_EVENT:
  case YAML_SEQUENCE_START_EVENT:
    p->depth += event->type == YAML_MAPPING_START_EVENT ? 1 : LIST_DEPTH;
    p->is_value = false;
    break;
  case YAML_MAPPING_END_EVENT:
  case YAML_SEQUENCE_END_EVENT:
    p->depth -= event->type == YAML_MAPPING_END_EVENT ? 1 : LIST_DEPTH;
    p->is_value = false;
    break;
  case YAML_DOCUMENT_END_EVENT:
  case YAML_STREAM_END_EVENT:
    *ret_more = false;
    break;
  case YAML_NO_EVENT:
  case YAML_STREAM_START_EVENT:
  case YAML_DOCUMENT_START_EVENT:
    break;
  }
  return p->depth <= MAX_DEPTH ||
         job_fail (b->job, UNPACK_BAD_ARCHIVE, 0, "backup.yaml is nested too deeply");
}

static bool
parse (struct backup *b, const char *text, size_t size)
{
  yaml_parser_t parser;
  bool more = true;
  bool good = true;

  if (!yaml_parser_initialize (&parser))
    return job_fail (b->job, UNPACK_IO, 0, "Out of memory");
  yaml_parser_set_input_string (&parser, (const unsigned char *)text, size);
  while (good && more) {
    yaml_event_t event;

    if (!yaml_parser_parse (&parser, &event)) {
      good = job_fail (b->job, UNPACK_BAD_ARCHIVE, 0, "backup.yaml is no YAML");
      break;
    }
    good = handle_event (b, &event, &more);
    yaml_event_delete (&event);
  }
  yaml_parser_delete (&parser);
  return good;
}

size_t
backup_parse (struct job *job, const char *text, size_t size, char ret_lines[CONFIGURATION_MAX_TEXT])
{
  struct backup whole = { .job = job, .config = "expanded_config", .devices = "expanded_devices" };
  struct backup own = { .job = job, .config = "config", .devices = "devices" };

  whole.lines = own.lines = ret_lines;
  if (!parse (&whole, text, size))
    return 0;
  if (whole.used > 0)
    return whole.used;
  return parse (&own, text, size) ? own.used : 0;
}
