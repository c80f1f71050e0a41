/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/adopt/running.h"

#include "base/error.h"

#include <string.h>

typedef struct {
  BothyAdoptKind kind;
  char *source;
  guint32 root;       /* who is root in its tree, as a uid of the host's */
  gboolean has_range; /* that is the first of many: neither the host's root nor a user's own uid */
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

  if (kind == BOTHY_ADOPT_LXC || kind == BOTHY_ADOPT_INCUS) {
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

/* GROUPS without those below user.slice, which their users call as they like. */
static char *
leave_out_sessions (const char *groups)
{
  g_auto (GStrv) lines = g_strsplit (groups, "\n", -1);
  GString *rest = g_string_new (NULL);

  for (char **line = lines; *line; line++) {
    if (!strstr (*line, ":/user.slice/"))
      g_string_append_printf (rest, "%s\n", *line);
  }
  return g_string_free (rest, FALSE);
}

gboolean
bothy_adopt_process_parse (BothyAdoptProcess *self, const char *groups, const char *status)
{
  static const char label[] = "\nUid:";
  const char *uid = strstr (status, label);
  char *end;

  if (!uid)
    return FALSE;
  uid += strlen (label);
  self->uid = (guint32)g_ascii_strtoull (uid, &end, 10);
  if (end == uid)
    return FALSE;
  self->groups = self->uid == 0 ? leave_out_sessions (groups) : g_strdup (groups);
  return TRUE;
}

void
bothy_adopt_process_clear (BothyAdoptProcess *self)
{
  g_clear_pointer (&self->groups, g_free);
}

gboolean
bothy_adopt_process_is_of (const BothyAdoptProcess *self,
                           BothyAdoptKind kind,
                           const char *source,
                           guint32 root)
{
  return self->uid == root && bothy_adopt_is_group_of (kind, source, self->groups);
}

static char *
read_of (const char *pid, const char *name)
{
  g_autofree char *path = g_build_filename ("/proc", pid, name, NULL);
  char *text = NULL;

  /* Who ends meanwhile does not run. */
  return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

gboolean
bothy_adopt_process_read (BothyAdoptProcess *self, const char *pid)
{
  g_autofree char *groups = read_of (pid, "cgroup");
  g_autofree char *status = groups ? read_of (pid, "status") : NULL;

  return status && bothy_adopt_process_parse (self, groups, status);
}

/* By its name, and by whose it is: another user's may have the same name. */
static gboolean
is_in_it (const Check *check, const char *pid)
{
  g_auto (BothyAdoptProcess) process = { 0, NULL };
  g_autofree char *map = NULL;

  if (!bothy_adopt_process_read (&process, pid))
    return FALSE;
  if (!check->has_range)
    return bothy_adopt_process_is_of (&process, check->kind, check->source, check->root);
  if (!bothy_adopt_is_group_of (check->kind, check->source, process.groups))
    return FALSE;
  map = read_of (pid, "uid_map");
  return map && bothy_adopt_is_map_of (check->root, map);
}

/* Which process it is is nobody's business whose it is not. */
static void
set_running_error (GError **error, const Check *check)
{
  static const struct {
    const char *what, *command;
  } words[] = { [BOTHY_ADOPT_LXC] = { "LXC container", "lxc-stop -n" },
                [BOTHY_ADOPT_NSPAWN] = { "Machine", "machinectl poweroff" },
                [BOTHY_ADOPT_INCUS] = { "Container", "incus stop" } };

  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "%s %s runs; stop it first: %s %s",
               words[check->kind].what, check->source, words[check->kind].command, check->source);
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
      set_running_error (&error, check);
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
  check->has_range = bothy_adopt_map_get_root (map, &check->root) && check->root != 0 &&
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
