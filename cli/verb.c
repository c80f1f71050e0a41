/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "verb.h"

const CliVerb *
cli_verb_find (const CliVerb *verbs, char **words, gsize *ret_length)
{
  g_autofree char *two = words[1] ? g_strdup_printf ("%s %s", words[0], words[1]) : NULL;

  for (const CliVerb *verb = verbs; verb->name; verb++) {
    gboolean long_name = strchr (verb->name, ' ') != NULL;

    if (g_strcmp0 (verb->name, long_name ? two : words[0]) == 0) {
      *ret_length = long_name ? 2 : 1;
      return verb;
    }
  }
  return NULL;
}

gboolean
cli_verb_group (const CliVerb *verbs, const char *word)
{
  g_autofree char *prefix = g_strconcat (word, " ", NULL);

  for (const CliVerb *verb = verbs; verb->name; verb++)
    if (g_str_has_prefix (verb->name, prefix))
      return TRUE;
  return FALSE;
}

/* What fingers know from elsewhere. */
static const struct {
  const char *theirs;
  const char *ours;
} known[] = {
  { "lxc-attach", "exec NAME -- COMMAND" },
  { "lxc-autostart", "autostart NAME boot" },
  { "lxc-checkconfig", "doctor" },
  { "lxc-console", "console NAME" },
  { "lxc-create", "create IMAGE NAME" },
  { "lxc-destroy", "delete NAME" },
  { "lxc-execute", "run IMAGE COMMAND" },
  { "lxc-freeze", "freeze NAME" },
  { "lxc-info", "info NAME" },
  { "lxc-ls", "list" },
  { "lxc-monitor", "monitor" },
  { "lxc-start", "start NAME" },
  { "lxc-stop", "stop NAME" },
  { "lxc-unfreeze", "thaw NAME" },
  { "lxc-user-nic", "nic attach PID" },
  { "lxc-cgroup", "limit NAME KEY=VALUE" },
  { "lxc-top", "top" },
  { "lxc-unshare", "unshare -- COMMAND" },
  { "lxc-usernsexec", "userns-exec -- COMMAND" },
  { "lxc-wait", "wait NAME" },
  { "attach", "console NAME" },
  { "bridge add", "bridge create NAME" },
  { "bridge rm", "bridge delete NAME" },
  { "build", "image build --bootstrap DISTRIBUTION:SUITE" },
  { "config set", "limit NAME KEY=VALUE" },
  { "config device", "port add NAME HOST:INSIDE" },
  { "config", "info NAME" },
  { "container", "list" },
  { "copy-from", "file pull NAME:PATH TARGET" },
  { "copy-to", "file push FILE NAME:PATH" },
  { "network list", "bridge list" },
  { "network create", "bridge create NAME" },
  { "network delete", "bridge delete NAME" },
  { "network", "bridge list" },
  { "bash", "shell NAME" },
  { "check", "doctor" },
  { "cont", "thaw NAME" },
  { "destroy", "delete NAME" },
  { "diagnose", "doctor" },
  { "enter", "shell NAME" },
  { "events", "monitor" },
  { "image copy", "image pull IMAGE" },
  { "image import-tar", "image import FILE" },
  { "image inspect", "image info IMAGE" },
  { "image load", "image import FILE" },
  { "image ls", "image list" },
  { "image remove", "image delete IMAGE" },
  { "image rm", "image delete IMAGE" },
  { "image show", "image info IMAGE" },
  { "images", "image list" },
  { "import", "image import FILE" },
  { "import-tar", "image import FILE" },
  { "image-status", "image info IMAGE" },
  { "init", "create IMAGE NAME" },
  { "inspect", "info NAME" },
  { "list-images", "image list" },
  { "list-transfers", "monitor" },
  { "load", "image import FILE" },
  { "log", "logs NAME" },
  { "login", "shell NAME" },
  { "ls", "list" },
  { "move", "rename OLD NEW" },
  { "mv", "rename OLD NEW" },
  { "pause", "freeze NAME" },
  { "poweroff", "stop NAME" },
  { "port rm", "port remove NAME HOST" },
  { "prune", "image prune" },
  { "ps", "list" },
  { "pull", "image pull IMAGE" },
  { "pull-raw", "image pull IMAGE" },
  { "pull-tar", "image pull IMAGE" },
  { "ranges", "range list" },
  { "range ls", "range list" },
  { "reboot", "restart NAME" },
  { "remote rm", "remote remove NAME" },
  { "remove", "delete NAME" },
  { "resume", "thaw NAME" },
  { "rm", "delete NAME" },
  { "rmi", "image delete IMAGE" },
  { "search", "image search PATTERN" },
  { "set-limit", "limit NAME KEY=VALUE" },
  { "show", "info NAME" },
  { "show-image", "image info IMAGE" },
  { "show-log", "logs NAME" },
  { "sh", "shell NAME" },
  { "ssh", "shell NAME" },
  { "stats", "top" },
  { "status", "info NAME" },
  { "suspend", "freeze NAME" },
  { "system df", "df" },
  { "system info", "doctor" },
  { "system prune", "image prune" },
  { "terminate", "stop --force NAME" },
  { "unfreeze", "thaw NAME" },
  { "unpause", "thaw NAME" },
  { "update", "limit NAME KEY=VALUE" },
  { "watch", "monitor" },
};

/* How many characters have to be changed, added, removed or swapped. */
static guint
distance (const char *a, const char *b)
{
  gsize n = strlen (a), m = strlen (b);
  g_autofree guint *table = g_new0 (guint, (n + 1) * (m + 1));

#define AT(i, j) table[(i) * (m + 1) + (j)]
  for (gsize i = 0; i <= n; i++)
    for (gsize j = 0; j <= m; j++) {
      if (i == 0 || j == 0) {
        AT (i, j) = i + j;
        continue;
      }
      AT (i, j) = MIN (MIN (AT (i - 1, j), AT (i, j - 1)) + 1, AT (i - 1, j - 1) + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        AT (i, j) = MIN (AT (i, j), AT (i - 2, j - 2) + 1);
    }
  return AT (n, m);
#undef AT
}

const char *
cli_nearest (const char *word, const char *const *words)
{
  const char *best = NULL;
  guint least = 3;

  for (; *words && strlen (word) < 64; words++) {
    guint d = strlen (*words) < 64 ? distance (word, *words) : least;

    if (d > 0 && d < least && d <= MAX (1, strlen (*words) / 3)) {
      least = d;
      best = *words;
    }
  }
  return best;
}

static const char *
nearest (const CliVerb *verbs, const char *word)
{
  const char *best = NULL;
  guint least = 3;

  for (const CliVerb *verb = verbs; verb->name; verb++) {
    guint d = distance (word, verb->name);

    /* Of a short word nothing would be left. */
    if (d < least && d <= MAX (1, strlen (verb->name) / 3)) {
      least = d;
      best = verb->name;
    }
  }
  return best;
}

static const char *
lookup (const char *word)
{
  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_str_equal (known[i].theirs, word))
      return known[i].ours;
  return NULL;
}

char *
cli_verb_hint (const CliVerb *verbs, char **words)
{
  g_autofree char *two = g_strjoin (" ", words[0], words[1], NULL);
  const char *ours = lookup (two);

  if (ours == NULL)
    ours = lookup (words[0]);
  /* Bytes that no verb has may be many. */
  if (ours == NULL && strlen (two) < 40)
    ours = nearest (verbs, two);
  if (ours == NULL && strlen (two) < 40 && !cli_verb_group (verbs, words[0]))
    ours = nearest (verbs, words[0]);
  return ours ? g_strconcat ("bothy ", ours, NULL) : NULL;
}
