# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real GNOME Shell in a throwaway host: boots it, looks into it, clicks and types."""

import ast
import importlib.util
import json
import os
import pathlib
import time

HERE = pathlib.Path(__file__).parent
UUID = "bothy@bothy.org"
SHELL = "org.gnome.Shell"

# Pictures are the same each time: nothing moves, nothing greets, nothing locks.
OVERRIDE = """[org.gnome.desktop.interface]
enable-animations=false
enable-hot-corners=false
[org.gnome.desktop.screensaver]
lock-enabled=false
[org.gnome.desktop.lockdown]
disable-lock-screen=true
[org.gnome.desktop.session]
idle-delay=0
[org.gnome.desktop.background]
picture-uri=''
picture-uri-dark=''
primary-color='#3a5a78'
[org.gnome.shell]
welcome-dialog-last-shown-version='999'
enabled-extensions=[]
"""

# A session at seat0, as a display manager would make it; there are no virtual terminals.
UNIT = """[Unit]
Description=GNOME Shell of the tests
[Service]
User=alice
PAMName=bothy-test
WorkingDirectory=/home/alice
Environment=XDG_SEAT=seat0 XDG_SESSION_TYPE=wayland XDG_SESSION_CLASS=user XDG_SESSION_DESKTOP=gnome
Environment=XDG_CURRENT_DESKTOP=GNOME LIBGL_ALWAYS_SOFTWARE=1 GSETTINGS_BACKEND=keyfile SHELL=/bin/bash
Environment={environment}
ExecStart=/usr/bin/gnome-shell --headless --wayland --no-x11 --wayland-display wayland-0 --virtual-monitor 1280x800 --unsafe-mode
"""

# What each script may use: the extension, its toggle and menu, and devices that type and click.
PRELUDE = """
const [Clutter, St] = [imports.gi.Clutter, imports.gi.St];
const extension = Main.extensionManager.lookup(UUID)?.stateObj;
const indicator = extension?._indicator;
const toggle = indicator?._toggle;
const quick = Main.panel.statusArea.quickSettings;
const row = name => [...indicator._rows.values()].find(each => each._container.name === name);
const place = actor => {
    const [x, y] = actor.get_transformed_position();
    const [width, height] = actor.get_transformed_size();
    return [x + width / 2, y + height / 2];
};
"""

BAD = ("JS ERROR", "already disposed", "already deallocated", "Gjs-CRITICAL", "Gjs-WARNING", "GLib-GObject-CRITICAL",
       "Clutter-CRITICAL", "St-CRITICAL", "has been already")


def host_room():
    """tests/host/conftest.py, which pytest may know under the same name as ours."""
    spec = importlib.util.spec_from_file_location("host_room", HERE.parent / "host" / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Desktop:
    """The host and its shell."""

    def __init__(self):
        room = host_room()
        self.host = room.Host("--root", "desktop", stage=room.staged())
        self.pictures = pathlib.Path(os.environ.get("BOTHY_PICTURES") or
                                     os.environ.get("XDG_CACHE_HOME", "/var/cache") + "/bothy-tests/pictures")
        self.pictures.mkdir(parents=True, exist_ok=True)
        # What is set in the window of preferences is read in the shell.
        self.host.write("/etc/environment.d/90-tests.conf", "GSETTINGS_BACKEND=keyfile\n")
        self.host.write("/usr/share/glib-2.0/schemas/90_tests.gschema.override", OVERRIDE)
        self.host.run("root", "glib-compile-schemas", "/usr/share/glib-2.0/schemas", check=True)
        self.since = self.now()
        self.start_shell()
        self.enable()

    def halt(self):
        self.host.halt()

    # ---- the shell ----

    def start_shell(self, environment=""):
        self.since = self.now()
        self.host.write("/run/systemd/system/shell.service", UNIT.format(environment=environment or "TESTS=1"))
        self.host.run("root", "systemctl daemon-reload && systemctl restart shell", check=True)
        # org.gnome.Shell belongs to the session's bus, which the login began.
        end = time.monotonic() + 60
        while True:
            try:
                if self.eval("!Main.layoutManager._startingUp"):
                    break
            except AssertionError:
                pass
            assert time.monotonic() < end, "the shell did not start: " + self.journal()
            time.sleep(0.2)
        # It says that there is no display manager; and begins with the overview.
        self.eval("Main.overview.hide(); Main.messageTray.getSources().forEach(each => each.destroy()); return true")

    def session(self, *command, check=True, timeout=60, **options):
        """A command of alice's in her session, below her own systemd, as programs of a desktop are."""
        words = ["systemd-run", "--user", "--quiet", "--wait", "--collect", "--pipe", "--", *command]
        return self.host.run("alice", *words, check=check, timeout=timeout, **options)

    def shell(self, method, *arguments, path="/org/gnome/Shell", interface=SHELL, timeout=60):
        return self.host.output("alice", "gdbus", "call", "--session", "--dest", SHELL, "--object-path", path,
                                "--method", f"{interface}.{method}", *arguments, timeout=timeout)

    def eval(self, script):
        """What a script gives in the shell, by way of JSON; a promise is waited for."""
        whole = (f"(async () => {{ const UUID = '{UUID}'; {PRELUDE}\n"
                 f"const answer = await (async () => {{ {script if 'return' in script else 'return ' + script} }})();\n"
                 "return answer === undefined ? null : answer; })()")
        answer = self.shell("Eval", whole)
        good, text = ast.literal_eval(answer.replace("(true,", "(True,", 1).replace("(false,", "(False,", 1))
        assert good, f"{script}: {text}"
        return json.loads(text) if text else None

    def enable(self, on=True):
        self.eval(f"Main.extensionManager.{'enable' if on else 'disable'}Extension(UUID)")
        self.wait(f"{'!' if not on else '!!'}Main.extensionManager.lookup(UUID)?.stateObj?._indicator")

    def wait(self, script, seconds=20):
        """Until a script gives what is true."""
        end = time.monotonic() + seconds
        while True:
            answer = self.eval(script)
            if answer:
                return answer
            assert time.monotonic() < end, f"not true in {seconds} s: {script}; {self.told()}"
            time.sleep(0.1)

    def told(self):
        """What the extension has of the service, for who looks for what went wrong."""
        return self.eval("[indicator?._client.presence, [...indicator?._client.containers.values() ?? []]]"), self.complaints()

    # ---- clicks, keys, pictures ----

    def click(self, actor):
        """Moves the pointer to the middle of an actor and clicks."""
        self.eval(f"""
            const seat = global.stage.context.get_backend().get_default_seat();
            globalThis.testPointer ??= seat.create_virtual_device(Clutter.InputDeviceType.POINTER_DEVICE);
            const pause = () => new Promise(done => GLib.timeout_add(0, 60, () => done() ?? false));
            const actor = {actor};
            let [x, y, before] = [0, 0, null];
            // Until it stays where it is.
            for (let i = 0; i < 50 && before !== `${{[x, y]}}`; i++) {{
                before = `${{[x, y]}}`;
                await pause();
                [x, y] = place(actor);
            }}
            if (!actor?.mapped)
                throw new Error('it is not to be seen');
            const now = () => GLib.get_monotonic_time();
            testPointer.notify_absolute_motion(now(), x, y);
            await pause();
            testPointer.notify_button(now(), Clutter.BUTTON_PRIMARY, Clutter.ButtonState.PRESSED);
            await pause();
            testPointer.notify_button(now(), Clutter.BUTTON_PRIMARY, Clutter.ButtonState.RELEASED);
            await pause();
            return [x, y];""")

    def press(self, *keys):
        """Presses keys one after the other, by their names in Clutter; "Super+s" holds the first."""
        for key in keys:
            names = [f"Clutter.KEY_{name}" for name in key.split("+")]
            self.eval(f"""
                const seat = global.stage.context.get_backend().get_default_seat();
                globalThis.testKeys ??= seat.create_virtual_device(Clutter.InputDeviceType.KEYBOARD_DEVICE);
                const keys = [{', '.join(names)}];
                const pause = () => new Promise(done => GLib.timeout_add(0, 40, () => done() ?? false));
                for (const key of keys)
                    testKeys.notify_keyval(GLib.get_monotonic_time(), key, Clutter.KeyState.PRESSED);
                await pause();
                for (const key of keys.reverse())
                    testKeys.notify_keyval(GLib.get_monotonic_time(), key, Clutter.KeyState.RELEASED);
                await pause();
                return true;""")

    def type(self, text):
        for letter in text:
            self.press(letter)

    def picture(self, name):
        """Leaves what is on the screen as a file of the run."""
        path = f"/tmp/{name}.png"
        self.shell("Screenshot", "false", "false", path, path="/org/gnome/Shell/Screenshot",
                   interface="org.gnome.Shell.Screenshot")
        target = self.pictures / f"{name}.png"
        target.write_bytes((self.host.root / path.lstrip("/")).read_bytes())
        return target

    # ---- the menu ----

    def open_menu(self):
        """By clicks, as somebody with a mouse does it."""
        if not self.eval("quick.menu.isOpen"):
            self.click("quick")
            self.wait("quick.menu.isOpen && toggle.mapped")
        self.click("toggle")
        self.wait("toggle.menu.isOpen && toggle.menu.box.mapped")

    def close_menus(self):
        self.eval("Main.panel.closeQuickSettings()")

    def row(self, name):
        """What a row says: its detail, its buttons' names, whether its actions are open."""
        return self.eval(f"""
            const found = row({json.dumps(name)});
            return found ? {{detail: found._detail.text, main: found._main.visible ? found._main.accessible_name : null,
                more: found._more.visible, turned: found.isTurned(), name: found.item.accessible_name,
                icon: found._icon.icon_name, actions: found._box.get_children().map(each => each.label)}} : null;""")

    def rows(self):
        """The names, from the top."""
        return self.eval("indicator._section.box.get_children().map(each => each._delegate._name.text)")

    def click_row(self, name, part):
        self.click(f"row({json.dumps(name)}).{part}")

    def click_action(self, name, label):
        """Opens the actions of a container, unless they are, and clicks on one."""
        if not self.row(name)["turned"]:
            self.click_row(name, "_more")
            self.wait(f"row({json.dumps(name)}).isTurned()")
        self.click(f"row({json.dumps(name)})._box.get_children().find(each => each.label === {json.dumps(label)})")

    # ---- containers ----

    def bothy(self, *words, user="alice", **options):
        return self.host.run(user, "bothy", *words, **options)

    def state(self, name, user="alice"):
        return json.loads(self.host.output(user, "bothy", "info", name, "--json"))["state"]

    # ---- what is left ----

    def now(self):
        return self.host.output("root", "date", "+%s.%N")

    def journal(self):
        return self.host.output("root", "journalctl", "-u", "shell", "--no-pager", "-o", "cat", f"--since=@{self.since}")

    def complaints(self):
        return [line for line in self.journal().splitlines() if any(word in line for word in BAD)]

    def begin(self):
        self.since = self.now()

    def tidy(self):
        for user in "alice", "bob":
            self.host.run(user, "bothy", "delete", "--all", "--force", timeout=120)
