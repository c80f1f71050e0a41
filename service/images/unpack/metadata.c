/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "metadata.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define MAX_DEPTH 32
#define MAX_KEY   32
/* A list's scalars are no keys: it counts for so many levels that they are passed over. */
#define LIST_DEPTH 3
#define DIGITS     "0123456789"
#define WORDS      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" DIGITS "._+ -"

/* Where a value stands: below SECTION ("": at the top), and what may be in it. */
static const struct field {
  const char *section;
  const char *key;
  const char *characters;
  size_t offset;
} fields[] = {
  { "", "architecture", WORDS "_", offsetof (struct metadata, architecture) },
  { "", "expiry_date", DIGITS, offsetof (struct metadata, expiry_date) },
  { "properties", "os", WORDS, offsetof (struct metadata, os) },
  { "properties", "release", WORDS, offsetof (struct metadata, release) },
  { "properties", "variant", WORDS, offsetof (struct metadata, variant) },
};

#define N_FIELDS (sizeof fields / sizeof *fields)

/* How far the parser is. Keys and values take turns in a mapping; what lies deeper than two is of no use. */
struct place {
  unsigned int depth;
  bool is_value;
  char section[MAX_KEY];
  char key[MAX_KEY];
};

static void
copy_word (char *to, size_t room, const char *text, size_t size)
{
  bool fits = size < room && memchr (text, '\0', size) == NULL;

  memcpy (to, text, fits ? size : 0);
  to[fits ? size : 0] = '\0';
}

static void
take_value (const struct place *place, const char *text, size_t size, struct metadata *metadata)
{
  const char *section = place->depth == 2 ? place->section : "";

  for (size_t i = 0; i < N_FIELDS; i++) {
    char *value = (char *)metadata + fields[i].offset;

    if (strcmp (fields[i].section, section) != 0 || strcmp (fields[i].key, place->key) != 0)
      continue;
    copy_word (value, METADATA_MAX_VALUE, text, size);
    if (value[strspn (value, fields[i].characters)] != '\0')
      value[0] = '\0';
  }
}

static void
handle_scalar (struct place *place, const yaml_event_t *event, struct metadata *metadata)
{
  const char *text = (const char *)event->data.scalar.value;
  size_t size = event->data.scalar.length;

  if (place->depth < 1 || place->depth > 2)
    return;
  if (place->is_value)
    take_value (place, text, size, metadata);
  else
    copy_word (place->key, sizeof place->key, text, size);
  place->is_value = !place->is_value;
}

/* A mapping in the top one has the name of its key. */
static void
enter (struct place *place, bool is_mapping)
{
  if (place->depth == 1)
    copy_word (place->section, sizeof place->section, place->key, strlen (place->key));
  place->depth += is_mapping ? 1 : LIST_DEPTH;
  place->is_value = false;
}

static void
leave (struct place *place, bool is_mapping)
{
  place->depth -= is_mapping ? 1 : LIST_DEPTH;
  place->is_value = false;
}

/* Returns whether there is more to come. */
static bool
handle_event (struct place *place, const yaml_event_t *event, struct metadata *metadata)
{
  switch (event->type) {
  case YAML_SCALAR_EVENT:
    handle_scalar (place, event, metadata);
    break;
  case YAML_ALIAS_EVENT: /* names what stood before; nothing is repeated here */
    place->is_value = !place->is_value;
    break;
  case YAML_MAPPING_START_EVENT:
  case YAML_SEQUENCE_START_EVENT:
    enter (place, event->type == YAML_MAPPING_START_EVENT);
    break;
  case YAML_MAPPING_END_EVENT:
  case YAML_SEQUENCE_END_EVENT:
    leave (place, event->type == YAML_MAPPING_END_EVENT);
    break;
  case YAML_DOCUMENT_END_EVENT: /* of several documents the first one counts */
  case YAML_STREAM_END_EVENT:
    return false;
  case YAML_NO_EVENT:
  case YAML_STREAM_START_EVENT:
  case YAML_DOCUMENT_START_EVENT:
    break;
  }
  return true;
}

bool
metadata_parse (struct job *job, const char *text, size_t size, struct metadata *ret)
{
  struct place place = { 0 };
  yaml_parser_t parser;
  bool more = true;
  bool good = true;

  memset (ret, 0, sizeof *ret);
  if (!yaml_parser_initialize (&parser))
    return job_fail (job, UNPACK_IO, 0, "Out of memory");
  yaml_parser_set_input_string (&parser, (const unsigned char *)text, size);
  while (good && more) {
    yaml_event_t event;

    good = yaml_parser_parse (&parser, &event);
    if (!good)
      break;
    more = handle_event (&place, &event, ret);
    good = place.depth <= MAX_DEPTH;
    yaml_event_delete (&event);
  }
  yaml_parser_delete (&parser);
  return good || job_fail (job, UNPACK_BAD_ARCHIVE, 0, "metadata.yaml: not YAML, or nested too deeply");
}

size_t
metadata_write (const struct metadata *metadata, char ret_text[METADATA_MAX_TEXT])
{
  size_t used = 0;

  for (size_t i = 0; i < N_FIELDS; i++)
    used += (size_t)snprintf (ret_text + used, METADATA_MAX_TEXT - used, "%s=%s\n", fields[i].key,
                              (const char *)metadata + fields[i].offset);
  return used;
}
