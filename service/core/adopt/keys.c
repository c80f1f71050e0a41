/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the keys of other tools' configurations are here. A line that is in no table is told as not carried over. */
#include "core/adopt/keys.h"

#include "base/error.h"
#include "base/validate.h"

#include <stdio.h>
#include <string.h>

#define SYSCTL    "lxc.sysctl."
#define MAX_WORDS 1024 /* as an image's configuration has them */

/* What several lines together say. */
typedef struct {
  GPtrArray *environment; /* words */
  GPtrArray *sysctls;     /* lines of the plan */
} Reading;

/* One line, and the plan that it changes. */
typedef struct {
  BothyAdoptPlan *plan;
  Reading *reading;
  BothyAdoptLine *line;
  GError *error; /* set: a container with this can not be adopted */
} Taking;

typedef void (*Take) (Taking *t);

typedef struct {
  const char *key; /* one that ends with ".", "_" or "*": all that begin so */
  Take take;       /* NULL: TEXT says what becomes of it */
  const char *text;
  BothyAdoptOutcome outcome; /* of TEXT */
} Rule;

static void G_GNUC_PRINTF (3, 4) become (Taking *t, BothyAdoptOutcome outcome, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  t->line->outcome = outcome;
  t->line->text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
}

/* It is dropped because of ERROR, which is freed. */
static void
drop_for (Taking *t, GError *error)
{
  become (t, BOTHY_ADOPT_DROPPED, "not carried over: %s", error->message);
  g_error_free (error);
}

static void
replace (char **text, const char *value)
{
  g_free (*text);
  *text = g_strdup (value);
}

/* ---- what runs ---- */

static void
take_hostname (Taking *t)
{
  GError *error = NULL;

  if (!bothy_validate_hostname (t->line->value, &error)) {
    drop_for (t, error);
    return;
  }
  replace (&t->plan->spec->hostname, t->line->value);
  become (t, BOTHY_ADOPT_KEPT, "its host name");
}

static gboolean
add_variable (Taking *t, const char *variable)
{
  const char *const entries[] = { variable, NULL };
  GError *error = NULL;

  if (!strchr (variable, '='))
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: the value comes from who starts it");
  else if (t->reading->environment->len == MAX_WORDS)
    become (t, BOTHY_ADOPT_DROPPED,
            "not carried over: there are %d variables before it, which is all there can be", MAX_WORDS);
  else if (bothy_validate_environment (entries, &error)) {
    g_ptr_array_add (t->reading->environment, g_strdup (variable));
    become (t, BOTHY_ADOPT_KEPT, "a variable of its first process");
    return TRUE;
  } else
    drop_for (t, error);
  return FALSE;
}

static void
take_variable (Taking *t)
{
  add_variable (t, t->line->value);
}

/* The words of its value, each of which may be quoted. (transfer full) NULL: there are none, or it was told what is wrong. */
static char **
split_words (Taking *t)
{
  g_autoptr (GError) error = NULL;
  char **words;

  if (g_shell_parse_argv (t->line->value, NULL, &words, &error))
    return words;
  if (!g_error_matches (error, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING))
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: its quotes do not match");
  return NULL;
}

/* systemd's: several; all or none. */
static void
take_variables (Taking *t)
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

static void
take_command (Taking *t)
{
  g_auto (GStrv) words = split_words (t);

  if (!words)
    return;
  if (is_init (words[0]) && !words[1])
    become (t, BOTHY_ADOPT_KEPT, "its init runs, as it does without this");
  else if (g_strv_length (words) > MAX_WORDS)
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: a command has up to %d words", MAX_WORDS);
  else {
    g_strfreev (t->plan->spec->command);
    t->plan->spec->command = g_steal_pointer (&words);
    become (t, BOTHY_ADOPT_KEPT, "its command");
  }
}

static void
take_user (Taking *t)
{
  GError *error = NULL;

  if (!bothy_validate_user (t->line->value, &error)) {
    drop_for (t, error);
    return;
  }
  replace (&t->plan->spec->user, t->line->value);
  become (t, BOTHY_ADOPT_KEPT, "the user of its command");
}

static void
take_init_uid (Taking *t)
{
  const char *gid = bothy_adopt_plan_find (t->plan, "lxc.init.gid");
  g_autofree char *user = NULL;
  guint64 number;

  if (!bothy_parse_number (t->line->value, 0, G_MAXUINT16, &number) ||
      (gid && !bothy_parse_number (gid, 0, G_MAXUINT16, &number))) {
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no id that a container has");
    return;
  }
  user = g_strdup_printf ("%s:%s", t->line->value, gid ? gid : "0");
  if (!g_str_equal (user, "0:0"))
    replace (&t->plan->spec->user, user);
  become (t, BOTHY_ADOPT_KEPT, "the user of its command");
}

static void
take_init_gid (Taking *t)
{
  if (bothy_adopt_plan_find (t->plan, "lxc.init.uid"))
    become (t, BOTHY_ADOPT_KEPT, "the group of its command");
  else
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: it says a group and no user");
}

static void
take_directory (Taking *t)
{
  GError *error = NULL;

  if (!bothy_validate_path (t->line->value, &error)) {
    drop_for (t, error);
    return;
  }
  replace (&t->plan->spec->working_directory, t->line->value);
  become (t, BOTHY_ADOPT_KEPT, "where its command begins");
}

static void
take_halt_signal (Taking *t)
{
  int number = bothy_parse_signal (t->line->value);

  if (number == 0) {
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: there is no such signal");
    return;
  }
  t->plan->spec->stop_signal = number;
  become (t, BOTHY_ADOPT_KEPT, "what asks it to end");
}

/* Of one that is there twice, the last line holds, as LXC has it. */
static void
forget_sysctl (Taking *t)
{
  Taking earlier = { .plan = t->plan };
  GPtrArray *lines = t->reading->sysctls;

  for (guint i = 0; i < lines->len; i++) {
    earlier.line = lines->pdata[i];
    if (!g_str_equal (earlier.line->key, t->line->key))
      continue;
    g_clear_pointer (&earlier.line->text, g_free);
    become (&earlier, BOTHY_ADOPT_DROPPED, "not carried over: a later line says another");
    g_ptr_array_remove_index (lines, i);
    return;
  }
}

static void
take_sysctl (Taking *t)
{
  GError *error = NULL;

  if (!bothy_validate_sysctl (t->line->key + strlen (SYSCTL), t->line->value, &error)) {
    drop_for (t, error);
    return;
  }
  forget_sysctl (t);
  if (t->reading->sysctls->len == BOTHY_MAX_SYSCTLS) {
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: a container can have %d of its own",
            BOTHY_MAX_SYSCTLS);
    return;
  }
  g_ptr_array_add (t->reading->sysctls, t->line);
  become (t, BOTHY_ADOPT_KEPT, "set at each start");
}

/* ---- its ids and its tree ---- */

static void
refuse (Taking *t, const char *why)
{
  g_autofree char *value = bothy_adopt_shorten (t->line->value);

  g_set_error (&t->error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "%s = %s: %s", t->line->key, value, why);
}

/* "u 0 100000 65536" */
static void
take_idmap (Taking *t)
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
    become (t, BOTHY_ADOPT_CHANGED, "a range of ids of its own, which nobody else has");
    return;
  }
  if (n != 4 || !kind ||
      !bothy_adopt_map_add (&t->plan->map, kind, (guint32)numbers[0], (guint32)numbers[1],
                            (guint32)numbers[2]))
    refuse (t, "of this no map of ids can be made: u, g or b and three numbers, at most 5 lines each");
  else
    become (t, BOTHY_ADOPT_CHANGED, "a range of ids of its own, which nobody else has");
}

/* With or without the kind of storage before it. */
static void
take_rootfs (Taking *t)
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
  become (t, BOTHY_ADOPT_CHANGED, "files of its own, below /var/lib/bothy");
}

/* nspawn's: "no", "yes", "pick", "identity" or FIRST[:COUNT]. Files have what was picked, so the tree itself says it. */
static void
take_private_users (Taking *t)
{
  become (t, BOTHY_ADOPT_CHANGED, "a range of ids of its own, which nobody else has");
}

/* ---- its network ---- */

static void
set_network (Taking *t, const char *network)
{
  static const char *const none[] = { NULL };

  bothy_container_network_free (t->plan->spec->network);
  t->plan->spec->network = bothy_container_network_parse (network, "", none, NULL);
}

static void
take_network_type (Taking *t)
{
  const char *value = t->line->value;

  if (g_str_equal (value, "empty")) {
    set_network (t, "none");
    become (t, BOTHY_ADOPT_KEPT, "no network");
  } else if (g_str_equal (value, "veth"))
    become (t, BOTHY_ADOPT_KEPT, "a nic on Bothy's own bridge, with an address of its own");
  else if (g_str_equal (value, "none"))
    become (t, BOTHY_ADOPT_CHANGED,
            "a nic on Bothy's own bridge: it had the host's own, with all that listens there");
  else
    become (t, BOTHY_ADOPT_CHANGED, "a nic on Bothy's own bridge; \"bothy bridge\" is for others");
}

/* By the number in the middle: lxc.net.0.type and lxc.network.0.type, and what stands alone. */
static void
take_network (Taking *t)
{
  static const Rule rules[] = {
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
  const Rule *rule = rules;

  while (g_ascii_isdigit (*rest) || *rest == '.')
    rest++;
  while (rule->key && !g_str_has_prefix (rest, rule->key))
    rule++;
  if (rule->take)
    rule->take (t);
  else
    become (t, rule->outcome, "%s", rule->text);
}

static void
take_port (Taking *t)
{
  g_auto (GStrv) words = g_strsplit (t->line->value, ":", 3);
  guint n = g_strv_length (words);

  if (n == 0 || n > 3)
    become (t, BOTHY_ADOPT_DROPPED, "not carried over");
  else
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: \"bothy port add %s %s:%s\" does it",
            t->plan->spec->name, words[n == 3 || (n == 2 && g_ascii_isalpha (words[0][0])) ? 1 : 0],
            words[n - 1]);
}

/* ---- directories of the host's ---- */

static void
tell_mount (Taking *t, const char *source, const char *inside, gboolean read_only)
{
  while (*inside == '/')
    inside++;
  become (
      t, BOTHY_ADOPT_DROPPED,
      "not carried over: \"bothy mount add %s %s:/%s%s\" lets it have that, if the directory is its owner's",
      t->plan->spec->name, source, inside, read_only ? ":ro" : "");
}

/* A line of fstab(5). */
static void
take_mount_entry (Taking *t)
{
  g_auto (GStrv) words = g_strsplit_set (t->line->value, " \t", -1);
  g_autoptr (GPtrArray) fields = g_ptr_array_new ();

  for (char **word = words; *word; word++) {
    if (**word)
      g_ptr_array_add (fields, *word);
  }
  if (fields->len < 4)
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no line of fstab(5)");
  else if (strstr (fields->pdata[3], "bind") && *(const char *)fields->pdata[0] == '/' &&
           !g_str_has_prefix (fields->pdata[0], "/dev/") && !g_str_has_prefix (fields->pdata[0], "/sys") &&
           !g_str_has_prefix (fields->pdata[0], "/proc"))
    tell_mount (t, fields->pdata[0], fields->pdata[1],
                g_regex_match_simple ("(^|,)ro(,|$)", fields->pdata[3], 0, 0));
  else if (g_str_has_prefix (fields->pdata[0], "/dev/"))
    become (t, BOTHY_ADOPT_DROPPED,
            "not carried over: \"bothy device add %s\" lets it have a device of the host's",
            t->plan->spec->name);
  else
    become (t, BOTHY_ADOPT_DROPPED,
            "not carried over: Bothy mounts what a container needs, and the rest it may mount itself");
}

/* systemd's SOURCE[:INSIDE[:OPTIONS]] */
static void
take_bind (Taking *t)
{
  g_auto (GStrv) words = g_strsplit (t->line->value, ":", 3);

  if (!words[0] || *words[0] != '/')
    become (t, BOTHY_ADOPT_DROPPED, "not carried over");
  else
    tell_mount (t, words[0], words[1] && *words[1] ? words[1] : words[0],
                g_str_has_suffix (t->line->key, "ReadOnly"));
}

/* By the numbers of their nodes, which say nothing to who reads them. */
static void
take_devices (Taking *t)
{
  become (t, BOTHY_ADOPT_DROPPED,
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
set_limit (Taking *t, const char *key, GVariant *value)
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
  become (t, BOTHY_ADOPT_KEPT, "limit %s=%s", key, shown);
}

static void
set_size (Taking *t, const char *key)
{
  guint64 size;

  if (!parse_size (t->line->value, &size))
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no size");
  else if (size == NO_LIMIT)
    become (t, BOTHY_ADOPT_DROPPED, "no limit: what the administrator gives each container holds");
  else
    set_limit (t, key, g_variant_new_uint64 (size));
}

static void
take_memory (Taking *t)
{
  set_size (t, "memory");
}

static void
take_memory_high (Taking *t)
{
  set_size (t, "memory-high");
}

static void
take_swap (Taking *t)
{
  set_size (t, "swap");
}

static void
take_pids (Taking *t)
{
  set_size (t, "pids");
}

/* Of cgroup v1, where it bounds both together. */
static void
take_memory_and_swap (Taking *t)
{
  const char *memory = bothy_adopt_plan_find (t->plan, "lxc.cgroup.memory.limit_in_bytes");
  guint64 both, alone;

  if (!memory || !parse_size (memory, &alone) || !parse_size (t->line->value, &both) || both == NO_LIMIT ||
      both < alone)
    become (t, BOTHY_ADOPT_DROPPED,
            "not carried over: without a limit of memory below it, it says nothing of swap");
  else
    set_limit (t, "swap", g_variant_new_uint64 (both - alone));
}

/* Of QUOTA µs in PERIOD µs. */
static void
set_cpu (Taking *t, const char *quota, const char *period)
{
  guint64 q, p = 100000;

  if (g_str_equal (quota, "max") || g_str_equal (quota, "-1"))
    become (t, BOTHY_ADOPT_DROPPED, "no limit: what the administrator gives each container holds");
  else if (!bothy_parse_number (quota, 1, G_MAXINT32, &q) ||
           (period && !bothy_parse_number (period, 1, G_MAXINT32, &p)))
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no time in µs");
  else
    set_limit (t, "cpu", g_variant_new_double ((double)q / (double)p));
}

static void
take_cpu_max (Taking *t)
{
  g_auto (GStrv) words = g_strsplit (t->line->value, " ", 2);

  set_cpu (t, words[0] ? words[0] : "", words[0] ? words[1] : NULL);
}

static void
take_cpu_quota (Taking *t)
{
  set_cpu (t, t->line->value, bothy_adopt_plan_find (t->plan, "lxc.cgroup.cpu.cfs_period_us"));
}

static void
take_cpu_period (Taking *t)
{
  if (bothy_adopt_plan_find (t->plan, "lxc.cgroup.cpu.cfs_quota_us"))
    become (t, BOTHY_ADOPT_KEPT, "a part of the limit cpu");
  else
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: it bounds nothing by itself");
}

/* A share of cgroup v1 as the kernel's weight, which is 100 where that is 1024; of ranges that have the same ends. */
static void
take_cpu_shares (Taking *t)
{
  guint64 shares;

  if (bothy_parse_number (t->line->value, 2, 262144, &shares))
    set_limit (t, "cpu-weight", g_variant_new_uint64 (CLAMP (shares * 100 / 1024, 1, 10000)));
  else
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no number from 2 to 262144");
}

static void
set_weight (Taking *t, const char *key)
{
  const char *value = t->line->value;
  guint64 weight;

  if (g_str_has_prefix (value, "default "))
    value += strlen ("default ");
  if (bothy_parse_number (value, 1, 10000, &weight))
    set_limit (t, key, g_variant_new_uint64 (weight));
  else
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no number from 1 to 10000");
}

static void
take_cpu_weight (Taking *t)
{
  set_weight (t, "cpu-weight");
}

static void
take_io_weight (Taking *t)
{
  set_weight (t, "io-weight");
}

static void
take_cpus (Taking *t)
{
  set_limit (t, "cpus", g_variant_new_string (t->line->value));
}

/* ---- when it starts ---- */

static void
take_start_auto (Taking *t)
{
  if (g_str_equal (t->line->value, "1")) {
    t->plan->spec->autostart.mode = BOTHY_AUTOSTART_BOOT;
    become (t, BOTHY_ADOPT_KEPT, "autostart boot");
  } else
    become (t, BOTHY_ADOPT_KEPT, "no autostart");
}

static void
take_start_delay (Taking *t)
{
  guint64 delay;

  if (!bothy_parse_number (t->line->value, 0, BOTHY_AUTOSTART_MAX_DELAY, &delay)) {
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: a delay has up to %d seconds",
            BOTHY_AUTOSTART_MAX_DELAY);
    return;
  }
  t->plan->spec->autostart.delay = (guint32)delay;
  become (t, BOTHY_ADOPT_KEPT, "the delay of its autostart; here it counts before it starts, and not after");
}

static void
take_start_order (Taking *t)
{
  become (t, BOTHY_ADOPT_DROPPED,
          "not carried over: here a container names the one before it: \"bothy autostart %s --after OTHER\"",
          t->plan->spec->name);
}

static void
take_include (Taking *t)
{
  if (g_str_has_prefix (t->line->value, "/usr/share/lxc/config/"))
    become (t, BOTHY_ADOPT_CHANGED, "not read: these are LXC's presets, in whose place Bothy has its own");
  else
    become (t, BOTHY_ADOPT_DROPPED, "not read: what that file says is not carried over; look into it");
}

static void
take_boot (Taking *t)
{
  become (t, BOTHY_ADOPT_KEPT, "its init runs, as it does without this");
}

/* ---- of Incus and LXD ---- */

/* 512MiB, 1GB, 1024: in bytes; a share of the machine's says nothing here. */
static void
take_incus_memory (Taking *t)
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
  become (t, BOTHY_ADOPT_DROPPED, "not carried over: it is no size in bytes");
}

/* How many, or which. */
static void
take_incus_cpu (Taking *t)
{
  guint64 number;

  if (bothy_parse_number (t->line->value, 1, G_MAXUINT16, &number))
    set_limit (t, "cpu", g_variant_new_double ((double)number));
  else
    set_limit (t, "cpus", g_variant_new_string (t->line->value));
}

static void
take_incus_autostart (Taking *t)
{
  if (g_str_equal (t->line->value, "true") || g_str_equal (t->line->value, "1")) {
    t->plan->spec->autostart.mode = BOTHY_AUTOSTART_BOOT;
    become (t, BOTHY_ADOPT_KEPT, "autostart boot");
  } else
    become (t, BOTHY_ADOPT_KEPT, "no autostart");
}

static void
take_incus_variable (Taking *t)
{
  g_autofree char *variable = g_strconcat (t->line->key + strlen ("environment."), "=", t->line->value, NULL);

  add_variable (t, variable);
}

/* N: what is outside, inside, and how many, if IS says that these are ids of KIND. FALSE: they make no map. */
static gboolean
add_incus_range (Taking *t, const char *is, char kind, const guint64 n[3])
{
  return !g_str_equal (is, "true") ||
         bothy_adopt_map_add (&t->plan->map, kind, (guint32)n[1], (guint32)n[0], (guint32)n[2]);
}

/* What the files on disk have; "[]": the host's own, or they are shown with others by a mount. The form is Incus' own, so no other is
   read. */
static void
take_incus_idmap (Taking *t)
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
  become (t, BOTHY_ADOPT_CHANGED, "a range of ids of its own, which nobody else has");
}

/* "devices.NAME.KEY": its type says what it is. */
static void
take_incus_device (Taking *t)
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
    become (t, BOTHY_ADOPT_CHANGED, "a nic on Bothy's own bridge, with an address of its own");
  else if (g_strcmp0 (type, "nic") == 0)
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: its nic is on Bothy's own bridge");
  else if (g_strcmp0 (type, "disk") == 0 && g_strcmp0 (path, "/") == 0)
    become (t, BOTHY_ADOPT_CHANGED, "files of its own, below /var/lib/bothy");
  else if (g_strcmp0 (type, "disk") == 0 && g_str_equal (dot, ".source") && path && source && *source == '/')
    tell_mount (t, source, path, FALSE);
  else if (g_strcmp0 (type, "proxy") == 0)
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: \"bothy port add %s\" does it", t->plan->spec->name);
  else if (g_strcmp0 (type, "disk") == 0)
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: see bothy-mount(1)");
  else
    become (t, BOTHY_ADOPT_DROPPED, "not carried over: \"bothy device add %s\" lets it have one",
            t->plan->spec->name);
}

/* Who has no nic among its devices, has no network. */
static void
check_incus_nics (BothyAdoptPlan *plan)
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

/* ---- the tables ---- */

#define OWN_FILTER  "not carried over: Bothy confines each container itself, and more strictly"
#define OWN_MOUNTS  "not needed: Bothy mounts what a container needs"
#define ON_HOST     "not carried over: it runs programs on the host"
#define OWN_CONSOLE "not needed: it has a console and terminals of its own"
#define OWN_LOG     "not needed: \"bothy logs\" and the journal have it"

static const Rule lxc_rules[] = {
  { "lxc.uts.name", take_hostname, NULL },
  { "lxc.utsname", take_hostname, NULL },
  { "lxc.environment.", NULL, "not carried over: it is for hooks, or for one start" },
  { "lxc.environment", take_variable, NULL },
  { "lxc.init.cmd", take_command, NULL },
  { "lxc.init_cmd", take_command, NULL },
  { "lxc.init.uid", take_init_uid, NULL },
  { "lxc.init_uid", NULL, "not carried over: \"bothy exec --user\" runs programs as others" },
  { "lxc.init.gid", take_init_gid, NULL },
  { "lxc.init.cwd", take_directory, NULL },
  { "lxc.signal.halt", take_halt_signal, NULL },
  { "lxc.haltsignal", take_halt_signal, NULL },
  { "lxc.sysctl.", take_sysctl, NULL },
  { "lxc.idmap", take_idmap, NULL },
  { "lxc.id_map", take_idmap, NULL },
  { "lxc.rootfs.path", take_rootfs, NULL },
  { "lxc.rootfs.", NULL, "not needed: its files are Bothy's own", BOTHY_ADOPT_CHANGED },
  { "lxc.rootfs", take_rootfs, NULL },
  { "lxc.net.", take_network, NULL },
  { "lxc.network.", take_network, NULL },
  { "lxc.mount.entry", take_mount_entry, NULL },
  { "lxc.mount.auto", NULL, OWN_MOUNTS, BOTHY_ADOPT_CHANGED },
  { "lxc.mount.fstab", NULL,
    "not carried over: what that fstab mounts; look into it, and see bothy-mount(1)" },
  { "lxc.mount", NULL, "not carried over: what that fstab mounts; look into it, and see bothy-mount(1)" },
  { "lxc.cgroup.memory.limit_in_bytes", take_memory, NULL },
  { "lxc.cgroup.memory.soft_limit_in_bytes", take_memory_high, NULL },
  { "lxc.cgroup.memory.memsw.limit_in_bytes", take_memory_and_swap, NULL },
  { "lxc.cgroup2.memory.max", take_memory, NULL },
  { "lxc.cgroup2.memory.high", take_memory_high, NULL },
  { "lxc.cgroup2.memory.swap.max", take_swap, NULL },
  { "lxc.cgroup.cpu.shares", take_cpu_shares, NULL },
  { "lxc.cgroup.cpu.cfs_quota_us", take_cpu_quota, NULL },
  { "lxc.cgroup.cpu.cfs_period_us", take_cpu_period, NULL },
  { "lxc.cgroup2.cpu.max", take_cpu_max, NULL },
  { "lxc.cgroup2.cpu.weight", take_cpu_weight, NULL },
  { "lxc.cgroup.cpuset.cpus", take_cpus, NULL },
  { "lxc.cgroup2.cpuset.cpus", take_cpus, NULL },
  { "lxc.cgroup.pids.max", take_pids, NULL },
  { "lxc.cgroup2.pids.max", take_pids, NULL },
  { "lxc.cgroup.blkio.weight", take_io_weight, NULL },
  { "lxc.cgroup2.io.weight", take_io_weight, NULL },
  { "lxc.cgroup.devices.", take_devices, NULL },
  { "lxc.cgroup2.devices.", take_devices, NULL },
  { "lxc.cgroup*", NULL, "not carried over: \"bothy limit\" shows what can be limited" },
  { "lxc.start.auto", take_start_auto, NULL },
  { "lxc.start.delay", take_start_delay, NULL },
  { "lxc.start.order", take_start_order, NULL },
  { "lxc.group", NULL, "not carried over: there are no groups of containers" },
  { "lxc.include", take_include, NULL },
  { "lxc.hook*", NULL, ON_HOST },
  { "lxc.aa_", NULL, OWN_FILTER },
  { "lxc.apparmor.", NULL, OWN_FILTER },
  { "lxc.se_context", NULL, OWN_FILTER },
  { "lxc.selinux.", NULL, OWN_FILTER },
  { "lxc.seccomp*", NULL, OWN_FILTER },
  { "lxc.cap.", NULL, OWN_FILTER },
  { "lxc.no_new_privs", NULL, OWN_FILTER },
  { "lxc.namespace.", NULL, "not carried over: it has namespaces of its own" },
  { "lxc.prlimit.", NULL, "not carried over: \"bothy limit\" shows what can be limited" },
  { "lxc.limit.", NULL, "not carried over: \"bothy limit\" shows what can be limited" },
  { "lxc.arch", NULL, "not needed: its files say for which machine they are", BOTHY_ADOPT_CHANGED },
  { "lxc.autodev", NULL, OWN_MOUNTS, BOTHY_ADOPT_CHANGED },
  { "lxc.kmsg", NULL, "not carried over: what the kernel writes is for the host alone" },
  { "lxc.pts", NULL, OWN_CONSOLE, BOTHY_ADOPT_CHANGED },
  { "lxc.pty.", NULL, OWN_CONSOLE, BOTHY_ADOPT_CHANGED },
  { "lxc.tty*", NULL, OWN_CONSOLE, BOTHY_ADOPT_CHANGED },
  { "lxc.devttydir", NULL, OWN_CONSOLE, BOTHY_ADOPT_CHANGED },
  { "lxc.console*", NULL, OWN_CONSOLE, BOTHY_ADOPT_CHANGED },
  { "lxc.log*", NULL, OWN_LOG, BOTHY_ADOPT_CHANGED },
  { "lxc.signal.", NULL, "not carried over: Bothy asks it to end, and kills what does not" },
  { "lxc.rebootsignal", NULL, "not carried over: Bothy stops it and starts it again" },
  { "lxc.stopsignal", NULL, "not carried over: what does not end is killed" },
  { NULL, NULL, "not carried over: Bothy does not know it" },
};

static const Rule nspawn_rules[] = {
  { "Exec.Boot", take_boot, NULL },
  { "Exec.Parameters", take_command, NULL },
  { "Exec.Environment", take_variables, NULL },
  { "Exec.User", take_user, NULL },
  { "Exec.WorkingDirectory", take_directory, NULL },
  { "Exec.Hostname", take_hostname, NULL },
  { "Exec.KillSignal", take_halt_signal, NULL },
  { "Exec.PrivateUsers", take_private_users, NULL },
  { "Exec.Capability", NULL, OWN_FILTER },
  { "Exec.AmbientCapability", NULL, OWN_FILTER },
  { "Exec.DropCapability", NULL, OWN_FILTER },
  { "Exec.NoNewPrivileges", NULL, OWN_FILTER },
  { "Exec.SystemCallFilter", NULL, OWN_FILTER },
  { "Exec.Limit*", NULL, "not carried over: \"bothy limit\" shows what can be limited" },
  { "Files.PrivateUsers*", take_private_users, NULL },
  { "Files.Bind", take_bind, NULL },
  { "Files.BindReadOnly", take_bind, NULL },
  { "Files.Inaccessible", NULL, OWN_FILTER },
  { "Network.Port", take_port, NULL },
  { "Network.", NULL, "not carried over: it has a nic on Bothy's own bridge" },
  { NULL, NULL, "not carried over: Bothy does not know it" },
};

static const Rule incus_rules[] = {
  { "limits.memory", take_incus_memory, NULL },
  { "limits.cpu", take_incus_cpu, NULL },
  { "limits.processes", take_pids, NULL },
  { "limits.*", NULL, "not carried over: \"bothy limit\" shows what can be limited" },
  { "boot.autostart", take_incus_autostart, NULL },
  { "boot.autostart.delay", take_start_delay, NULL },
  { "boot.autostart.priority", take_start_order, NULL },
  { "environment.", take_incus_variable, NULL },
  { "volatile.last_state.idmap", take_incus_idmap, NULL },
  { "volatile.", NULL, "not needed: that is Incus' own note", BOTHY_ADOPT_CHANGED },
  { "image.", NULL, "not needed: its files say what it is", BOTHY_ADOPT_CHANGED },
  { "security.privileged", NULL, "root inside is nobody outside", BOTHY_ADOPT_CHANGED },
  { "security.nesting", NULL, "not carried over: containers in it take one that is made with --nesting" },
  { "security.idmap.", NULL, "a range of ids of its own, which nobody else has", BOTHY_ADOPT_CHANGED },
  { "security.", NULL, OWN_FILTER },
  { "raw.", NULL, OWN_FILTER },
  { "devices.", take_incus_device, NULL },
  { NULL, NULL, "not carried over: Bothy does not know it" },
};

static gboolean
matches (const char *key, const char *rule)
{
  gsize length = strlen (rule);

  if (strchr ("._*", rule[length - 1]))
    return strncmp (key, rule, rule[length - 1] == '*' ? length - 1 : length) == 0;
  return g_str_equal (key, rule);
}

/* Let LINE become what it becomes. FALSE with INVALID_ARGS: a container with this can not be adopted. */
static gboolean
take_line (BothyAdoptPlan *plan, Reading *reading, BothyAdoptLine *line, GError **error)
{
  const Rule *rule = plan->kind == BOTHY_ADOPT_NSPAWN  ? nspawn_rules
                     : plan->kind == BOTHY_ADOPT_INCUS ? incus_rules
                                                       : lxc_rules;
  Taking taking = { .plan = plan, .reading = reading, .line = line };

  while (rule->key && !matches (line->key, rule->key))
    rule++;
  if (rule->take)
    rule->take (&taking);
  else
    become (&taking, rule->outcome, "%s", rule->text);
  if (taking.error)
    g_propagate_error (error, taking.error);
  else if (!line->text)
    become (&taking, BOTHY_ADOPT_KEPT, "nothing is in it");
  return !taking.error;
}

static char **
join_environment (const Reading *reading)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < reading->environment->len; i++)
    g_strv_builder_add (builder, reading->environment->pdata[i]);
  return g_strv_builder_end (builder);
}

static char **
join_sysctls (const Reading *reading)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < reading->sysctls->len; i++) {
    const BothyAdoptLine *line = reading->sysctls->pdata[i];
    g_autofree char *setting = g_strconcat (line->key + strlen (SYSCTL), "=", line->value, NULL);

    g_strv_builder_add (builder, setting);
  }
  return g_strv_builder_end (builder);
}

BothyAdoptPlan *
bothy_adopt_read_configuration (BothyAdoptKind kind,
                                const char *name,
                                const char *configuration,
                                GError **error)
{
  g_autoptr (BothyAdoptPlan) plan = bothy_adopt_plan_new (kind, name, configuration);
  g_autoptr (GPtrArray) environment = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) sysctls = g_ptr_array_new ();
  Reading reading = { environment, sysctls };

  for (guint i = 0; i < plan->lines->len; i++) {
    if (!take_line (plan, &reading, plan->lines->pdata[i], error))
      return NULL;
  }
  if (kind == BOTHY_ADOPT_INCUS && configuration)
    check_incus_nics (plan);
  plan->spec->environment = (g_strfreev (plan->spec->environment), join_environment (&reading));
  plan->spec->sysctls = (g_strfreev (plan->spec->sysctls), join_sysctls (&reading));
  return g_steal_pointer (&plan);
}
