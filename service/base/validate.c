/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/validate.h"

#include "base/error.h"

#include <net/if.h>
#include <signal.h>
#include <string.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define HEX    "0123456789abcdef"

/* Words that commands and scripts give a meaning of their own. */
static const char *const reserved[] = { "host", "root", "self", "all", "lo", "default", "none", "con", NULL };

static gboolean
consists_of (const char *text, const char *characters)
{
  return strspn (text, characters) == strlen (text);
}

/* What was refused, cut and with every byte that is not printable ASCII shown as an escape. */
static char *
quote (const char *text)
{
  g_autofree char *cut = g_strndup (text, 64);

  return g_strescape (cut, NULL);
}

static gboolean
refuse (GError **error, const char *what, const char *text, const char *grammar)
{
  g_autofree char *quoted = quote (text);

  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "%s \"%s\" is not valid: %s", what, quoted,
               grammar);
  return FALSE;
}

static const char name_grammar[] = "use 1 to 63 of a-z, 0-9 and -, with no - at either end";

/* What is wrong with TEXT as a name; NULL: nothing. */
static const char *
find_fault (const char *text)
{
  gsize length = strlen (text);

  if (length < 1 || length > 63 || !consists_of (text, LOWER DIGITS "-") || text[0] == '-' ||
      text[length - 1] == '-')
    return name_grammar;
  if (consists_of (text, DIGITS))
    return "a number is not a name";
  return g_strv_contains (reserved, text) ? "this word is reserved" : NULL;
}

/* The name next to TEXT that would do: "my-box" for "My_box". NULL: there is hardly anything to take from it. */
static char *
suggest_name (const char *text)
{
  g_autoptr (GString) name = g_string_new (NULL);

  for (; *text && name->len < 58; text++) {
    char character = g_ascii_tolower (*text);

    if (g_ascii_isalnum (character))
      g_string_append_c (name, character);
    else if (name->len > 0 && name->str[name->len - 1] != '-')
      g_string_append_c (name, '-');
  }
  if (name->len > 0 && name->str[name->len - 1] == '-')
    g_string_truncate (name, name->len - 1);
  if (name->len > 0 && find_fault (name->str))
    g_string_prepend (name, "box-");
  return name->len > 0 ? g_string_free (g_steal_pointer (&name), FALSE) : NULL;
}

gboolean
bothy_validate_name (const char *text, const char *what, GError **error)
{
  const char *fault = find_fault (text);
  g_autofree char *suggestion = fault ? suggest_name (text) : NULL;
  g_autofree char *grammar = suggestion ? g_strdup_printf ("%s; try \"%s\"", fault, suggestion) : NULL;

  return !fault || refuse (error, what, text, grammar ? grammar : fault);
}

gboolean
bothy_validate_hostname (const char *text, GError **error)
{
  const char *grammar = "use 1 to 63 of A-Z, a-z, 0-9, - and ., each part without - at either end";
  g_auto (GStrv) labels = NULL;

  if (strlen (text) > 63)
    return refuse (error, "Host name", text, grammar);
  labels = g_strsplit (text, ".", -1);
  if (!labels[0])
    return refuse (error, "Host name", text, grammar);
  for (char **label = labels; *label; label++) {
    if (!**label || !consists_of (*label, LOWER UPPER DIGITS "-") || (*label)[0] == '-' ||
        (*label)[strlen (*label) - 1] == '-')
      return refuse (error, "Host name", text, grammar);
  }
  return TRUE;
}

gboolean
bothy_validate_alias (const char *text, GError **error)
{
  gsize length = strlen (text);

  if (length < 1 || length > 127 || !consists_of (text, LOWER DIGITS "./:_-") || !g_ascii_isalnum (text[0]) ||
      strstr (text, ".."))
    return refuse (error, "Alias", text, "use 1 to 127 of a-z, 0-9 and ./:_-, a letter or digit first");
  if (bothy_is_fingerprint_prefix (text))
    return refuse (error, "Alias", text, "it could be taken for a fingerprint");
  return TRUE;
}

gboolean
bothy_validate_remote (const char *text, GError **error)
{
  gsize length = strlen (text);

  if (length > 0 && length <= 32 && consists_of (text, LOWER DIGITS "-") && g_ascii_isalpha (text[0]))
    return TRUE;
  return refuse (error, "Remote", text, "use 1 to 32 of a-z, 0-9 and -, a letter first");
}

gboolean
bothy_is_fingerprint (const char *text)
{
  return strlen (text) == 64 && consists_of (text, HEX);
}

gboolean
bothy_is_fingerprint_prefix (const char *text)
{
  gsize length = strlen (text);

  return length >= 12 && length <= 64 && consists_of (text, HEX);
}

#define INTERFACE_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

gboolean
bothy_is_interface_name (const char *text)
{
  gsize length = text ? strlen (text) : 0;

  return length > 0 && length < IFNAMSIZ && strspn (text, INTERFACE_CHARACTERS) == length &&
         !g_str_equal (text, ".") && !g_str_equal (text, "..");
}

gboolean
bothy_is_uuid (const char *text)
{
  return strlen (text) == 36 && consists_of (text, HEX "-") && g_uuid_string_is_valid (text);
}

gboolean
bothy_validate_environment (const char *const *entries, GError **error)
{
  for (; *entries; entries++) {
    gsize length = strcspn (*entries, "=");

    for (gsize i = 0; i < length; i++) {
      if (g_ascii_iscntrl ((*entries)[i]))
        length = 0;
    }
    if (length == 0)
      return refuse (error, "Environment entry", *entries,
                     "use NAME=VALUE, or NAME for none of that name; no control characters in NAME");
  }
  return TRUE;
}

/* See namespaces(7). What lies below a name that ends with a dot is all of the namespace's. */
static const char *const namespaced[] = { "net.",          "fs.mqueue.",    "kernel.shmmax",
                                          "kernel.shmall", "kernel.shmmni", "kernel.shm_rmid_forced",
                                          "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni",
                                          "kernel.sem" };

static gboolean
is_namespaced (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (namespaced); i++) {
    if (g_str_has_suffix (namespaced[i], ".") ? g_str_has_prefix (name, namespaced[i])
                                              : g_str_equal (name, namespaced[i]))
      return TRUE;
  }
  return FALSE;
}

gboolean
bothy_validate_sysctl (const char *name, const char *value, GError **error)
{
  gsize length = strlen (name);

  if (length > 200 || !consists_of (name, LOWER UPPER DIGITS "._-") || strstr (name, "..") ||
      name[0] == '.' || g_str_has_suffix (name, "."))
    return refuse (error, "Sysctl", name, "use a name with dots, such as net.core.somaxconn");
  if (!is_namespaced (name))
    return refuse (error, "Sysctl", name,
                   "it is the whole machine's; a container has its own of net.*, fs.mqueue.*, kernel.shm*, "
                   "kernel.msg* and kernel.sem");
  if (!*value || strlen (value) > 1000)
    return refuse (error, "Value of a sysctl", value, "use 1 to 1000 bytes");
  for (const char *c = value; *c; c++) {
    if (!g_ascii_isprint (*c) && *c != '\t')
      return refuse (error, "Value of a sysctl", value, "use one line of printable ASCII");
  }
  return TRUE;
}

gboolean
bothy_validate_user (const char *text, GError **error)
{
  const char *colon = strchr (text, ':');

  if (strlen (text) > 64 || !consists_of (text, LOWER UPPER DIGITS "._$:-") || text[0] == '-' ||
      (colon && strchr (colon + 1, ':')))
    return refuse (error, "User", text, "use a name or a number, with :GROUP if need be");
  return TRUE;
}

gboolean
bothy_validate_login (const char *text, GError **error)
{
  gsize length = strlen (text);

  if (length >= 1 && length <= 32 && consists_of (text, LOWER DIGITS "_-") && text[0] != '-' &&
      !g_ascii_isdigit (text[0]) && !g_str_equal (text, "root"))
    return TRUE;
  return refuse (error, "Account", text,
                 "use 1 to 32 of a-z, 0-9, _ and -, with a letter or _ first; not \"root\"");
}

gboolean
bothy_validate_path (const char *text, GError **error)
{
  if (text[0] != '/' || strlen (text) > 4095)
    return refuse (error, "Path", text, "it has to begin with / and have at most 4095 bytes");
  return TRUE;
}

gboolean
bothy_parse_number (const char *text, guint64 min, guint64 max, guint64 *ret_number)
{
  if (!*text || !consists_of (text, DIGITS) || (text[0] == '0' && text[1]))
    return FALSE;
  return g_ascii_string_to_unsigned (text, 10, min, max, ret_number, NULL);
}

/* ---- signals ---- */

/* Other names of signal(7) for some of them. */
static const struct {
  const char *name;
  int number;
} synonyms[] = { { "IOT", SIGABRT }, { "CLD", SIGCHLD },   { "POLL", SIGPOLL },
                 { "IO", SIGIO },    { "UNUSED", SIGSYS }, { "INFO", SIGPWR } };

/* "RTMIN", "RTMIN+3", "RTMAX", "RTMAX-2". */
static int
parse_real_time (const char *name)
{
  gboolean is_min = g_str_has_prefix (name, "RTMIN");
  char sign = is_min ? '+' : '-';
  int from = is_min ? SIGRTMIN : SIGRTMAX;
  guint64 distance = 0;

  if (!is_min && !g_str_has_prefix (name, "RTMAX"))
    return 0;
  name += strlen ("RTMIN");
  if (*name &&
      (*name != sign || !bothy_parse_number (name + 1, 0, (guint64)(SIGRTMAX - SIGRTMIN), &distance)))
    return 0;
  return is_min ? from + (int)distance : from - (int)distance;
}

int
bothy_parse_signal (const char *text)
{
  g_autofree char *upper = g_ascii_strup (text, -1);
  const char *name = g_str_has_prefix (upper, "SIG") ? upper + 3 : upper;
  guint64 number;

  if (bothy_parse_number (text, 1, (guint64)SIGRTMAX, &number))
    return (int)number;
  for (int i = 1; i < SIGRTMIN; i++) {
    const char *known = sigabbrev_np (i);

    if (known && g_str_equal (name, known))
      return i;
  }
  for (gsize i = 0; i < G_N_ELEMENTS (synonyms); i++) {
    if (g_str_equal (name, synonyms[i].name))
      return synonyms[i].number;
  }
  return parse_real_time (name);
}
