# SPDX-License-Identifier: LGPL-2.1-or-later
"""The application, used by alice as with a mouse, against the real service."""

import json
import lzma
import os
import pathlib
import re
import subprocess
import sys
import time

import pytest

from conftest import wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "bus"))

import archives  # noqa: E402
from imageserver import Key, Server  # noqa: E402

PORT = 8099


@pytest.fixture(scope="module")
def server(host):
    """An honest, signing server of images, called "aaa"."""
    key, files = Key(), Server()
    files.server.server_close()
    archive = lzma.compress(archives.with_files({"etc/hostname": b"builder\n", "etc/machine-id": b"0" * 32 + b"\n"}))
    files.streams(archive, key=key)
    for path, data in files.files.items():
        target = pathlib.Path(f"{host.root}/srv/images{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (host.root / "srv/key.gpg").write_bytes(key.armoured)
    host.run("root", "systemd-run", "--unit", "imageserver", "python3", "-m", "http.server", "--bind", "127.0.0.1",
             "--directory", "/srv/images", str(PORT), check=True)
    host.run("root", f"until ss -tln | grep -q :{PORT}; do sleep 0.1; done", check=True)
    host.run("root", "bothy", "remote", "add", "aaa", f"http://127.0.0.1:{PORT}", "--key", "/srv/key.gpg", check=True)
    yield host
    host.run("root", "bothy", "remote", "remove", "aaa")
    host.run("root", "systemctl", "stop", "imageserver")
    key.close()


def info(host, name):
    done = host.run("alice", "bothy", "info", name, "--json")
    return json.loads(done.stdout) if done.returncode == 0 else {}


def state(host, name):
    return info(host, name).get("state")


def make(host, name, *options):
    host.run("alice", "bothy", "launch", *options, "busybox", name, check=True)


def path(name):
    return f"/org/bothy/Bothy1/container/u1000/{name}"


def open_page(app, name, title):
    app.action("details", path(name))
    app.see("Delete This Container")
    app.click(title)


def test_first_container(app, host):
    """Somebody without a container makes one with clicks alone."""
    app.see("No Containers Yet")
    app.shot("empty")
    app.click("New Container…")
    app.click("busybox")
    app.see("Account Like Yours")
    app.do("type Name=first")
    app.shot("create-options")
    app.click("Make Container")
    wait_for(lambda: state(host, "first") == "running", "a running container")
    app.see("Running")


def test_list_follows(app, host):
    """States, whoever changes them; and the button of each row."""
    make(host, "web")
    make(host, "db", "--network", "none")
    app.click("Stop web")
    wait_for(lambda: state(host, "web") == "stopped", "a stopped container")
    app.click("Start web")
    wait_for(lambda: state(host, "web") == "running", "a running container")
    app.see("Stop web")
    host.run("alice", "bothy", "freeze", "db", check=True)
    app.click("Thaw db")
    app.see("Stop db")
    host.run("alice", "bothy delete --force web", check=True)
    app.see_not("Stop web")


def test_others_containers_are_not_listed(app, host):
    """Who may see everybody's, and was asked for it, still sees his own here."""
    host.run("bob", "bothy", "launch", "busybox", "bobs", check=True)
    try:
        make(host, "mine")
        app.see("Stop mine")
        assert "bobs" not in app.read()
    finally:
        host.run("bob", "bothy", "delete", "--force", "bobs")


def test_service_is_killed_while_the_window_is_open(app, host):
    """What was known stays, and is followed again as soon as the service is back."""
    make(host, "web")
    app.see("Stop web")
    host.run("root", "systemctl", "kill", "-s", "KILL", "bothyd", check=True)
    app.click("Stop web")
    wait_for(lambda: state(host, "web") == "stopped", "a stopped container")
    app.see("Start web")


def test_image_from_a_server(app, server, host):
    app.click("New Container")
    app.see("Signed")
    app.do("search trixie nothing")
    app.see("No Image Found")
    app.do("search debi")
    app.shot("create")
    app.click("debian/13")
    app.do("type Name=Bad Name")
    app.see("A name has small letters")
    app.do("type Name=web")
    app.see_not("A name has small letters")
    app.click("Make Container")
    # Its root has no init that stays: that it was got, made and started is what counts.
    wait_for(lambda: state(host, "web"), "a container")
    image = json.loads(host.output("alice", "bothy image info --json aaa:debian/13"))
    assert image["verified"].startswith("signature:") and image["fingerprint"] == info(host, "web")["image"]
    host.run("alice", "bothy delete --force web; bothy image delete aaa:debian/13")


def hold(server):
    """The server does not answer until it is told to: a download takes as long as a test wants."""
    server.run("root", "systemctl kill -s STOP imageserver", check=True)


def let_go(server):
    server.run("root", "systemctl kill -s CONT imageserver", check=True)


def test_making_goes_on_without_a_window(app, host, server):
    """A container is made, though the window was closed while its image was on its way."""
    app.click("New Container")
    app.click("debian/13")
    app.do("type Name=far")
    hold(server)
    try:
        app.click("Make Container")
        app.see("Looking for the image")
        app.shot("making")
        app.action("quit")
        wait_for(lambda: app.ask("tree").startswith("no"), "a closed window")
        app.activate()
        app.see("Looking for the image")
        app.action("quit")
    finally:
        let_go(server)
    wait_for(lambda: info(host, "far"), "a container")
    app.forget()
    app.activate()
    app.see("far")
    host.run("alice", "bothy delete --force far; bothy image delete aaa:debian/13")


def test_making_fails(app, host):
    """It stays to be read until it is dismissed."""
    app.click("New Container")
    app.do("search 127.0.0.1:1/x")
    app.click("127.0.0.1:1/x")
    app.do("type Name=far")
    app.click("Make Container")
    app.see("The image server does not answer as it should.")
    app.shot("making-failed")
    app.click("Dismiss")
    app.see_not("The image server does not answer")
    assert info(host, "far") == {}


def test_service_is_killed_while_a_container_is_made(app, host, server):
    """Nobody waits for ever for what nobody does any more."""
    app.click("New Container")
    app.click("debian/13")
    app.do("type Name=far")
    hold(server)
    try:
        app.click("Make Container")
        app.see("Looking for the image")
        time.sleep(1)
        host.run("root", "systemctl kill -s KILL bothyd", check=True)
        app.see("The service ended while it worked.")
        app.click("Dismiss")
        app.see_not("The service ended while it worked.")
    finally:
        let_go(server)
    assert info(host, "far") == {}


def test_operations_of_others_are_shown(app, host, server):
    """An image that the command line gets: it is seen whenever the application is opened, and can be cancelled there."""
    hold(server)
    try:
        pull = host.command("alice", "bothy", "image", "pull", "aaa:debian/13")
        with subprocess.Popen(pull, stderr=subprocess.DEVNULL) as process:
            app.see("Getting an Image")
            app.end()
            app.activate()
            app.see("Getting an Image")
            app.shot("operation")
            app.click("Cancel")
            assert process.wait(timeout=30) != 0
        app.see_not("Getting an Image")
    finally:
        let_go(server)


def test_ports(app, host):
    make(host, "web")
    open_page(app, "web", "Access")
    app.do("choose Open a Port…=1")
    app.do("value Port of This Computer=8081")
    app.do("value Port of the Container=80")
    app.click("Open Port")
    app.see("8081/tcp → 80")
    assert info(host, "web")["ports"] == [{"protocol": "tcp", "host": 8081, "inside": 80, "address": "127.0.0.1"}]
    app.shot("access")
    # From the outside it is followed, and what fails is told with the service's own words.
    make(host, "other", "-p", "8090:80")
    app.do("choose Open a Port…=1")
    app.do("value Port of This Computer=8090")
    app.click("Open Port")
    app.see("Port 8090 was not opened: Something else has this port.")
    app.click("Details")
    app.see("other")
    app.click("Close")
    app.click("Close Port 8081")
    app.see_not("8081/tcp")
    assert info(host, "web")["ports"] == []


def test_connections(app, host):
    make(host, "web")
    open_page(app, "web", "Network")
    app.click("May Connect to Everything")
    wait_for(lambda: info(host, "web")["egress"] == [], "no way out")
    app.do("type Allow, such as 192.0.2.7, 192.0.2.0/24:443 or 192.0.2.7:53/udp=192.0.2.0/24:443")
    app.see("Only one destination")
    app.shot("network")
    assert info(host, "web")["egress"] == ["192.0.2.0/24:443/tcp"]
    app.do("type Allow, such as 192.0.2.7, 192.0.2.0/24:443 or 192.0.2.7:53/udp=no address")
    app.see("What “web” may connect to was not changed: The service does not take this value.")
    app.click("Remove 192.0.2.0/24:443/tcp")
    wait_for(lambda: info(host, "web")["egress"] == [], "no way out")
    app.click("May Connect to Everything")
    wait_for(lambda: info(host, "web")["egress"] == ["all"], "everything")


def test_destinations_outlive_everything(app, host):
    """Who lets a container connect to everything for a while has his list again afterwards."""
    make(host, "web")
    host.run("alice", "bothy egress set web 192.0.2.0/24:443", check=True)
    open_page(app, "web", "Network")
    app.click("May Connect to Everything")
    wait_for(lambda: "all" in info(host, "web")["egress"], lambda: info(host, "web")["egress"])
    app.see("your other containers")
    app.click("May Connect to Everything")
    wait_for(lambda: info(host, "web")["egress"] == ["192.0.2.0/24:443/tcp"], lambda: info(host, "web")["egress"])


def test_limits(app, host):
    make(host, "web")
    open_page(app, "web", "Limits")
    app.do("choose Memory=1")
    app.do("value Memory=256")
    wait_for(lambda: info(host, "web")["limits"].get("memory") == 256 << 20, lambda: info(host, "web")["limits"])
    app.see("256.0 MiB")
    app.do("choose Processes=1")
    app.shot("limits")
    host.run("alice", "bothy limit web memory=128M", check=True)
    app.see("128.0 MiB")
    app.do("choose Memory=0")
    wait_for(lambda: "memory" not in info(host, "web")["limits"], lambda: info(host, "web")["limits"])
    app.see("No limit")


def test_limit_holds_though_the_page_is_left_at_once(app, host):
    make(host, "web")
    open_page(app, "web", "Limits")
    app.do("choose Processes=1")
    app.do("value Processes=100")
    app.action("images")
    wait_for(lambda: info(host, "web")["limits"].get("pids") == 100, lambda: info(host, "web")["limits"])


def ceilings(host, name):
    return next(each for each in json.loads(host.output("root", "bothy user list --json")) if each["name"] == name)["ownCeilings"]


def test_limits_end_where_an_administrator_s_word_does(app, host):
    make(host, "web")
    host.run("root", "bothy user set-ceiling alice memory=512M", check=True)
    try:
        open_page(app, "web", "Limits")
        app.do("choose Memory=1")
        wait_for(lambda: info(host, "web")["limits"].get("memory") == 512 << 20, lambda: info(host, "web")["limits"])
    finally:
        host.run("root", "bothy user set-ceiling alice memory=default", check=True)


def test_users(app, host):
    """An administrator sees everybody, and says what one container of somebody's may have; others see themselves."""
    rule = """polkit.addRule(function(action, subject) {
        if (/inspect-containers|manage-ceilings/.test(action.id) && subject.user == "alice") return polkit.Result.YES; });"""
    make(host, "web")
    host.run("bob", "bothy", "create", "busybox", "his", check=True)
    try:
        app.action("users")
        app.see("alice|1 container · ")
        assert "bob" not in app.read()
        host.write("/etc/polkit-1/rules.d/10-test.rules", rule)
        host.run("root", "systemctl", "restart", "polkit", check=True)
        app.click("Show Everybody…")
        app.see("bob|1 container · ")
        app.do("choose bob=1")
        app.do("value Memory, MiB=512")
        app.shot("users")
        app.click("Change…")
        wait_for(lambda: ceilings(host, "bob") == {"memory": 512 << 20}, lambda: ceilings(host, "bob"))
        app.see("Memory: 512.0 MiB")
        assert ceilings(host, "alice") == {}
    finally:
        host.run("root", "rm -f /etc/polkit-1/rules.d/10-test.rules; systemctl restart polkit; bothy user set-ceiling bob memory=default")
        host.run("bob", "bothy", "delete", "--force", "his")


@pytest.fixture
def folder(host):
    """Of alice's; the host's own file system is an overlay, whose files can not be shown as somebody else's."""
    host.run("root", "mkdir -p ~alice/disk && mount -t tmpfs -o uid=1000,gid=1000,mode=755 none ~alice/disk", check=True)
    host.run("alice", "mkdir ~/disk/work && echo hello >~/disk/work/file", check=True)
    yield "/home/alice/disk/work"
    host.run("root", "umount -l ~alice/disk", check=True)


def test_folder_is_dropped_on_a_container(app, host, folder):
    make(host, "web")
    app.do(f"drop web={folder}")
    app.see("Share with “web”?")
    app.shot("share")
    app.click("Share")
    wait_for(lambda: host.run("alice", "bothy exec web -- cat /mnt/work/file").stdout == "hello\n",
             app.read)
    app.action("folders", path("web"))
    app.see(folder)
    app.see("Seen as /mnt/work")
    app.shot("folders")
    app.click("Stop Sharing /home/alice/disk/work")
    app.see_not("Seen as /mnt/work")
    assert info(host, "web")["mounts"] == []


@pytest.fixture
def manager(host):
    """A file manager, which writes down what it is to show; gives what it was asked for last, and forgets it."""
    asked = host.root / "run/user/1000/shown"
    host.write("/usr/local/bin/manager", '#!/bin/sh\necho "$1" >/run/user/1000/shown.new && mv /run/user/1000/shown.new '
               '/run/user/1000/shown\n', 0o755)
    host.write("/usr/share/applications/manager.desktop", "[Desktop Entry]\nType=Application\nName=Manager\n"
               "Exec=/usr/local/bin/manager %u\nMimeType=inode/directory;\n")
    host.write("/etc/xdg/mimeapps.list", "[Default Applications]\ninode/directory=manager.desktop\n")

    def last():
        wait_for(asked.exists, "a file manager")
        text = asked.read_text()
        asked.unlink()
        return text.strip()
    yield last
    for name in "/usr/local/bin/manager", "/usr/share/applications/manager.desktop", "/etc/xdg/mimeapps.list":
        (host.root / name.lstrip("/")).unlink(missing_ok=True)


TREE = "/run/bothy/trees/1000/web"


def test_files_in_the_file_manager(app, host, manager):
    """As the extension's button asks for them: those of the container, and not the folders that it shares."""
    make(host, "web")
    host.run("alice", "bothy exec web -- touch /inside && bothy stop --timeout 0 web", check=True)
    app.action("files", path("web"))
    assert manager() == TREE and host.output("alice", f"ls {TREE}/inside") == f"{TREE}/inside"
    app.action("details", path("web"))
    app.see(f"Files|{TREE}")
    app.shot("files")
    app.click("Stop Showing Its Files")
    app.see("All that is in the container")
    assert not (host.root / TREE.lstrip("/")).exists()
    app.click("Files")
    assert manager() == TREE
    (host.root / "usr/share/applications/manager.desktop").unlink()
    app.click("Files")
    app.see("The files of “web” are not shown")


def test_files_of_one_that_runs(app, host, manager, folder):
    """Why they can not be shown now is said, with what can be done: its shared folders, or to stop it."""
    make(host, "web")
    app.action("details", path("web"))
    app.see("Can be shown while it does not run")
    app.click("Files")
    app.see("Its files can be shown only while it does not run.")
    assert "Shared Folders" not in app.read()
    app.click("Cancel")
    app.see_not("Its files can be shown only")
    host.run("alice", "bothy", "mount", "add", "web", f"{folder}:/mnt/work", check=True)
    app.see(folder)
    app.action("files", path("web"))
    app.see("Stop “web”?")
    app.shot("files-running")
    app.click("Shared Folders")
    app.see("Seen as /mnt/work")
    assert state(host, "web") == "running"
    app.action("files", path("web"))
    app.click("Stop and Show Files")
    assert manager() == TREE and state(host, "web") == "stopped"
    host.run("alice", "bothy", "start", "web", check=True)
    app.see("Stop web")
    app.action("files", path("web"))
    app.see("Stop “web”?")
    host.run("alice", "bothy", "stop", "--timeout", "0", "web", check=True)
    app.see("Start web")
    app.click("Stop and Show Files")
    assert manager() == TREE


def test_files_that_can_not_be_shown(app, host, manager):
    """One that never ran has none of its own; what the service refuses is told with its reason."""
    host.run("alice", "bothy", "create", "busybox", "web", check=True)
    app.action("files", path("web"))
    app.see("“web” has files of its own once it was started")
    host.run("alice", "bothy start web && bothy stop --timeout 0 web && bothy snapshot create web now", check=True)
    app.action("files", path("web"))
    app.see("The files of “web” are not shown: This can not be done in the state that it is in.")
    app.click("Details")
    app.see("since its last snapshot; start it once")
    app.click("Close")


def test_folder_with_a_sign_of_markup(app, host, folder):
    """Its name is shown as it is."""
    make(host, "web")
    host.run("alice", "mkdir '/home/alice/disk/R&D'", check=True)
    app.do("drop web=/home/alice/disk/R&D")
    app.click("Share")
    wait_for(lambda: info(host, "web")["mounts"], app.read)
    app.action("details", path("web"))
    app.see("Delete This Container")
    app.see("/home/alice/disk/R&D")


def test_folder_that_is_not_his(app, host):
    make(host, "web")
    host.run("root", "mkdir -m 700 -p /srv/secret", check=True)
    app.do("drop web=/srv/secret")
    app.click("Share")
    app.see("“secret” is not shared with “web”")
    assert info(host, "web")["mounts"] == []


def test_start_up(app, host):
    make(host, "web")
    make(host, "db")
    open_page(app, "web", "Start-up")
    app.do("choose Starts=1")
    wait_for(lambda: info(host, "web")["autostart"]["mode"] == "boot", lambda: info(host, "web")["autostart"])
    app.do("choose Waits For=1")
    wait_for(lambda: info(host, "web")["autostart"]["after"] == "db", lambda: info(host, "web")["autostart"])
    app.do("choose When It Ends=2")
    wait_for(lambda: info(host, "web")["autostart"]["restart"] == "always", lambda: info(host, "web")["autostart"])
    app.shot("start-up")
    host.run("alice", "bothy autostart web no --restart on-failure:5", check=True)
    app.see("Never by itself")
    # What was bounded elsewhere stays so when something else is changed here.
    app.do("choose Starts=2")
    wait_for(lambda: info(host, "web")["autostart"]["mode"] == "login", lambda: info(host, "web")["autostart"])
    assert info(host, "web")["autostart"]["restart"] == "on-failure:5"


def test_rename_and_delete(app, host):
    make(host, "web")
    app.action("details", path("web"))
    app.see("Open Shell")
    app.click("Stop")
    wait_for(lambda: state(host, "web") == "stopped", "a stopped container")
    app.do("type Name=site")
    wait_for(lambda: state(host, "site") == "stopped", "another name")
    app.see("Start site")
    app.see("Delete This Container")
    app.click("Delete…")
    app.see("Delete “site”?")
    app.shot("delete")
    app.click("Delete")
    wait_for(lambda: state(host, "site") is None, "its end")
    app.see("No Containers Yet")


def test_failure_is_told(app, host):
    """Of one that ended by itself: that it did, why, and what it wrote."""
    host.run("alice", "bothy", "create", "busybox", "bad", "--", "/bin/sh", "-c", "echo the last words; sleep 1000", check=True)
    host.run("alice", "bothy", "start", "bad", check=True)
    host.run("alice", "bothy", "kill", "-s", "KILL", "bad", check=True)
    wait_for(lambda: state(host, "bad") == "failed", lambda: info(host, "bad"))
    app.action("details", path("bad"))
    app.see("Failed")
    app.see("It crashed")
    app.shot("failed")
    app.click("Show Log")
    app.see("the last words")
    app.shot("log")


def test_images(app, host, server):
    host.run("alice", "bothy image pull aaa:debian/13", check=True)
    app.action("images")
    app.see("Signed")
    app.click("aaa:debian/13")
    app.see("Signed With")
    app.shot("images")
    app.click("Remove")
    wait_for(lambda: host.run("alice", "bothy image info aaa:debian/13").returncode, "its end")
    app.see_not("aaa:debian/13")


def test_image_that_can_not_be_had_again_is_asked_for(app, host):
    make(host, "web")
    host.run("alice", "bothy stop web && bothy commit web mine", check=True)
    app.action("images")
    app.click("mine")
    app.click("Remove")
    app.see("Remove “mine”?")
    assert host.run("alice", "bothy image info mine").returncode == 0
    app.shot("remove-image")
    app.click("Remove")
    wait_for(lambda: host.run("alice", "bothy image info mine").returncode, "its end")


def test_failed_update_is_told(app, host, server):
    """Though it fails at once."""
    host.run("alice", "bothy image pull aaa:debian/13", check=True)
    app.action("images")
    app.click("aaa:debian/13")
    server.run("root", "mv /srv/images/streams /srv/images/away", check=True)
    try:
        app.click("Update")
        app.see("“aaa:debian/13” was not updated")
    finally:
        server.run("root", "mv /srv/images/away /srv/images/streams", check=True)
    host.run("alice", "bothy image delete aaa:debian/13", check=True)


def test_doctor(app, host):
    """The same checks as those of the command line."""
    app.action("doctor")
    app.see("Check Again")
    checks = json.loads(host.run("alice", "bothy", "doctor", "--json").stdout)
    app.see(checks[0]["check"])
    text = app.read()
    assert [check["check"] for check in checks if check["check"] not in text] == []
    app.shot("doctor")


def test_shell_is_opened_in_a_terminal(app, host):
    """By the words that the menu uses; one that stands still is started."""
    host.write("usr/bin/xdg-terminal-exec", '#!/bin/sh\nprintf "%s\\n" "$@" >/run/user/1000/terminal\n', 0o755)
    make(host, "web")
    host.run("alice", "bothy", "stop", "web", check=True)
    app.see("Start web")
    app.action("shell", path("web"))
    opened = host.root / "run/user/1000/terminal"
    wait_for(opened.exists, "a terminal")
    wait_for(lambda: opened.read_text() == "bothy\nshell\nweb\n", opened.read_text)
    assert state(host, "web") == "running"
    opened.unlink()
    (host.root / "usr/bin/xdg-terminal-exec").unlink()
    app.action("shell", path("nothing"))
    app.see("There is no such container any more.")


def test_menu_starts_the_application(screen, host):
    """The bus starts it for an action, and it waits with that until it knows the containers."""
    make(host, "web")
    screen.action("details", path("web"))
    try:
        screen.see("Open Shell")
    finally:
        screen.end()
        host.run("alice", "bothy delete --force web")


def test_narrow_window(app, host):
    """On a phone: one side at a time, nothing cut off, every button has a name."""
    make(host, "web")
    app.see("Open Shell")
    assert app.ask("unnamed") == "ok"
    app.do("size 360 640")
    app.see_not("Open Shell")
    app.action("details", path("web"))
    app.see_not("Check This Computer")
    app.shot("narrow")
    assert app.ask("unnamed") == "ok"


def test_overview(app, host):
    make(host, "web")
    with subprocess.Popen(host.command("alice", "bothy", "exec", "web", "--", "sh", "-c", "while :; do :; done"),
                          stdin=subprocess.DEVNULL) as busy:
        app.action("details", path("web"))
        wait_for(lambda: any(int(share) > 5 for share in re.findall(r"(\d+) % of one processor", app.read())), app.read)
        if os.environ.get("BOTHY_PICTURES"):
            time.sleep(12)
        app.shot("overview")
        host.run("alice", "bothy stop --force web || bothy kill -s KILL web", check=True)
        busy.wait(timeout=30)
    app.see_not("of one processor")
    assert str(info(host, "web")["rangeBase"]) in app.read()


def snapshots(host, name):
    return [each["name"] for each in json.loads(host.output("alice", f"bothy snapshot list {name} --json"))]


def test_snapshots(app, host):
    """Files that were lost come back by one click; what was there before that is kept."""
    make(host, "files")
    host.run("alice", "bothy", "exec", "files", "--", "sh", "-c", "echo good >/data", check=True)
    open_page(app, "files", "Snapshots")
    app.do("type Name; Without One the Day and the Time=before")
    app.click("Make a Snapshot")
    wait_for(lambda: snapshots(host, "files") == ["before"], "a snapshot")
    app.see("Restore before")
    host.run("alice", "bothy", "exec", "files", "--", "rm", "/data", check=True)
    app.click("Restore before")
    app.see("What is there now is kept as a snapshot")
    app.shot("snapshots")
    app.click("Stop and Restore")
    wait_for(lambda: len(snapshots(host, "files")) == 2 and state(host, "files") == "stopped", "a restore")
    host.run("alice", "bothy", "start", "files", check=True)
    assert host.output("alice", "bothy exec files -- cat /data") == "good"
    app.see("What was there before a restore")
    app.click("Delete before")
    app.see("does not come back any more")
    app.click("Delete")
    wait_for(lambda: "before" not in snapshots(host, "files"), "one less")


def test_restore_goes_on_though_the_page_is_left(app, host):
    """One that takes its time to stop is restored nevertheless."""
    program = "trap 'sleep 2; exit 0' TERM PWR INT QUIT 37; while :; do sleep 0.2; done"
    host.run("alice", "bothy", "create", "busybox", "files", "--", "/bin/sh", "-c", program, check=True)
    host.run("alice", "bothy snapshot create files before && bothy start files", check=True)
    open_page(app, "files", "Snapshots")
    app.click("Restore before")
    app.click("Stop and Restore")
    app.see_not("What is there now is kept as a snapshot")
    app.action("images")
    app.see("What containers are made from")
    assert len(snapshots(host, "files")) == 1
    wait_for(lambda: len(snapshots(host, "files")) == 2 and state(host, "files") == "stopped",
             lambda: f"a restore: {info(host, 'files')} in {app.read()}")


def test_restore_is_agreed_to_when_the_page_is_gone(app, host):
    """Who looks elsewhere with the question open, and then says yes to it, means it."""
    make(host, "files")
    host.run("alice", "bothy snapshot create files before && bothy exec files -- touch /later", check=True)
    open_page(app, "files", "Snapshots")
    app.click("Restore before")
    app.see("What is there now is kept as a snapshot")
    app.action("images")
    app.see("What containers are made from")
    app.click("Stop and Restore")
    wait_for(lambda: len(snapshots(host, "files")) == 2, lambda: f"a restore: {app.read()}")


# ---- devices: the machine's serial line, which for udev is a stick of USB's ----

STICK = """KERNEL=="ttyS0", ENV{ID_BUS}="usb", ENV{ID_VENDOR_ID}="0658", ENV{ID_MODEL_ID}="0200", ENV{ID_VENDOR}="Sigma", ENV{ID_MODEL}="Z-Stick"
"""


def event(host, action):
    host.run("root", f"echo {action} >/sys/class/tty/ttyS0/uevent; udevadm settle", check=True)


@pytest.fixture
def stick(host):
    """Nobody but root may open it."""
    host.run("root", "mknod -m 600 /dev/ttyS0 c 4 64", check=True)
    host.write("etc/udev/rules.d/70-stick.rules", STICK)
    host.run("root", "udevadm control --reload", check=True)
    event(host, "remove")
    yield "/dev/ttyS0"
    host.run("root", "rm -f /dev/ttyS0 /etc/udev/rules.d/70-stick.rules; udevadm control --reload", check=True)
    event(host, "remove")


def devices(host, name):
    return json.loads(host.output("alice", f"bothy device list {name} --json"))


def test_devices(app, host, stick):
    """A stick is seen as soon as it is plugged in, given by a click, and taken away by another one."""
    host.run("root", f"setfacl -m u:alice:rw {stick}", check=True)
    make(host, "web")
    open_page(app, "web", "Devices")
    app.see("No Devices")
    app.see("Plugged In Now")
    app.see_not("Z-Stick")
    event(host, "add")
    app.see("Serial port · /dev/ttyS0", 10)
    app.shot("devices")
    assert app.ask("unnamed") == "ok"
    app.click("Add Sigma Z-Stick")
    app.see("There as /dev/ttyS0")
    app.see_not("Add Sigma Z-Stick")
    assert [(each["name"], each["match"], each["nodes"]) for each in devices(host, "web")] == [
        ("sigma-z-stick", "usb:0658:0200", ["/dev/ttyS0"])]
    event(host, "remove")
    app.see("Not there now: usb:0658:0200")
    event(host, "add")
    app.see("There as /dev/ttyS0")
    app.shot("devices-added")
    # Who else would have it sees who has it.
    make(host, "other")
    open_page(app, "other", "Devices")
    app.see("“web” has it")
    host.run("alice", "bothy stop --force web", check=True)
    app.see("Serial port · /dev/ttyS0")
    open_page(app, "web", "Devices")
    app.see("When the container runs: usb:0658:0200")
    app.click("Take Away sigma-z-stick")
    app.see("No Devices")
    app.see("Add Sigma Z-Stick")
    assert devices(host, "web") == []


def test_devices_that_an_administrator_has_to_agree_to(app, host, stick):
    """What is refused is told, with the service's own words, and is not there."""
    make(host, "web")
    event(host, "add")
    open_page(app, "web", "Devices")
    app.see("An administrator is asked")
    app.click("Add Sigma Z-Stick")
    app.see("“Sigma Z-Stick” was not added")
    app.click("Details")
    app.see("assign-device")
    app.click("Close")
    assert devices(host, "web") == []
    app.see("No Devices")


def test_devices_are_followed_though_the_service_leaves(app, host, stick):
    """As it does when nothing runs."""
    host.run("alice", "bothy", "create", "busybox", "web", check=True)
    open_page(app, "web", "Devices")
    app.see("Plugged In Now")
    host.run("root", "systemctl", "stop", "bothyd", check=True)
    time.sleep(1)
    event(host, "add")
    app.see("/dev/ttyS0", 10)


# ---- volumes ----

@pytest.fixture
def no_volumes(host):
    yield
    host.run("alice", "bothy delete -f --all; bothy volume delete $(bothy volume list -q)")


def volumes(host):
    return [each["name"] for each in json.loads(host.output("alice", "bothy volume list --json"))]


def test_volume_of_a_container(app, host, no_volumes):
    """A new one, and then the same in another container."""
    make(host, "web")
    make(host, "db")
    open_page(app, "web", "Folders")
    app.click("Add a Volume…")
    app.see("Add a Volume to “web”?")
    app.do("type Name of the New Volume=site")
    app.see("/mnt/site")
    app.shot("add-volume")
    app.click("Add")
    app.see("Volume site")
    assert volumes(host) == ["site"] and [m["destination"] for m in info(host, "web")["mounts"]] == ["/mnt/site"]
    host.run("alice", "bothy", "exec", "web", "--", "sh", "-c", "echo hello >/mnt/site/file", check=True)
    open_page(app, "db", "Folders")
    app.click("Add a Volume…")
    app.do("choose Volume=0")
    app.do("type Folder inside=/srv/x")
    app.do("choose Read only=1")
    app.click("Add")
    app.see("Seen as /srv/x, read only")
    assert host.output("alice", "bothy exec db -- cat /srv/x/file") == "hello"
    app.click("Take Away Volume site")
    app.see_not("Seen as /srv/x")
    assert info(host, "db")["mounts"] == [] and volumes(host) == ["site"]
    # One that can not be added was not made either.
    app.click("Add a Volume…")
    app.do("choose Volume=1")
    app.do("type Name of the New Volume=lost")
    app.do("type Folder inside=/proc/x")
    app.click("Add")
    app.see("The volume “lost” was not added")
    wait_for(lambda: volumes(host) == ["site"], lambda: volumes(host))


def test_volumes(app, host, no_volumes):
    app.action("volumes")
    app.see("No Volumes")
    app.do("type Name=Bad Name")
    app.click("Make a Volume")
    app.see("No volume was made")
    app.do("type Name=data")
    app.click("Make a Volume")
    app.see("In no container")
    assert volumes(host) == ["data"]
    host.run("alice", "bothy create -v data:/mnt/d busybox web", check=True)
    app.click("Look Again")
    app.see("In web")
    assert app.ask("click Delete data").startswith("no: it is insensitive")
    app.shot("volumes")
    assert app.ask("unnamed") == "ok"
    host.run("alice", "bothy delete --force web", check=True)
    app.click("Look Again")
    app.click("Delete data")
    app.see("All files in it are lost.")
    app.click("Delete")
    app.see("No Volumes")
    assert volumes(host) == []
