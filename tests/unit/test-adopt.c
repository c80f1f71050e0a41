/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CONV: what a configuration of LXC's or systemd-nspawn's becomes, and which ids files have. */

#include "base/error.h"
#include "base/ids.h"
#include "core/adopt/keys.h"
#include "core/adopt/running.h"

#include <string.h>

static BothyAdoptPlan *
read_as (BothyAdoptKind kind, const char *text)
{
  g_autoptr (GError) error = NULL;
  BothyAdoptPlan *plan = bothy_adopt_read_configuration (kind, "web", text, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < plan->lines->len; i++)
    g_assert_nonnull (((BothyAdoptLine *)plan->lines->pdata[i])->text);
  return plan;
}

/* What becomes of each line, as one letter: k, c, d. */
static void
expect (BothyAdoptKind kind, const char *text, const char *outcomes)
{
  g_autoptr (BothyAdoptPlan) plan = read_as (kind, text);

  g_assert_cmpuint (plan->lines->len, ==, strlen (outcomes));
  for (guint i = 0; i < plan->lines->len; i++) {
    const BothyAdoptLine *line = plan->lines->pdata[i];

    if (*bothy_adopt_outcome_name (line->outcome) != outcomes[i])
      g_error ("%s = %s: %s, %s", line->key, line->value, bothy_adopt_outcome_name (line->outcome),
               line->text);
  }
}

static void
refuse (const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (bothy_adopt_read_configuration (BOTHY_ADOPT_LXC, "web", text, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
}

/* CONV-09: old and new names of keys, and what is not carried over. */
static void
test_keys_of_lxc (void)
{
  expect (BOTHY_ADOPT_LXC, "lxc.uts.name=a\nlxc.utsname=b\nlxc.uts.name=a b\n", "kkd");
  expect (BOTHY_ADOPT_LXC,
          "lxc.environment=A=1\nlxc.environment=B\nlxc.environment=\nlxc.environment.hooks=C=1\n", "kddd");
  expect (BOTHY_ADOPT_LXC, "lxc.init.cmd=/sbin/init\nlxc.init_cmd=/bin/a 'b c'\nlxc.init.cmd=\"a\n", "kkd");
  expect (BOTHY_ADOPT_LXC, "lxc.init.cmd=\nlxc.init.cmd= \n", "kk");
  expect (BOTHY_ADOPT_NSPAWN, "Exec.Environment=\nExec.Parameters=\n", "kk");
  expect (BOTHY_ADOPT_LXC, "lxc.init.uid=1000\nlxc.init.gid=1000\nlxc.init.cwd=/srv\nlxc.init.cwd=srv\n",
          "kkkd");
  expect (BOTHY_ADOPT_LXC, "lxc.init.gid=7\nlxc.signal.halt=SIGPWR\nlxc.haltsignal=NO\nlxc.signal.stop=9\n",
          "dkdd");
  expect (BOTHY_ADOPT_LXC,
          "lxc.net.0.type=veth\nlxc.network.type=empty\nlxc.net.1.ipv4.address=10.0.3.2/24\n", "kkd");
  expect (BOTHY_ADOPT_LXC,
          "lxc.net.0.type=none\nlxc.net.0.type=phys\nlxc.network.flags=up\nlxc.network.script.up=/x\n",
          "cccd");
  expect (BOTHY_ADOPT_LXC,
          "lxc.include=/usr/share/lxc/config/common.conf\nlxc.include=/etc/mine\nlxc.arch=amd64\n", "cdc");
  expect (BOTHY_ADOPT_LXC,
          "lxc.hook.start=/x\nlxc.aa_profile=x\nlxc.apparmor.profile=x\nlxc.cap.drop=x\nlxc.new=1\n",
          "ddddd");
  expect (BOTHY_ADOPT_LXC,
          "lxc.mount.entry=/dev/ttyUSB0 dev/ttyUSB0 none bind 0 0\nlxc.mount.entry=x\nlxc.mount.auto=proc\n",
          "ddc");
  expect (BOTHY_ADOPT_LXC,
          "lxc.start.auto=1\nlxc.start.delay=9\nlxc.start.delay=99999\nlxc.start.order=5\nlxc.group=x\n",
          "kkddd");
  expect (BOTHY_ADOPT_LXC,
          "lxc.cgroup.devices.allow=a\nlxc.cgroup2.devices.deny=a\nlxc.cgroup.freezer.state=x\n", "ddd");
  expect (BOTHY_ADOPT_LXC,
          "lxc.rootfs=/srv/x\nlxc.rootfs.path=dir:/srv/y\nlxc.rootfs.options=idmap=container\n", "ccc");
}

static void
test_limits (void)
{
  g_autoptr (BothyAdoptPlan) plan = read_as (
      BOTHY_ADOPT_LXC,
      "lxc.cgroup2.memory.max=64M\nlxc.cgroup2.memory.high=48m\nlxc.cgroup2.memory.swap.max=0\n"
      "lxc.cgroup2.cpu.max=150000 100000\nlxc.cgroup2.cpu.weight=50\nlxc.cgroup2.io.weight=default 20\n"
      "lxc.cgroup2.pids.max=100\nlxc.cgroup2.cpuset.cpus=0\n");
  const BothyCgroupLimits *limits = &plan->spec->limits;

  g_assert_cmpuint (limits->values[BOTHY_LIMIT_MEMORY], ==, 64 << 20);
  g_assert_cmpuint (limits->values[BOTHY_LIMIT_MEMORY_HIGH], ==, 48 << 20);
  g_assert_cmpuint (limits->values[BOTHY_LIMIT_SWAP], ==, 0);
  g_assert_cmpuint (limits->values[BOTHY_LIMIT_CPU], ==, 1500000);
  g_assert_cmpuint (limits->values[BOTHY_LIMIT_CPU_WEIGHT], ==, 50);
  g_assert_cmpuint (limits->values[BOTHY_LIMIT_IO_WEIGHT], ==, 20);
  g_assert_cmpuint (limits->values[BOTHY_LIMIT_PIDS], ==, 100);
  expect (
      BOTHY_ADOPT_LXC,
      "lxc.cgroup2.memory.max=max\nlxc.cgroup2.memory.max=1\nlxc.cgroup2.memory.max=99999999999999999999\n",
      "ddd");
  expect (BOTHY_ADOPT_LXC,
          "lxc.cgroup.cpu.shares=1024\nlxc.cgroup.cpu.shares=1\nlxc.cgroup2.cpu.max=max 100000\n", "kdd");
  expect (
      BOTHY_ADOPT_LXC,
      "lxc.cgroup2.cpu.max=\nlxc.cgroup2.cpu.max=x y\nlxc.cgroup2.io.weight=0\nlxc.cgroup2.cpuset.cpus=x\n",
      "dddd");
  expect (BOTHY_ADOPT_LXC,
          "lxc.cgroup.memory.memsw.limit_in_bytes=96M\nlxc.cgroup.cpu.cfs_period_us=100000\n", "dd");
  expect (BOTHY_ADOPT_LXC,
          "lxc.cgroup2.memory.max=8E\nlxc.cgroup2.memory.max=-1\nlxc.cgroup2.memory.max=M\nlxc.cgroup2."
          "memory.max=\n",
          "dddd");
}

static void
test_keys_of_nspawn (void)
{
  g_autoptr (BothyAdoptPlan) plan = read_as (
      BOTHY_ADOPT_NSPAWN, "Exec.Boot=yes\nExec.Environment=A=1 \"B=2 3\"\nExec.Hostname=h\nExec.User=app\n");

  g_assert_cmpuint (g_strv_length (plan->spec->environment), ==, 2);
  g_assert_cmpstr (plan->spec->environment[1], ==, "B=2 3");
  g_assert_cmpstr (plan->spec->hostname, ==, "h");
  g_assert_cmpstr (plan->spec->user, ==, "app");
  expect (
      BOTHY_ADOPT_NSPAWN,
      "Exec.PrivateUsers=pick\nExec.Capability=x\nExec.LimitNOFILE=5\nFiles.Bind=/a:/b\nNetwork.Port=80\n",
      "cdddd");
  expect (BOTHY_ADOPT_NSPAWN,
          "Network.Bridge=br0\nFiles.Volatile=yes\nExec.Environment=\"A\nFiles.Bind=\nNetwork.Port=\n",
          "ddddd");
}

#define IDS(is_uid, is_gid, host, count)                                                                     \
  "{\"Isuid\":" is_uid ",\"Isgid\":" is_gid ",\"Hostid\":" host ",\"Nsid\":0,\"Maprange\":" count "}"
#define IDMAP "volatile.last_state.idmap="

static void
refuse_incus (const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (bothy_adopt_read_configuration (BOTHY_ADOPT_INCUS, "web", text, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
}

static void
test_keys_of_incus (void)
{
  g_autoptr (BothyAdoptPlan) plan =
      read_as (BOTHY_ADOPT_INCUS, "environment.A=1\nlimits.memory=2GiB\nlimits.cpu=0-1\n" IDMAP
                                  "[" IDS ("true", "false", "100000", "65536") "," IDS (
                                      "false", "true", "200000", "65536") "]\n"
                                                                          "devices.eth0.type=nic\n");
  g_autoptr (BothyAdoptPlan) alone = read_as (BOTHY_ADOPT_INCUS, IDMAP "[]\n");
  g_autoptr (BothyAdoptPlan) both =
      read_as (BOTHY_ADOPT_INCUS, IDMAP "[" IDS ("true", "true", "5", "9") "]\n");

  g_assert_cmpstr (plan->spec->environment[0], ==, "A=1");
  g_assert_true (plan->map.n_uids == 1 && plan->map.uids[0].outside == 100000 &&
                 plan->map.gids[0].outside == 200000);
  g_assert_cmpint (plan->spec->network->kind, !=, alone->spec->network->kind);
  g_assert_cmpuint (alone->map.n_uids, ==, 0);
  g_assert_true (both->map.uids[0].count == 9 && both->map.gids[0].outside == 5);
  expect (
      BOTHY_ADOPT_INCUS,
      "limits.memory=512MB\nlimits.memory=50%\nlimits.cpu.allowance=10%\nlimits.disk.priority=5\n"
      "boot.autostart=false\nboot.autostart.priority=3\nsecurity.privileged=true\nsecurity.nesting=true\n"
      "raw.lxc=x\nuser.x=y\nvolatile.uuid=1\ndevices.eth0.type=nic\ndevices.eth0.hwaddr=1\n"
      "devices.d.type=disk\ndevices.d.path=/x\ndevices.g.type=gpu\ndevices.p.type=proxy\nenvironment.B C=1\n",
      "kdddkdcdddccdddddk");
  refuse_incus (IDMAP "[" IDS ("true", "true", "-1", "65536") "]\n");
  refuse_incus (IDMAP "[" IDS ("true", "true", "4294967295", "65536") "]\n");
  refuse_incus (IDMAP "[{\"Isuid\":true}]\n");
  refuse_incus (IDMAP "nonsense\n");
}

/* CONV-09: however much a configuration says, it is read at once, and what a container can not have is told. */
static void
test_how_many (void)
{
  GString *text = g_string_new ("Exec.Environment=FIRST=1\nExec.Environment=");
  g_autoptr (BothyAdoptPlan) plan = NULL;
  g_autoptr (BothyAdoptPlan) many = NULL;
  const BothyAdoptLine *line;

  for (guint i = 0; i < 16000; i++)
    g_string_append (text, "a=1 ");
  g_test_timer_start ();
  plan = read_as (BOTHY_ADOPT_NSPAWN, text->str);
  g_assert_cmpfloat (g_test_timer_elapsed (), <, 2.0);
  line = plan->lines->pdata[1];
  g_assert_cmpint (line->outcome, ==, BOTHY_ADOPT_DROPPED);
  g_assert_cmpuint (g_strv_length (plan->spec->environment), ==, 1);
  g_string_assign (text, "");
  for (guint i = 0; i < 1030; i++)
    g_string_append (text, "lxc.environment=A=1\n");
  many = read_as (BOTHY_ADOPT_LXC, text->str);
  g_assert_cmpuint (g_strv_length (many->spec->environment), ==, 1024);
  line = many->lines->pdata[1024];
  g_assert_cmpint (line->outcome, ==, BOTHY_ADOPT_DROPPED);
  g_string_free (text, TRUE);
}

static void
test_sysctls (void)
{
  GString *text = g_string_new ("lxc.sysctl.net.ipv4.ip_forward=0\nlxc.sysctl.net.ipv4.ip_forward=1\n");
  g_autoptr (BothyAdoptPlan) plan = NULL;
  g_autoptr (BothyAdoptPlan) many = NULL;

  expect (BOTHY_ADOPT_LXC, text->str, "dk");
  plan = read_as (BOTHY_ADOPT_LXC, text->str);
  g_assert_cmpuint (g_strv_length (plan->spec->sysctls), ==, 1);
  g_assert_cmpstr (plan->spec->sysctls[0], ==, "net.ipv4.ip_forward=1");
  for (guint i = 0; i < 100; i++)
    g_string_append_printf (text, "lxc.sysctl.net.core.s%u=1\n", i);
  many = read_as (BOTHY_ADOPT_LXC, text->str);
  g_assert_cmpuint (g_strv_length (many->spec->sysctls), ==, 64);
  g_string_free (text, TRUE);
}

/* A message is UTF-8 wherever it is cut. */
static void
test_messages (void)
{
  for (guint shift = 0; shift < 2; shift++) {
    GString *text = g_string_new (shift ? "lxc.rootfs=zfs:x" : "lxc.rootfs=zfs:");
    g_autoptr (GError) error = NULL;

    for (guint i = 0; i < 200; i++)
      g_string_append (text, "\303\244");
    g_assert_null (bothy_adopt_read_configuration (BOTHY_ADOPT_LXC, "web", text->str, &error));
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
    g_string_free (text, TRUE);
  }
}

/* CONV-04: maps that are none. */
static void
test_maps (void)
{
  g_autoptr (BothyAdoptPlan) plan =
      read_as (BOTHY_ADOPT_LXC, "lxc.idmap=u 0 100000 1000000\nlxc.id_map=g 0 200000 65536\nlxc.idmap=\n");
  g_autofree char *text = bothy_adopt_map_describe (&plan->map);
  struct helper_request request;
  guint32 root;

  g_assert_cmpstr (text, ==, "0-65535 are 100000-165535");
  g_assert_true (bothy_adopt_map_get_root (&plan->map, &root) && root == 100000);
  g_assert_false (bothy_adopt_map_is_privileged (&plan->map));
  bothy_adopt_map_fill (&plan->map, 0, &request);
  g_assert_cmpuint (request.extents[0].inside, ==, 100000);
  g_assert_cmpuint (request.extents[0].outside, ==, BOTHY_NEUTRAL_BASE);
  g_assert_cmpuint (request.extents[0].count, ==, BOTHY_RANGE_SIZE);
  g_assert_cmpuint (request.gid_extents[0].inside, ==, 200000);
  bothy_adopt_map_fill (&plan->map, 1, &request);
  g_assert_cmpuint (request.extents[0].inside, ==, 100000);
  g_assert_cmpuint (request.extents[0].outside, ==, BOTHY_NEUTRAL_BASE + 1);
  g_assert_cmpuint (request.extents[0].count, ==, BOTHY_RANGE_SIZE - 1);
  refuse ("lxc.idmap=u 0 100000\n");
  refuse ("lxc.idmap=x 0 100000 65536\n");
  refuse ("lxc.idmap=u 0 100000 65536 9\n");
  refuse ("lxc.idmap=u 0 -1 65536\n");
  refuse ("lxc.idmap=u 0 4294967295 65536\n");
  refuse ("lxc.idmap=uu 0 1 65536\n");
  refuse ("lxc.idmap=u 0 1 1\nlxc.idmap=u 1 3 1\nlxc.idmap=u 2 5 1\nlxc.idmap=u 3 7 1\nlxc.idmap=u 4 9 "
          "1\nlxc.idmap=u 5 11 1\n");
  refuse ("lxc.rootfs.path=zfs:pool/x\n");
  refuse ("lxc.rootfs=overlayfs:/a:/b\n");
  refuse ("lxc.rootfs.path=loop:/img\n");
}

static gboolean
guess (BothyAdoptMap *map, guint32 uid, guint32 gid, guint32 owner, guint32 owner_gid)
{
  g_autoptr (GError) error = NULL;
  gboolean done = bothy_adopt_map_guess (map, uid, gid, owner, owner_gid, &error);

  g_assert_true (done ? !error : g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS));
  return done;
}

static void
test_guesses (void)
{
  BothyAdoptMap map;
  guint32 root;

  g_assert_true (guess (&map, 1000, 1000, 1000, 100));
  g_assert_cmpuint (map.uids[0].count, ==, 1);
  g_assert_cmpuint (map.gids[0].outside, ==, 100);
  g_assert_true (guess (&map, 0, 0, 0, 0));
  g_assert_true (bothy_adopt_map_is_privileged (&map) && map.uids[0].count == BOTHY_RANGE_SIZE);
  g_assert_true (guess (&map, 524288, 524288, 0, 0));
  g_assert_true (bothy_adopt_map_get_root (&map, &root) && root == 524288);
  /* In a range that begins at a user would be all the users after him. */
  g_assert_false (guess (&map, 1000, 1000, 0, 0));
  g_assert_false (guess (&map, 1000, 1000, 1001, 1001));
  g_assert_false (guess (&map, 0, 1000, 1001, 1001));
  g_assert_false (guess (&map, 65535, 100000, 1001, 1001));
  /* Of such a high one nothing can be made. */
  g_assert_false (guess (&map, G_MAXUINT32 - 1, 0, 1000, 1000));
  g_assert_false (guess (&map, 0, G_MAXUINT32 - 1, 1000, 1000));
}

/* CONV-04: a request without a map of gids would have the uids in its place. */
static void
test_roots (void)
{
  g_autoptr (BothyAdoptPlan) plan =
      read_as (BOTHY_ADOPT_LXC, "lxc.idmap=u 0 100000 65536\nlxc.idmap=g 65535 7 1\n");
  struct helper_request request;

  g_assert_false (bothy_adopt_map_has_roots (&plan->map));
  bothy_adopt_map_fill (&plan->map, 1, &request);
  g_assert_cmpuint (request.n_extents, ==, 0);
}

/* CONV-06: what says that it runs. */
static void
test_running (void)
{
  g_assert_true (bothy_adopt_is_group_of (BOTHY_ADOPT_LXC, "web", "0::/lxc.payload.web\n"));
  g_assert_true (
      bothy_adopt_is_group_of (BOTHY_ADOPT_LXC, "web", "5:cpu:/x/lxc.payload.web/init.scope\n0::/\n"));
  g_assert_true (bothy_adopt_is_group_of (BOTHY_ADOPT_LXC, "web", "5:cpu:/lxc/web\n"));
  g_assert_false (bothy_adopt_is_group_of (BOTHY_ADOPT_LXC, "web", "0::/lxc.payload.web2\n"));
  g_assert_false (
      bothy_adopt_is_group_of (BOTHY_ADOPT_LXC, "web", "0::/lxc.monitor.web\n0::/my-lxc.payload.web\n"));
  g_assert_true (bothy_adopt_is_group_of (BOTHY_ADOPT_NSPAWN, "my-web",
                                          "0::/machine.slice/machine-my\\x2dweb.scope/payload\n"));
  g_assert_true (bothy_adopt_is_group_of (BOTHY_ADOPT_NSPAWN, "web",
                                          "0::/machine.slice/systemd-nspawn@web.service/supervisor\n"));
  g_assert_false (
      bothy_adopt_is_group_of (BOTHY_ADOPT_NSPAWN, "web", "0::/machine.slice/machine-web2.scope\n"));
  g_assert_true (bothy_adopt_is_map_of (100000, "         0     100000      65536\n"));
  g_assert_true (bothy_adopt_is_map_of (7, "1 8 9\n0 7 1\n"));
  g_assert_false (bothy_adopt_is_map_of (100000, "         1     100000      65536\n"));
  g_assert_false (bothy_adopt_is_map_of (0, "\nnonsense\n"));
}

/* What a process of CONTAINER's ROOT is that has UID and is in GROUPS. */
static gboolean
is_of (guint32 uid, const char *groups, guint32 root)
{
  g_auto (BothyAdoptProcess) process = { 0, NULL };
  g_autofree char *status =
      g_strdup_printf ("Name:\t\\nUid:\t7\nUmask:\t0022\nUid:\t%u\t0\t0\t0\nGid:\t0\t0\t0\t0\n", uid);

  g_assert_true (bothy_adopt_process_parse (&process, groups, status));
  g_assert_cmpuint (process.uid, ==, uid);
  return bothy_adopt_process_is_of (&process, BOTHY_ADOPT_NSPAWN, "web", root);
}

/* CONV-06: whoever calls a group of his session like root's container says nothing of that. */
static void
test_whose_runs (void)
{
  static const char roots[] = "0::/machine.slice/machine-web.scope/payload\n";
  static const char hers[] = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/machine-web.scope\n";
  g_auto (BothyAdoptProcess) process = { 0, NULL };

  g_assert_true (is_of (0, roots, 0));
  g_assert_true (is_of (100000, roots, 100000));
  g_assert_true (is_of (1000, hers, 1000));
  g_assert_false (is_of (1000, roots, 0));
  g_assert_false (is_of (1000, hers, 0));
  /* Such as sudo that she started there. */
  g_assert_false (is_of (0, hers, 0));
  g_assert_false (is_of (1001, hers, 1000));
  g_assert_false (bothy_adopt_process_parse (&process, roots, "Name:\tx\n"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/adopt/CONV-09-keys-of-lxc", test_keys_of_lxc);
  g_test_add_func ("/adopt/CONV-09-limits", test_limits);
  g_test_add_func ("/adopt/CONV-09-keys-of-nspawn", test_keys_of_nspawn);
  g_test_add_func ("/adopt/CONV-09-keys-of-incus", test_keys_of_incus);
  g_test_add_func ("/adopt/CONV-09-how-many", test_how_many);
  g_test_add_func ("/adopt/CONV-09-sysctls", test_sysctls);
  g_test_add_func ("/adopt/CONV-09-messages", test_messages);
  g_test_add_func ("/adopt/CONV-04-maps", test_maps);
  g_test_add_func ("/adopt/CONV-04-guesses", test_guesses);
  g_test_add_func ("/adopt/CONV-04-roots", test_roots);
  g_test_add_func ("/adopt/CONV-06-running", test_running);
  g_test_add_func ("/adopt/CONV-06-whose-runs", test_whose_runs);
  return g_test_run ();
}
