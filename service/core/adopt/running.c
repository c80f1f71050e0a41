/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/adopt/running.h"

#include "base/error.h"

#include <string.h>

typedef struct {
  BothyAdoptKind kind;
  char *source;
  guint32 root;      /* who is root in its tree, as a uid of the host's */
  gboolean has_root; /* that is known, and nobody else's: neither the host's root nor a user's own uid */
} Check;

static void
check_free (Check *check)
{
  g_free (check->source);
  g_free (check);
}

/* As systemd writes a name in the name of a unit. */
static char *
unit_name (const char *source)
{
  GString *text = g_string_new (NULL);

  for (const char *c = source; *c; c++) {
    if (g_ascii_isalnum (*c) || *c == '_' || (*c == '.' && c != source))
      g_string_append_c (text, *c);
    else
      g_string_append_printf (text, "\\x%02x", (guint8)*c);
  }
  return g_string_free (text, FALSE);
}

/* Whether one of the parts of PATH is PART. */
static gboolean
has_part (const char *path, const char *part)
{
  const char *found = strstr (path, part);

  for (; found; found = strstr (found + 1, part)) {
    char after = found[strlen (part)];

    if (found > path && found[-1] == '/' && (after == '/' || after == '\n' || after == '\0'))
      return TRUE;
  }
  return FALSE;
}

gboolean
bothy_adopt_is_group_of (BothyAdoptKind kind, const char *source, const char *groups)
{
  g_autofree char *unit = unit_name (source);
  g_autofree char *names[2] = { NULL, NULL };

  if (kind == BOTHY_ADOPT_LXC) {
    names[0] = g_strdup_printf ("lxc.payload.%s", source);
    names[1] = g_strdup_printf ("lxc/%s", source);
  } else {
    names[0] = g_strdup_printf ("systemd-nspawn@%s.service", unit);
    names[1] = g_strdup_printf ("machine-%s.scope", unit);
  }
  return has_part (groups, names[0]) || has_part (groups, names[1]);
}

gboolean
bothy_adopt_is_map_of (guint32 uid, const char *map)
{
  g_auto (GStrv) lines = g_strsplit (map, "\n", -1);

  for (char **line = lines; *line; line++) {
    char *end;
    guint64 inside = g_ascii_strtoull (*line, &end, 10);

    if (end != *line && inside == 0 && g_ascii_strtoull (end, NULL, 10) == uid)
      return TRUE;
  }
  return FALSE;
}

static char *
read_of (const char *pid, const char *name)
{
  g_autofree char *path = g_build_filename ("/proc", pid, name, NULL);
  char *text = NULL;

  /* Who ends meanwhile does not run. */
  return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

/* By its name; and, where the ids say whose it is, by these: another user's may have the same name. */
static gboolean
is_in_it (const Check *check, const char *pid)
{
  g_autofree char *groups = read_of (pid, "cgroup");
  g_autofree char *map = NULL;

  if (!groups || !bothy_adopt_is_group_of (check->kind, check->source, groups))
    return FALSE;
  map = check->has_root ? read_of (pid, "uid_map") : NULL;
  return !check->has_root || (map && bothy_adopt_is_map_of (check->root, map));
}

static void
set_running_error (GError **error, const Check *check, const char *pid)
{
  gboolean is_lxc = check->kind == BOTHY_ADOPT_LXC;

  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "%s %s runs (process %s); stop it first: %s %s",
               is_lxc ? "LXC container" : "Machine", check->source, pid,
               is_lxc ? "lxc-stop -n" : "machinectl poweroff", check->source);
}

static void
look_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const Check *check = task_data;
  GError *error = NULL;
  g_autoptr (GDir) proc = g_dir_open ("/proc", 0, &error);
  const char *name;

  while (proc && !error && (name = g_dir_read_name (proc))) {
    if (g_ascii_isdigit (*name) && is_in_it (check, name))
      set_running_error (&error, check, name);
  }
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

void
bothy_adopt_check_stopped (BothyAdoptKind kind,
                           const char *source,
                           const BothyAdoptMap *map,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Check *check = g_new0 (Check, 1);

  check->kind = kind;
  check->source = g_strdup (source);
  /* One id alone is the user's own, who is root in namespaces of all kinds. */
  check->has_root = bothy_adopt_map_get_root (map, &check->root) && check->root != 0 &&
                    !(map->n_uids == 1 && map->uids[0].count == 1);
  g_task_set_task_data (task, check, (GDestroyNotify)check_free);
  /* Of a directory nobody knows what runs in it. */
  if (kind == BOTHY_ADOPT_DIRECTORY)
    g_task_return_boolean (task, TRUE);
  else
    g_task_run_in_thread (task, look_in_thread);
}

gboolean
bothy_adopt_check_stopped_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
