/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "limitspec.h"
#include "output.h"

typedef enum { BYTES, COUNT, PROCESSORS, SET } Kind;

static const struct {
  const char *key;
  Kind kind;
  const char *title;
} keys[] = {
  { "memory", BYTES, N_ ("Memory") },
  { "memory-high", BYTES, N_ ("Memory, high") },
  { "swap", BYTES, N_ ("Swap") },
  { "cpu", PROCESSORS, N_ ("Processors") },
  { "cpu-weight", COUNT, N_ ("CPU weight") },
  { "cpus", SET, N_ ("CPUs") },
  { "io-weight", COUNT, N_ ("IO weight") },
  { "pids", COUNT, N_ ("Processes") },
  { "disk", BYTES, N_ ("Disk") },
  { "inodes", BYTES, N_ ("Files") },
};

gboolean
cli_limits_parse_size (const char *text, guint64 *ret_bytes)
{
  static const char units[] = "KMGT";
  char *end = NULL;
  double number = g_ascii_strtod (text, &end);
  const char *unit = *end != '\0' ? strchr (units, g_ascii_toupper (*end)) : NULL;

  if (!g_ascii_isdigit (*text) || end == text || strpbrk (text, "xXeEnN"))
    return FALSE;
  if (unit) {
    number = ldexp (number, 10 * (int)(unit - units + 1));
    end++;
  } else if (strchr (text, '.'))
    return FALSE;
  /* "512M", "512MB" and "512MiB" are all the same to whoever writes them. */
  if (unit && g_ascii_tolower (end[0]) == 'i' && g_ascii_tolower (end[1]) == 'b')
    end += 2;
  else if (g_ascii_tolower (*end) == 'b')
    end++;
  if (*end != '\0' || !(number < (double)G_MAXINT64))
    return FALSE;
  *ret_bytes = unit ? (guint64)number : g_ascii_strtoull (text, NULL, 10);
  return TRUE;
}

static GVariant *
parse_processors (const char *text)
{
  char *end = NULL;
  double number;

  if (g_str_equal (text, "max"))
    return g_variant_new_double (INFINITY);
  number = g_ascii_strtod (text, &end);
  if (!g_ascii_isdigit (*text) || *end != '\0' || strpbrk (text, "xXeE"))
    return NULL;
  return g_variant_new_double (number);
}

/* Floating, or NULL. */
static GVariant *
parse_value (Kind kind, const char *text)
{
  guint64 number;

  switch (kind) {
  case PROCESSORS:
    return parse_processors (text);
  case SET:
    return g_variant_new_string (g_str_equal (text, "max") ? "" : text);
  case BYTES:
  case COUNT:
  default:
    if (g_str_equal (text, "max"))
      return g_variant_new_uint64 (G_MAXUINT64);
    if (kind == BYTES ? !cli_limits_parse_size (text, &number)
                      : !g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64 - 1, &number, NULL))
      return NULL;
    return g_variant_new_uint64 (number);
  }
}

static gsize
find (const char *key)
{
  gsize i = 0;

  while (i < G_N_ELEMENTS (keys) && !g_str_equal (keys[i].key, key))
    i++;
  return i;
}

static GVariant *
parse_word (const char *word, const char **ret_key, GError **error)
{
  g_auto (GStrv) pair = g_strsplit (word, "=", 2);
  gsize i = pair[0] && pair[1] ? find (pair[0]) : G_N_ELEMENTS (keys);
  GVariant *value = i < G_N_ELEMENTS (keys) ? parse_value (keys[i].kind, pair[1]) : NULL;

  if (value) {
    *ret_key = keys[i].key;
    return value;
  }
  if (i < G_N_ELEMENTS (keys))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 keys[i].kind == BYTES ? _ ("'%s': a size such as 512M is wanted, or max")
                                       : _ ("'%s': a number is wanted, or max"),
                 word);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, _ ("'%s' is no limit; these are: %s"), word,
                 "memory=, memory-high=, swap=, cpu=, cpu-weight=, cpus=, io-weight=, pids=, disk=, inodes=");
  return NULL;
}

GVariant *
cli_limits_parse (char **words, GError **error)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  for (gsize i = 0; words && words[i]; i++) {
    const char *key;
    GVariant *value = parse_word (words[i], &key, error);

    if (value == NULL)
      return NULL;
    g_variant_dict_insert_value (&dict, key, value);
  }
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

char *
cli_limits_size (guint64 bytes)
{
  static const char units[] = "KMGT";
  double number = (double)bytes;
  int unit = -1;

  while (number >= 1024 && units[unit + 1] != '\0') {
    number /= 1024;
    unit++;
  }
  if (unit < 0)
    return g_strdup_printf ("%u", (guint)bytes);
  return g_strdup_printf (number >= 100 || number == floor (number) ? "%.0f%c" : "%.1f%c", number,
                          units[unit]);
}

/* As short as it can be without becoming another number. */
char *
cli_limits_exact_size (guint64 bytes)
{
  static const char units[] = " KMGT";
  int unit = 0;

  while (bytes > 0 && bytes % 1024 == 0 && units[unit + 1] != '\0') {
    bytes /= 1024;
    unit++;
  }
  return unit ? g_strdup_printf ("%" G_GUINT64_FORMAT "%c", bytes, units[unit])
              : g_strdup_printf ("%" G_GUINT64_FORMAT, bytes);
}

static char *
value_text (gsize i, GVariant *value)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64))
    return keys[i].kind == BYTES ? cli_limits_exact_size (g_variant_get_uint64 (value))
                                 : g_strdup_printf ("%" G_GUINT64_FORMAT, g_variant_get_uint64 (value));
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    return g_strdup (g_ascii_formatd (buffer, sizeof buffer, "%.6g", g_variant_get_double (value)));
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  return g_variant_print (value, FALSE);
}

void
cli_limits_print (GVariant *limits)
{
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autoptr (GVariant) value = g_variant_lookup_value (limits, keys[i].key, NULL);
    g_autofree char *text = value ? value_text (i, value) : NULL;

    if (text)
      cli_print_field (_ (keys[i].title), text);
  }
}

char *
cli_limits_summary (GVariant *limits)
{
  GString *line = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autoptr (GVariant) value = g_variant_lookup_value (limits, keys[i].key, NULL);
    g_autofree char *text = value ? value_text (i, value) : NULL;

    if (text)
      g_string_append_printf (line, "%s%s=%s", line->len ? " " : "", keys[i].key, text);
  }
  return g_string_free (line, FALSE);
}

gboolean
cli_limits_disk_holds (GVariant *properties)
{
  const char *state = "enforced";

  g_variant_lookup (properties, "DiskLimits", "&s", &state);
  return g_str_equal (state, "enforced");
}

static void
warn_of_disk (const char *name, GVariant *properties)
{
  const char *state = "";

  g_variant_lookup (properties, "DiskLimits", "&s", &state);
  if (g_str_equal (state, "pending"))
    g_printerr (_ ("bothy: The file system has not been told yet of the limit of %s's disk.\n"), name);
  else if (g_str_equal (state, "older"))
    g_printerr (
        _ ("bothy: Nothing bounds the disk of %s: it was made when the file system kept no quotas. What is "
           "made now has the limit.\n"),
        name);
  else
    g_printerr (
        _ ("bothy: Nothing bounds the disk of %s: the file system keeps no quotas. \"bothy doctor\" says "
           "what to do.\n"),
        name);
}

static gboolean
is_of_disk (const char *key)
{
  return g_str_equal (key, "disk") || g_str_equal (key, "inodes");
}

void
cli_limits_warn (Cli *cli, const char *path, GVariant *limits)
{
  g_autoptr (GVariant) properties =
      g_variant_n_children (limits) > 0 ? cli_get_all (cli, path, IFACE_CONTAINER, NULL) : NULL;
  g_autofree const char **unenforced = NULL;
  g_autoptr (GString) keys_said = g_string_new (NULL);
  gboolean disk = FALSE;
  const char *name = "";

  if (!properties || !g_variant_lookup (properties, "UnenforcedLimits", "^a&s", &unenforced))
    return;
  g_variant_lookup (properties, "Name", "&s", &name);
  for (gsize i = 0; unenforced[i]; i++) {
    g_autoptr (GVariant) said = g_variant_lookup_value (limits, unenforced[i], NULL);

    disk = disk || (said && is_of_disk (unenforced[i]));
    if (said && !is_of_disk (unenforced[i]))
      g_string_append_printf (keys_said, "%s%s", keys_said->len > 0 ? ", " : "", unenforced[i]);
  }
  if (keys_said->len > 0)
    g_printerr (_ ("bothy: This machine does not enforce limits of this kind, so %s is not bound by them: "
                   "%s. \"bothy doctor\" "
                   "says what to do.\n"),
                name, keys_said->str);
  if (disk)
    warn_of_disk (name, properties);
}

GVariant *
cli_call_over_quota (Cli *cli,
                     const char *path,
                     const char *interface,
                     const char *method,
                     GVariant *parameters,
                     GUnixFDList *fds,
                     GError **error)
{
  g_autoptr (GVariant) kept = g_variant_ref_sink (parameters);
  g_autoptr (GError) refused = NULL;
  GVariant *answer = cli_call (cli, path, interface, method, kept, fds, NULL, &refused);

  if (answer)
    return answer;
  /* The service does not say whether it was a ceiling that polkit can lift: it is asked again with leave to
   * ask. */
  if (cli_error_is (refused, "QuotaExceeded") && !cli->asked && !cli->no_ask_password &&
      isatty (STDIN_FILENO)) {
    cli_allow_asking (cli);
    return cli_call (cli, path, interface, method, kept, fds, NULL, error);
  }
  g_propagate_error (error, g_steal_pointer (&refused));
  return NULL;
}
