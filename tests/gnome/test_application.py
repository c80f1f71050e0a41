# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the menu asks the application for. Here that is a program that writes down what it was asked."""

import ast

import pytest

PATH = "/org/bothy/Bothy1/container/u1000/"
APPLICATION = '''
import sys
from gi.repository import Gio, GLib
XML = """<node><interface name="org.freedesktop.Application"><method name="ActivateAction">
<arg name="a" type="s" direction="in"/><arg name="p" type="av" direction="in"/>
<arg name="d" type="a{sv}" direction="in"/></method></interface></node>"""
def called(bus, sender, path, interface, method, parameters, invocation):
    with open("/home/alice/asked", "a") as file:
        print(list(parameters.unpack()), file=file)
    invocation.return_value(None)
def acquired(bus, name):
    bus.register_object("/org/bothy/Bothy", Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0], called, None, None)
Gio.bus_own_name(Gio.BusType.SESSION, "org.bothy.Bothy", 0, acquired, None, None)
GLib.MainLoop().run()
'''
SERVICE = "[D-BUS Service]\nName=org.bothy.Bothy\nExec=/usr/bin/python3 /usr/local/bin/application\n"


@pytest.fixture
def asked(desktop, until):
    """What the application was asked for, last of all."""
    services = "/run/user/1000/dbus-1/services"
    reload = "gdbus call --session -d org.freedesktop.DBus -o / -m org.freedesktop.DBus.ReloadConfig"
    desktop.host.write("/usr/local/bin/application", APPLICATION)
    desktop.host.run("alice", f"mkdir -p {services}", check=True)
    desktop.host.write(f"{services}/org.bothy.Bothy.service", SERVICE)
    desktop.host.run("alice", reload, check=True)

    def last():
        text = desktop.host.run("alice", "cat ~/asked; rm -f ~/asked").stdout
        return ast.literal_eval(text.splitlines()[-1]) if text else None
    yield lambda: until(last)
    desktop.host.run("alice", f"rm -f ~/asked {services}/org.bothy.Bothy.service; {reload}; pkill -f local/bin/application")


def test_entries_without_it(desktop):
    """What nothing would answer is not offered."""
    desktop.bothy("launch", "busybox", "web", check=True)
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 1")
    if desktop.eval("indicator.application"):
        return
    assert not desktop.eval("indicator._create.visible || indicator._list.visible || indicator._check.visible")
    assert not {"Open Shell", "Files", "Show Log", "Details"} & set(desktop.row("web")["actions"])


def test_what_it_is_asked_for(desktop, asked, until):
    desktop.bothy("launch", "busybox", "web", check=True)
    desktop.bothy("create", "busybox", "old", check=True)
    for label, action in (("Open Shell", "shell"), ("Files", "files"), ("Show Log", "log"), ("Details", "details")):
        desktop.open_menu()
        desktop.wait("indicator._rows.size === 2 && indicator.application")
        until(lambda: len(desktop.row("web")["actions"]) == 7)
        desktop.click_action("web", label)
        name, parameters, platform = asked()
        assert (name, parameters) == (action, [PATH + "web"])
        assert platform["activation-token"]
        desktop.wait("!quick.menu.isOpen")
    for item, action in (("_create", "new"), ("_list", "list")):
        desktop.open_menu()
        desktop.wait(f"indicator.{item}.mapped")
        desktop.picture("application")
        desktop.click(f"indicator.{item}")
        assert asked()[:2] == [action, []]
        desktop.wait("!quick.menu.isOpen")


def test_enter_opens_a_shell(desktop, asked):
    desktop.bothy("launch", "busybox", "web", check=True)
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 1 && indicator.application")
    desktop.eval("row('web').item.grab_key_focus()")
    desktop.press("Return")
    assert asked()[:2] == ["shell", [PATH + "web"]]


def test_create_is_refused(desktop, asked, until):
    """Where a rule lets alice make no containers, the menu says so before she tries."""
    rule = """polkit.addRule(function(action, subject) {
        if (action.id == "org.bothy.Bothy1.create-container" && subject.user == "alice") return polkit.Result.%s; });"""
    create = "[indicator._create.sensitive, indicator._create.label.text, indicator._lock.visible]"
    try:
        for result, sensitive, lock in (("NO", False, False), ("AUTH_ADMIN", True, True)):
            desktop.host.write("/etc/polkit-1/rules.d/10-test.rules", rule % result)
            desktop.host.run("root", "systemctl", "restart", "polkit", check=True)
            desktop.open_menu()
            until(lambda: desktop.eval(create)[0] == sensitive and desktop.eval(create)[2] == lock)
            assert ("administrator" in desktop.eval(create)[1]) == (not sensitive)
            desktop.close_menus()
    finally:
        desktop.host.run("root", "rm /etc/polkit-1/rules.d/10-test.rules; systemctl restart polkit", check=True)
