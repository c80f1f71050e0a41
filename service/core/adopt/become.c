/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What each line of another tool's configuration becomes. */
#include "core/adopt/become.h"

#include "base/error.h"
#include "base/validate.h"

#include <stdio.h>
#include <string.h>

#define MAX_WORDS 1024 /* as an image's configuration has them */

void
bothy_adopt_become (BothyAdoptTaking *t, BothyAdoptOutcome outcome, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  t->line->outcome = outcome;
  t->line->text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
}

/* It is dropped because of ERROR, which is freed. */
static void
drop_for (BothyAdoptTaking *t, GError *error)
{
  bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: %s", error->message);
  g_error_free (error);
}

static void
replace (char **text, const char *value)
{
  g_free (*text);
  *text = g_strdup (value);
}

/* ---- what runs ---- */

void
bothy_adopt_take_hostname (BothyAdoptTaking *t)
{
  GError *error = NULL;

  if (!bothy_validate_hostname (t->line->value, &error)) {
    drop_for (t, error);
    return;
  }
  replace (&t->plan->spec->hostname, t->line->value);
  bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "its host name");
}

static gboolean
add_variable (BothyAdoptTaking *t, const char *variable)
{
  const char *const entries[] = { variable, NULL };
  GError *error = NULL;

  if (!strchr (variable, '='))
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: the value comes from who starts it");
  else if (t->reading->environment->len == MAX_WORDS)
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED,
                        "not carried over: there are %d variables before it, which is all there can be",
                        MAX_WORDS);
  else if (bothy_validate_environment (entries, &error)) {
    g_ptr_array_add (t->reading->environment, g_strdup (variable));
    bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "a variable of its first process");
    return TRUE;
  } else
    drop_for (t, error);
  return FALSE;
}

void
bothy_adopt_take_variable (BothyAdoptTaking *t)
{
  add_variable (t, t->line->value);
}

/* The words of its value, each of which may be quoted. (transfer full) NULL: there are none, or it was told what is wrong. */
static char **
split_words (BothyAdoptTaking *t)
{
  g_autoptr (GError) error = NULL;
  char **words;

  if (g_shell_parse_argv (t->line->value, NULL, &words, &error))
    return words;
  if (!g_error_matches (error, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING))
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: its quotes do not match");
  return NULL;
}

/* systemd's: several; all or none. */
void
bothy_adopt_take_variables (BothyAdoptTaking *t)
{
  g_auto (GStrv) words = split_words (t);
  guint before = t->reading->environment->len;

  if (!words)
    return;
  for (char **word = words; *word; word++) {
    g_clear_pointer (&t->line->text, g_free);
    if (!add_variable (t, *word)) {
      g_ptr_array_set_size (t->reading->environment, (int)before);
      return;
    }
  }
}

static gboolean
is_init (const char *program)
{
  static const char *const inits[] = { "/sbin/init",           "/usr/sbin/init",           "/bin/init",
                                       "/lib/systemd/systemd", "/usr/lib/systemd/systemd", NULL };

  return g_strv_contains (inits, program);
}

void
bothy_adopt_take_command (BothyAdoptTaking *t)
{
  g_auto (GStrv) words = split_words (t);

  if (!words)
    return;
  if (is_init (words[0]) && !words[1])
    bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "its init runs, as it does without this");
  else if (g_strv_length (words) > MAX_WORDS)
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: a command has up to %d words", MAX_WORDS);
  else {
    g_strfreev (t->plan->spec->command);
    t->plan->spec->command = g_steal_pointer (&words);
    bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "its command");
  }
}

void
bothy_adopt_take_user (BothyAdoptTaking *t)
{
  GError *error = NULL;

  if (!bothy_validate_user (t->line->value, &error)) {
    drop_for (t, error);
    return;
  }
  replace (&t->plan->spec->user, t->line->value);
  bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "the user of its command");
}

void
bothy_adopt_take_init_uid (BothyAdoptTaking *t)
{
  const char *gid = bothy_adopt_plan_find (t->plan, "lxc.init.gid");
  g_autofree char *user = NULL;
  guint64 number;

  if (!bothy_parse_number (t->line->value, 0, G_MAXUINT16, &number) ||
      (gid && !bothy_parse_number (gid, 0, G_MAXUINT16, &number))) {
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no id that a container has");
    return;
  }
  user = g_strdup_printf ("%s:%s", t->line->value, gid ? gid : "0");
  if (!g_str_equal (user, "0:0"))
    replace (&t->plan->spec->user, user);
  bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "the user of its command");
}

void
bothy_adopt_take_init_gid (BothyAdoptTaking *t)
{
  if (bothy_adopt_plan_find (t->plan, "lxc.init.uid"))
    bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "the group of its command");
  else
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: it says a group and no user");
}

void
bothy_adopt_take_directory (BothyAdoptTaking *t)
{
  GError *error = NULL;

  if (!bothy_validate_path (t->line->value, &error)) {
    drop_for (t, error);
    return;
  }
  replace (&t->plan->spec->working_directory, t->line->value);
  bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "where its command begins");
}

void
bothy_adopt_take_halt_signal (BothyAdoptTaking *t)
{
  int number = bothy_parse_signal (t->line->value);

  if (number == 0) {
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: there is no such signal");
    return;
  }
  t->plan->spec->stop_signal = number;
  bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "what asks it to end");
}

/* Of one that is there twice, the last line holds, as LXC has it. */
static void
forget_sysctl (BothyAdoptTaking *t)
{
  BothyAdoptTaking earlier = { .plan = t->plan };
  GPtrArray *lines = t->reading->sysctls;

  for (guint i = 0; i < lines->len; i++) {
    earlier.line = lines->pdata[i];
    if (!g_str_equal (earlier.line->key, t->line->key))
      continue;
    g_clear_pointer (&earlier.line->text, g_free);
    bothy_adopt_become (&earlier, BOTHY_ADOPT_DROPPED, "not carried over: a later line says another");
    g_ptr_array_remove_index (lines, i);
    return;
  }
}

void
bothy_adopt_take_sysctl (BothyAdoptTaking *t)
{
  GError *error = NULL;

  if (!bothy_validate_sysctl (t->line->key + strlen (BOTHY_ADOPT_SYSCTL), t->line->value, &error)) {
    drop_for (t, error);
    return;
  }
  forget_sysctl (t);
  if (t->reading->sysctls->len == BOTHY_MAX_SYSCTLS) {
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: a container can have %d of its own",
                        BOTHY_MAX_SYSCTLS);
    return;
  }
  g_ptr_array_add (t->reading->sysctls, t->line);
  bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "set at each start");
}

/* ---- its ids and its tree ---- */

static void
refuse (BothyAdoptTaking *t, const char *why)
{
  g_autofree char *value = bothy_adopt_shorten (t->line->value);

  g_set_error (&t->error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "%s = %s: %s", t->line->key, value, why);
}

/* "u 0 100000 65536" */
void
bothy_adopt_take_idmap (BothyAdoptTaking *t)
{
  g_auto (GStrv) words = g_strsplit_set (t->line->value, " \t", -1);
  guint64 numbers[3];
  char kind = '\0';
  guint n = 0;

  for (char **word = words; *word; word++) {
    if (!**word)
      continue;
    if (n == 0 && !(*word)[1])
      kind = **word;
    else if (n == 0 || n > 3 ||
             !g_ascii_string_to_unsigned (*word, 10, 0, G_MAXUINT32, &numbers[n - 1], NULL))
      kind = '\0';
    n++;
  }
  if (n == 0) {
    bothy_adopt_become (t, BOTHY_ADOPT_CHANGED, "a range of ids of its own, which nobody else has");
    return;
  }
  if (n != 4 || !kind ||
      !bothy_adopt_map_add (&t->plan->map, kind, (guint32)numbers[0], (guint32)numbers[1],
                            (guint32)numbers[2]))
    refuse (t, "of this no map of ids can be made: u, g or b and three numbers, at most 5 lines each");
  else
    bothy_adopt_become (t, BOTHY_ADOPT_CHANGED, "a range of ids of its own, which nobody else has");
}

/* With or without the kind of storage before it. */
void
bothy_adopt_take_rootfs (BothyAdoptTaking *t)
{
  const char *value = t->line->value;
  const char *colon = strchr (value, ':');

  if (value[0] != '/' && colon && !g_str_has_prefix (value, "dir:") && !g_str_has_prefix (value, "btrfs:")) {
    refuse (t, "its tree is no directory; mount it, and adopt that directory (dir:PATH)");
    return;
  }
  if (value[0] != '/' && colon)
    value = colon + 1;
  replace (&t->plan->tree, value);
  bothy_adopt_become (t, BOTHY_ADOPT_CHANGED, "files of its own, below /var/lib/bothy");
}

/* nspawn's: "no", "yes", "pick", "identity" or FIRST[:COUNT]. Files have what was picked, so the tree itself says it. */
void
bothy_adopt_take_private_users (BothyAdoptTaking *t)
{
  bothy_adopt_become (t, BOTHY_ADOPT_CHANGED, "a range of ids of its own, which nobody else has");
}

/* ---- its network ---- */

static void
set_network (BothyAdoptTaking *t, const char *network)
{
  static const char *const none[] = { NULL };

  bothy_container_network_free (t->plan->spec->network);
  t->plan->spec->network = bothy_container_network_parse (network, "", none, NULL);
}

static void
take_network_type (BothyAdoptTaking *t)
{
  const char *value = t->line->value;

  if (g_str_equal (value, "empty")) {
    set_network (t, "none");
    bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "no network");
  } else if (g_str_equal (value, "veth"))
    bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "a nic on Bothy's own bridge, with an address of its own");
  else if (g_str_equal (value, "none"))
    bothy_adopt_become (t, BOTHY_ADOPT_CHANGED,
                        "a nic on Bothy's own bridge: it had the host's own, with all that listens there");
  else
    bothy_adopt_become (t, BOTHY_ADOPT_CHANGED,
                        "a nic on Bothy's own bridge; \"bothy bridge\" is for others");
}

/* By the number in the middle: lxc.net.0.type and lxc.network.0.type, and what stands alone. */
void
bothy_adopt_take_network (BothyAdoptTaking *t)
{
  static const BothyAdoptRule rules[] = {
    { "type", take_network_type, NULL },
    { "link", NULL, "not carried over: its nic is on Bothy's own bridge" },
    { "flags", NULL, "not needed: its nic is up", BOTHY_ADOPT_CHANGED },
    { "hwaddr", NULL, "not carried over: it gets another MAC address" },
    { "ipv4", NULL,
      "not carried over: it gets an address of Bothy's bridge; change what inside relies on it" },
    { "ipv6", NULL,
      "not carried over: it gets an address of Bothy's bridge; change what inside relies on it" },
    { "script", NULL, "not carried over: it runs on the host, as root" },
    { "name", NULL, "not carried over: its nic is called eth0" },
    { NULL, NULL, "not carried over: Bothy's network is of another kind" },
  };
  const char *rest = t->line->key + (g_str_has_prefix (t->line->key, "lxc.net.") ? 8 : 12);
  const BothyAdoptRule *rule = rules;

  while (g_ascii_isdigit (*rest) || *rest == '.')
    rest++;
  while (rule->key && !g_str_has_prefix (rest, rule->key))
    rule++;
  if (rule->take)
    rule->take (t);
  else
    bothy_adopt_become (t, rule->outcome, "%s", rule->text);
}

void
bothy_adopt_take_port (BothyAdoptTaking *t)
{
  g_auto (GStrv) words = g_strsplit (t->line->value, ":", 3);
  guint n = g_strv_length (words);

  if (n == 0 || n > 3)
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over");
  else
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: \"bothy port add %s %s:%s\" does it",
                        t->plan->spec->name,
                        words[n == 3 || (n == 2 && g_ascii_isalpha (words[0][0])) ? 1 : 0], words[n - 1]);
}

/* ---- directories of the host's ---- */

static void
tell_mount (BothyAdoptTaking *t, const char *source, const char *inside, gboolean read_only)
{
  while (*inside == '/')
    inside++;
  bothy_adopt_become (
      t, BOTHY_ADOPT_DROPPED,
      "not carried over: \"bothy mount add %s %s:/%s%s\" lets it have that, if the directory is its owner's",
      t->plan->spec->name, source, inside, read_only ? ":ro" : "");
}

/* A line of fstab(5). */
void
bothy_adopt_take_mount_entry (BothyAdoptTaking *t)
{
  g_auto (GStrv) words = g_strsplit_set (t->line->value, " \t", -1);
  g_autoptr (GPtrArray) fields = g_ptr_array_new ();

  for (char **word = words; *word; word++) {
    if (**word)
      g_ptr_array_add (fields, *word);
  }
  if (fields->len < 4)
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no line of fstab(5)");
  else if (strstr (fields->pdata[3], "bind") && *(const char *)fields->pdata[0] == '/' &&
           !g_str_has_prefix (fields->pdata[0], "/dev/") && !g_str_has_prefix (fields->pdata[0], "/sys") &&
           !g_str_has_prefix (fields->pdata[0], "/proc"))
    tell_mount (t, fields->pdata[0], fields->pdata[1],
                g_regex_match_simple ("(^|,)ro(,|$)", fields->pdata[3], 0, 0));
  else if (g_str_has_prefix (fields->pdata[0], "/dev/"))
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED,
                        "not carried over: \"bothy device add %s\" lets it have a device of the host's",
                        t->plan->spec->name);
  else
    bothy_adopt_become (
        t, BOTHY_ADOPT_DROPPED,
        "not carried over: Bothy mounts what a container needs, and the rest it may mount itself");
}

/* systemd's SOURCE[:INSIDE[:OPTIONS]] */
void
bothy_adopt_take_bind (BothyAdoptTaking *t)
{
  g_auto (GStrv) words = g_strsplit (t->line->value, ":", 3);

  if (!words[0] || *words[0] != '/')
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over");
  else
    tell_mount (t, words[0], words[1] && *words[1] ? words[1] : words[0],
                g_str_has_suffix (t->line->key, "ReadOnly"));
}

/* By the numbers of their nodes, which say nothing to who reads them. */
void
bothy_adopt_take_devices (BothyAdoptTaking *t)
{
  bothy_adopt_become (
      t, BOTHY_ADOPT_DROPPED,
      "not carried over: null, zero, full, random, urandom, tty and its terminals are in it, and \"bothy "
      "device add "
      "%s\" lets it have others",
      t->plan->spec->name);
}

/* ---- what it may use ---- */

#define NO_LIMIT G_MAXUINT64

/* A size as the kernel takes it: 512M, or "max" and -1 for none. */
static gboolean
parse_size (const char *text, guint64 *ret_size)
{
  static const char units[] = "KMGTPE";
  g_autofree char *number = g_ascii_strup (text, -1);
  gsize length = strlen (number);
  const char *unit = length > 0 ? strchr (units, number[length - 1]) : NULL;
  guint shift = 0;

  if (g_str_equal (number, "MAX") || g_str_equal (number, "-1")) {
    *ret_size = NO_LIMIT;
    return TRUE;
  }
  if (unit && *unit) {
    number[length - 1] = '\0';
    shift = 10 * (guint)(unit - units + 1);
  }
  if (!bothy_parse_number (number, 0, G_MAXINT64 >> shift, ret_size))
    return FALSE;
  *ret_size <<= shift;
  return TRUE;
}

/* Limit KEY, as SetLimits has it, becomes VALUE (floating). */
static void
set_limit (BothyAdoptTaking *t, const char *key, GVariant *value)
{
  g_autofree char *shown = g_variant_print (value, FALSE);
  g_autoptr (GVariant) values = NULL;
  BothyCgroupLimits changes;
  GVariantDict dict;
  GError *error = NULL;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, key, value);
  values = g_variant_ref_sink (g_variant_dict_end (&dict));
  if (!bothy_limits_parse (values, &changes, &error)) {
    drop_for (t, error);
    return;
  }
  bothy_limits_apply (&t->plan->spec->limits, &changes);
  bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "limit %s=%s", key, shown);
}

static void
set_size (BothyAdoptTaking *t, const char *key)
{
  guint64 size;

  if (!parse_size (t->line->value, &size))
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no size");
  else if (size == NO_LIMIT)
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED,
                        "no limit: what the administrator gives each container holds");
  else
    set_limit (t, key, g_variant_new_uint64 (size));
}

void
bothy_adopt_take_memory (BothyAdoptTaking *t)
{
  set_size (t, "memory");
}

void
bothy_adopt_take_memory_high (BothyAdoptTaking *t)
{
  set_size (t, "memory-high");
}

void
bothy_adopt_take_swap (BothyAdoptTaking *t)
{
  set_size (t, "swap");
}

void
bothy_adopt_take_pids (BothyAdoptTaking *t)
{
  set_size (t, "pids");
}

/* Of cgroup v1, where it bounds both together. */
void
bothy_adopt_take_memory_and_swap (BothyAdoptTaking *t)
{
  const char *memory = bothy_adopt_plan_find (t->plan, "lxc.cgroup.memory.limit_in_bytes");
  guint64 both, alone;

  if (!memory || !parse_size (memory, &alone) || !parse_size (t->line->value, &both) || both == NO_LIMIT ||
      both < alone)
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED,
                        "not carried over: without a limit of memory below it, it says nothing of swap");
  else
    set_limit (t, "swap", g_variant_new_uint64 (both - alone));
}

/* Of QUOTA µs in PERIOD µs. */
static void
set_cpu (BothyAdoptTaking *t, const char *quota, const char *period)
{
  guint64 q, p = 100000;

  if (g_str_equal (quota, "max") || g_str_equal (quota, "-1"))
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED,
                        "no limit: what the administrator gives each container holds");
  else if (!bothy_parse_number (quota, 1, G_MAXINT32, &q) ||
           (period && !bothy_parse_number (period, 1, G_MAXINT32, &p)))
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no time in µs");
  else
    set_limit (t, "cpu", g_variant_new_double ((double)q / (double)p));
}

void
bothy_adopt_take_cpu_max (BothyAdoptTaking *t)
{
  g_auto (GStrv) words = g_strsplit (t->line->value, " ", 2);

  set_cpu (t, words[0] ? words[0] : "", words[0] ? words[1] : NULL);
}

void
bothy_adopt_take_cpu_quota (BothyAdoptTaking *t)
{
  set_cpu (t, t->line->value, bothy_adopt_plan_find (t->plan, "lxc.cgroup.cpu.cfs_period_us"));
}

void
bothy_adopt_take_cpu_period (BothyAdoptTaking *t)
{
  if (bothy_adopt_plan_find (t->plan, "lxc.cgroup.cpu.cfs_quota_us"))
    bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "a part of the limit cpu");
  else
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: it bounds nothing by itself");
}

/* A share of cgroup v1 as the kernel's weight, which is 100 where that is 1024; of ranges that have the same ends. */
void
bothy_adopt_take_cpu_shares (BothyAdoptTaking *t)
{
  guint64 shares;

  if (bothy_parse_number (t->line->value, 2, 262144, &shares))
    set_limit (t, "cpu-weight", g_variant_new_uint64 (CLAMP (shares * 100 / 1024, 1, 10000)));
  else
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no number from 2 to 262144");
}

static void
set_weight (BothyAdoptTaking *t, const char *key)
{
  const char *value = t->line->value;
  guint64 weight;

  if (g_str_has_prefix (value, "default "))
    value += strlen ("default ");
  if (bothy_parse_number (value, 1, 10000, &weight))
    set_limit (t, key, g_variant_new_uint64 (weight));
  else
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no number from 1 to 10000");
}

void
bothy_adopt_take_cpu_weight (BothyAdoptTaking *t)
{
  set_weight (t, "cpu-weight");
}

void
bothy_adopt_take_io_weight (BothyAdoptTaking *t)
{
  set_weight (t, "io-weight");
}

void
bothy_adopt_take_cpus (BothyAdoptTaking *t)
{
  set_limit (t, "cpus", g_variant_new_string (t->line->value));
}

/* ---- when it starts ---- */

void
bothy_adopt_take_start_auto (BothyAdoptTaking *t)
{
  if (g_str_equal (t->line->value, "1")) {
    t->plan->spec->autostart.mode = BOTHY_AUTOSTART_BOOT;
    bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "autostart boot");
  } else
    bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "no autostart");
}

void
bothy_adopt_take_start_delay (BothyAdoptTaking *t)
{
  guint64 delay;

  if (!bothy_parse_number (t->line->value, 0, BOTHY_AUTOSTART_MAX_DELAY, &delay)) {
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: a delay has up to %d seconds",
                        BOTHY_AUTOSTART_MAX_DELAY);
    return;
  }
  t->plan->spec->autostart.delay = (guint32)delay;
  bothy_adopt_become (t, BOTHY_ADOPT_KEPT,
                      "the delay of its autostart; here it counts before it starts, and not after");
}

void
bothy_adopt_take_start_order (BothyAdoptTaking *t)
{
  bothy_adopt_become (
      t, BOTHY_ADOPT_DROPPED,
      "not carried over: here a container names the one before it: \"bothy autostart %s --after OTHER\"",
      t->plan->spec->name);
}

void
bothy_adopt_take_include (BothyAdoptTaking *t)
{
  if (g_str_has_prefix (t->line->value, "/usr/share/lxc/config/"))
    bothy_adopt_become (t, BOTHY_ADOPT_CHANGED,
                        "not read: these are LXC's presets, in whose place Bothy has its own");
  else
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED,
                        "not read: what that file says is not carried over; look into it");
}

void
bothy_adopt_take_boot (BothyAdoptTaking *t)
{
  bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "its init runs, as it does without this");
}

/* ---- of Incus and LXD ---- */

/* 512MiB, 1GB, 1024: in bytes; a share of the machine's says nothing here. */
void
bothy_adopt_take_incus_memory (BothyAdoptTaking *t)
{
  static const struct {
    const char *unit;
    guint64 factor;
  } units[] = { { "kB", 1000 },     { "MB", 1000000 },  { "GB", 1000000000 }, { "KiB", 1 << 10 },
                { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { "B", 1 },           { "", 1 } };
  const char *value = t->line->value;
  g_autofree char *number = g_strndup (value, strspn (value, "0123456789"));
  const char *unit = value + strlen (number);
  guint64 size;

  for (gsize i = 0; i < G_N_ELEMENTS (units); i++) {
    if (g_str_equal (unit, units[i].unit) &&
        bothy_parse_number (number, 1, G_MAXINT64 / units[i].factor, &size)) {
      set_limit (t, "memory", g_variant_new_uint64 (size * units[i].factor));
      return;
    }
  }
  bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no size in bytes");
}

/* How many, or which. */
void
bothy_adopt_take_incus_cpu (BothyAdoptTaking *t)
{
  guint64 number;

  if (bothy_parse_number (t->line->value, 1, G_MAXUINT16, &number))
    set_limit (t, "cpu", g_variant_new_double ((double)number));
  else
    set_limit (t, "cpus", g_variant_new_string (t->line->value));
}

void
bothy_adopt_take_incus_autostart (BothyAdoptTaking *t)
{
  if (g_str_equal (t->line->value, "true") || g_str_equal (t->line->value, "1")) {
    t->plan->spec->autostart.mode = BOTHY_AUTOSTART_BOOT;
    bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "autostart boot");
  } else
    bothy_adopt_become (t, BOTHY_ADOPT_KEPT, "no autostart");
}

void
bothy_adopt_take_incus_variable (BothyAdoptTaking *t)
{
  g_autofree char *variable = g_strconcat (t->line->key + strlen ("environment."), "=", t->line->value, NULL);

  add_variable (t, variable);
}

/* N: what is outside, inside, and how many, if IS says that these are ids of KIND. FALSE: they make no map. */
static gboolean
add_incus_range (BothyAdoptTaking *t, const char *is, char kind, const guint64 n[3])
{
  return !g_str_equal (is, "true") ||
         bothy_adopt_map_add (&t->plan->map, kind, (guint32)n[1], (guint32)n[0], (guint32)n[2]);
}

/* What the files on disk have; "[]": the host's own, or they are shown with others by a mount. The form is Incus' own, so no other is
   read. */
void
bothy_adopt_take_incus_idmap (BothyAdoptTaking *t)
{
  const char *rest = t->line->value;
  char is_uid[6], is_gid[6], texts[3][11];
  guint64 n[3];
  int length;

  if (*rest == '[')
    rest++;
  while (*rest && *rest != ']') {
    length = 0;
    if (sscanf (rest,
                "{\"Isuid\":%5[a-z],\"Isgid\":%5[a-z],\"Hostid\":%10[0-9],\"Nsid\":%10[0-9],\"Maprange\":%10["
                "0-9]}%n",
                is_uid, is_gid, texts[0], texts[1], texts[2], &length) != 5 ||
        length == 0 || !bothy_parse_number (texts[0], 0, G_MAXUINT32, &n[0]) ||
        !bothy_parse_number (texts[1], 0, G_MAXUINT32, &n[1]) ||
        !bothy_parse_number (texts[2], 0, G_MAXUINT32, &n[2]) || !add_incus_range (t, is_uid, 'u', n) ||
        !add_incus_range (t, is_gid, 'g', n)) {
      refuse (t, "of this no map of ids can be made");
      return;
    }
    rest += length;
    rest += *rest == ',';
  }
  bothy_adopt_become (t, BOTHY_ADOPT_CHANGED, "a range of ids of its own, which nobody else has");
}

/* "devices.NAME.KEY": its type says what it is. */
void
bothy_adopt_take_incus_device (BothyAdoptTaking *t)
{
  const char *dot = strrchr (t->line->key, '.');
  g_autofree char *device = g_strndup (t->line->key, (gsize)(dot - t->line->key));
  g_autofree char *type_key = g_strconcat (device, ".type", NULL);
  g_autofree char *path_key = g_strconcat (device, ".path", NULL);
  g_autofree char *source_key = g_strconcat (device, ".source", NULL);
  const char *type = bothy_adopt_plan_find (t->plan, type_key);
  const char *path = bothy_adopt_plan_find (t->plan, path_key);
  const char *source = bothy_adopt_plan_find (t->plan, source_key);

  if (g_strcmp0 (type, "nic") == 0 && g_str_equal (dot, ".type"))
    bothy_adopt_become (t, BOTHY_ADOPT_CHANGED, "a nic on Bothy's own bridge, with an address of its own");
  else if (g_strcmp0 (type, "nic") == 0)
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: its nic is on Bothy's own bridge");
  else if (g_strcmp0 (type, "disk") == 0 && g_strcmp0 (path, "/") == 0)
    bothy_adopt_become (t, BOTHY_ADOPT_CHANGED, "files of its own, below /var/lib/bothy");
  else if (g_strcmp0 (type, "disk") == 0 && g_str_equal (dot, ".source") && path && source && *source == '/')
    tell_mount (t, source, path, FALSE);
  else if (g_strcmp0 (type, "proxy") == 0)
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: \"bothy port add %s\" does it",
                        t->plan->spec->name);
  else if (g_strcmp0 (type, "disk") == 0)
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: see bothy-mount(1)");
  else
    bothy_adopt_become (t, BOTHY_ADOPT_DROPPED, "not carried over: \"bothy device add %s\" lets it have one",
                        t->plan->spec->name);
}

/* Who has no nic among its devices, has no network. */
void
bothy_adopt_check_incus_nics (BothyAdoptPlan *plan)
{
  static const char *const none[] = { NULL };

  for (guint i = 0; i < plan->lines->len; i++) {
    const BothyAdoptLine *line = plan->lines->pdata[i];

    if (g_str_has_prefix (line->key, "devices.") && g_str_has_suffix (line->key, ".type") &&
        g_str_equal (line->value, "nic"))
      return;
  }
  bothy_container_network_free (plan->spec->network);
  plan->spec->network = bothy_container_network_parse ("none", "", none, NULL);
  bothy_adopt_plan_add (plan, "devices", "", BOTHY_ADOPT_KEPT, g_strdup ("no network: there is no nic"));
}
