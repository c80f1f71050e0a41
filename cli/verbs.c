/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "help.h"
#include "hints.h"
#include "verbs.h"

const CliVerb cli_verbs[] = {
  { "run", N_ ("IMAGE [COMMAND…]"), N_ ("Run a command in a new container"),
    "bothy run --rm busybox echo hello\nbothy run -it --rm busybox sh", cli_run },
  { "launch", N_ ("IMAGE [NAME] [-- COMMAND…]"), N_ ("Create a container and start it"),
    "bothy launch debian web", cli_launch },
  { "create", N_ ("IMAGE [NAME] [-- COMMAND…]"), N_ ("Create a container"),
    "bothy create debian web\nbothy create --env PORT=80 busybox www -- httpd -f", cli_create },
  { "start", N_ ("NAME…"), N_ ("Start containers"), "bothy start web db\nbothy start --all", cli_start },
  { "stop", N_ ("NAME…"), N_ ("Shut containers down"), "bothy stop web\nbothy stop --timeout 5 --all",
    cli_stop },
  { "restart", N_ ("NAME…"), N_ ("Stop containers and start them again"), "bothy restart web", cli_restart },
  { "freeze", N_ ("NAME…"), N_ ("Let containers stand still"), "bothy freeze web", cli_freeze },
  { "thaw", N_ ("NAME…"), N_ ("Let frozen containers go on"), "bothy thaw web", cli_thaw },
  { "kill", N_ ("NAME…"), N_ ("Send a signal to containers"), "bothy kill web\nbothy kill --signal HUP web",
    cli_kill },
  { "exec", N_ ("NAME [--] COMMAND…"), N_ ("Run a command in a running container"),
    "bothy exec web -- ls -l /\nbothy exec --user www-data --cwd /srv web -- make\ntar c . | bothy exec web "
    "-- tar x",
    cli_exec },
  { "shell", N_ ("[USER@]NAME [-- COMMAND…]"), N_ ("Log in to a running container"),
    "bothy shell web\nbothy shell www-data@web", cli_shell },
  { "console", N_ ("NAME"), N_ ("Look at a container's console"), "bothy console web", cli_console },
  { "logs", N_ ("NAME"), N_ ("Show what a container's console showed"),
    "bothy logs web\nbothy logs -f -n 20 web", cli_logs },
  { "list", "", N_ ("List containers"), "bothy list\nbothy list --json", cli_list },
  { "info", N_ ("NAME…"), N_ ("Show containers in detail"), "bothy info web\nbothy info --json web",
    cli_info },
  { "limit", N_ ("NAME [KEY=VALUE…]"), N_ ("Show or change what a container may use"),
    "bothy limit web memory=512M pids=200 cpu=1.5\nbothy limit web disk=10G inodes=1M\nbothy limit web "
    "memory=max\nbothy limit web",
    cli_limit },
  { "history", N_ ("NAME"), N_ ("Show what was done to a container, and by whom"),
    "bothy history web\nbothy history -n 5 web", cli_history },
  { "autostart", N_ ("NAME [boot|login|no]"), N_ ("Show or change when a container is started by itself"),
    "bothy autostart web boot --after db --delay 5\nbothy autostart web --restart on-failure:5\n"
    "bothy autostart web no\nbothy autostart web",
    cli_autostart },
  { "top", "", N_ ("Show what containers use"), "bothy top\nbothy top --once", cli_top },
  { "df", "", N_ ("Show what your images and containers take"), "bothy df", cli_df },
  { "wait", N_ ("NAME…"), N_ ("Wait until containers are in a state"),
    "bothy wait web\nbothy wait --state running --timeout 10 web", cli_wait },
  { "monitor", "", N_ ("Show what changes, as it changes"), "bothy monitor\nbothy monitor --json",
    cli_monitor },
  { "rename", N_ ("OLD NEW"), N_ ("Give a stopped container another name"), "bothy rename web www",
    cli_rename },
  { "delete", N_ ("NAME…"), N_ ("Delete containers"),
    "bothy delete web\nbothy delete --force web\nbothy delete --all", cli_delete },
  { "copy", N_ ("NAME[/SNAPSHOT] COPY"), N_ ("Make another container with the same files and settings"),
    "bothy copy web web2\nbothy copy web/before-upgrade web2", cli_copy },
  { "commit", N_ ("NAME[/SNAPSHOT] IMAGE"), N_ ("Make an image of a container's files"),
    "bothy commit web my-web\nbothy commit web/before-upgrade old-web", cli_commit },
  { "snapshot create", N_ ("NAME [SNAPSHOT]"), N_ ("Keep a container's files as they are now"),
    "bothy snapshot create web before-upgrade\nbothy snapshot create --stop web", cli_snapshot_create },
  { "snapshot list", N_ ("NAME"), N_ ("List the snapshots of a container"),
    "bothy snapshot list web\nbothy snapshot list --json web", cli_snapshot_list },
  { "snapshot restore", N_ ("NAME SNAPSHOT"), N_ ("Let its files be again as they were"),
    "bothy snapshot restore web before-upgrade", cli_snapshot_restore },
  { "snapshot delete", N_ ("NAME SNAPSHOT…"), N_ ("Delete snapshots"),
    "bothy snapshot delete web before-upgrade", cli_snapshot_delete },
  { "image import", N_ ("[METADATA] FILE|DIRECTORY|-"), N_ ("Make an image of a root file system"),
    "bothy image import --alias debian rootfs.tar.xz\nbothy image import incus.tar.xz "
    "rootfs.squashfs\nmake-rootfs | bothy image import -",
    cli_image_import },
  { "image export", N_ ("IMAGE FILE|-"), N_ ("Write an image into an archive"),
    "bothy image export debian debian.tar.gz", cli_image_export },
  { "image build", "", N_ ("Make an image of Debian's packages"),
    "bothy image build --bootstrap debian:trixie\n"
    "bothy image build --bootstrap debian:trixie --include systemd-sysv,dbus --alias system",
    cli_image_build },
  { "image search", N_ ("[[REMOTE:]PATTERN]"), N_ ("Look for images on servers"),
    "bothy image search debian\nbothy image search 'images:alpine/*'", cli_image_search },
  { "image pull", N_ ("[REMOTE:]NAME"), N_ ("Get an image from a server"),
    "bothy image pull debian/13\nbothy image pull --alias stable images:debian/13", cli_image_pull },
  { "image refresh", N_ ("IMAGE…"), N_ ("Get what is newer of images from servers"),
    "bothy image refresh debian/13", cli_image_refresh },
  { "image list", "", N_ ("List images"), "bothy image list", cli_image_list },
  { "image info", N_ ("IMAGE"), N_ ("Show an image in detail"), "bothy image info debian", cli_image_info },
  { "image tag", N_ ("IMAGE ALIAS…"), N_ ("Call an image something else as well"),
    "bothy image tag debian/13 stable", cli_image_tag },
  { "image untag", N_ ("ALIAS…"), N_ ("Call an image so no more"), "bothy image untag stable",
    cli_image_untag },
  { "image delete", N_ ("IMAGE…"), N_ ("Delete images"), "bothy image delete debian", cli_image_delete },
  { "image prune", "", N_ ("Delete images that nothing stands on"),
    "bothy image prune --dry-run\nbothy image prune --all", cli_image_prune },
  { "mount add", N_ ("NAME DIRECTORY:INSIDE[:ro]"), N_ ("Let a directory of yours be seen in a container"),
    "bothy mount add web ~/site:/srv\nbothy mount add web .:/work:ro", cli_mount_add },
  { "mount remove", N_ ("NAME INSIDE"), N_ ("Take it away"), "bothy mount remove web /srv",
    cli_mount_remove },
  { "mount list", N_ ("NAME"), N_ ("List the directories of yours that are seen in a container"),
    "bothy mount list web", cli_mount_list },
  { "port add", N_ ("NAME [ADDRESS:]HOST[:INSIDE][/PROTOCOL]…"),
    N_ ("Let a port of this machine lead into a container"),
    "bothy port add web 8080:80\nbothy port add web 127.0.0.1:8000-8010", cli_port_add },
  { "port remove", N_ ("NAME [ADDRESS:]HOST[/PROTOCOL]…"), N_ ("Let it lead there no more"),
    "bothy port remove web 8080", cli_port_remove },
  { "port list", N_ ("NAME"), N_ ("List the ports that lead into a container"), "bothy port list web",
    cli_port_list },
  { "bridge list", "", N_ ("List bridges that nics can be put on"), "bothy bridge list", cli_bridge_list },
  { "bridge create", N_ ("NAME"), N_ ("Have NetworkManager make a bridge"),
    "bothy bridge create --port enp1s0 lan0\nbothy bridge create --subnet 10.50.0.1/24 lab",
    cli_bridge_create },
  { "bridge delete", N_ ("NAME"), N_ ("Have NetworkManager remove it"), "bothy bridge delete lan0",
    cli_bridge_delete },
  { "bridge delegate", N_ ("BRIDGE USER|@GROUP COUNT"), N_ ("Let somebody have nics on a bridge"),
    "bothy bridge delegate lan0 alice 2\nbothy bridge delegate lan0 @staff 20", cli_bridge_delegate },
  { "bridge revoke", N_ ("BRIDGE USER|@GROUP"), N_ ("Let him have none any more"),
    "bothy bridge revoke lan0 alice", cli_bridge_revoke },
  { "bridge import-lxc", N_ ("[FILE]"), N_ ("Delegate what the lines of lxc-usernet(5) say"),
    "bothy bridge import-lxc\nbothy bridge import-lxc ./lxc-usernet", cli_bridge_import_lxc },
  { "egress list", N_ ("NAME"), N_ ("List what a container may reach"), "bothy egress list web",
    cli_egress_list },
  { "egress set", N_ ("NAME DESTINATION…"), N_ ("Let a container reach these and nothing else"),
    "bothy egress set web 192.0.2.0/24:443/tcp '[2001:db8::1]:443'\nbothy egress set web all",
    cli_egress_set },
  { "egress allow", N_ ("NAME DESTINATION…"), N_ ("Let a container reach these as well"),
    "bothy egress allow web 198.51.100.7:53/udp", cli_egress_allow },
  { "egress deny", N_ ("NAME DESTINATION…"), N_ ("Let a container reach these no more"),
    "bothy egress deny web 192.0.2.0/24:443/tcp", cli_egress_deny },
  { "remote list", "", N_ ("List the servers that images come from"), "bothy remote list", cli_remote_list },
  { "remote add", N_ ("NAME URL"), N_ ("Add a server that images come from"),
    "bothy remote add mirror https://images.example.org\n"
    "bothy remote add ours https://images.example.org --key ours.gpg",
    cli_remote_add },
  { "remote remove", N_ ("NAME…"), N_ ("Take such a server away"), "bothy remote remove mirror",
    cli_remote_remove },
  { "remote login", N_ ("REMOTE"), N_ ("Keep your name and password for a server"),
    "bothy remote login registry.example.org\n"
    "pass registry | bothy remote login registry.example.org -u alice --password-stdin",
    cli_remote_login },
  { "remote logout", N_ ("REMOTE…"), N_ ("Forget them"), "bothy remote logout registry.example.org",
    cli_remote_logout },
  { "range list", "", N_ ("List your id ranges"), "bothy range list", cli_range_list },
  { "range allocate", N_ ("[COUNT]"), N_ ("Get ids for containers that you build by hand"),
    "bothy range allocate", cli_range_allocate },
  { "range release", N_ ("FIRST-ID…"), N_ ("Give such ids back"), "bothy range release 1073741824",
    cli_range_release },
  { "range reclaim", N_ ("FIRST-ID…"), N_ ("Let others have what a user left"),
    "bothy range reclaim 1073741824", cli_range_reclaim },
  { "unshare", N_ ("[COMMAND…]"), N_ ("Run a command as root of new namespaces, with ids of your own"),
    "bothy unshare -m -p --mount-proc -- sh\nbothy unshare -s 'MOUNT|PID|UTSNAME' -- ./init", cli_unshare },
  { "userns-exec", N_ ("[COMMAND…]"), N_ ("Run a command as root of a user namespace"),
    "bothy userns-exec -- rm -rf rootfs\nbothy userns-exec -m b:0:1073741824:65536 -- tar -xf rootfs.tar",
    cli_userns_exec },
  { "nic attach", N_ ("PID|PATH [NAME]"), N_ ("Put a network namespace of yours on a bridge"),
    "bothy nic attach 4711\nbothy nic attach --bridge lan0 4711 eth1", cli_nic_attach },
  { "nic detach", N_ ("PID|PATH [NAME]"), N_ ("Take such a nic away"), "bothy nic detach 4711",
    cli_nic_detach },
  { "doctor", "", N_ ("Check whether this machine has what containers need"),
    "bothy doctor\nbothy doctor --fix", cli_doctor },
  { "version", "", N_ ("Show the versions of this program and of the service"), NULL, cli_version },
  { "help", N_ ("[VERB]"), N_ ("Show how a verb is used"), "bothy help run", cli_help },
  { NULL },
};

int
cli_help (Cli *cli, char **words)
{
  g_auto (GStrv) rest = NULL;
  gsize length;
  char *help[] = { (char *)"--help", NULL };

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] == NULL)
    return cli_help_all (cli_verbs);
  cli->verb = cli_verb_find (cli_verbs, rest, &length);
  if (cli->verb)
    return cli->verb->run (cli, help);
  if (rest[1] == NULL && cli_verb_group (cli_verbs, rest[0]))
    return cli_help_group (cli_verbs, rest[0]);
  return cli_help_unknown (cli_verbs, rest);
}
