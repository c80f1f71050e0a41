# SPDX-License-Identifier: LGPL-2.1-or-later
"""What dbus/*.xml says, and a valid call of each method."""

import pathlib
import xml.etree.ElementTree

from gi.repository import GLib

import wire

XML = pathlib.Path(__file__).parents[2] / "dbus"


def interfaces():
    for file in sorted(XML.glob("*.xml")):
        yield from xml.etree.ElementTree.parse(file).getroot().iter("interface")


def methods():
    """(interface, method, signature of what goes in)."""
    return [(i.get("name"), m.get("name"),
             "(" + "".join(a.get("type") for a in m.iter("arg") if a.get("direction") == "in") + ")")
            for i in interfaces() for m in i.iter("method")]


def properties(interface):
    return [p.get("name") for i in interfaces() if i.get("name") == interface for p in i.iter("property")]


METHODS = methods()
SIGNATURES = {(i, m): s for i, m, s in METHODS}
OF_CONTAINER = [m for i, m, _ in METHODS if i == wire.CONTAINER]

# Arguments with which the owner's call would do something.
ARGUMENTS = {
    "Start": ({},), "Stop": (wire.variants({"force": True}),), "Restart": (wire.variants({"force": True}),),
    "Freeze": (), "Thaw": (), "Kill": ("leader", 9), "Delete": (wire.variants({"force": True}),),
    "UndoAdoption": ({},),
    "Rename": ("renamed",), "Exec": (["true"], [], {}), "OpenShell": ("", "/bin/sh", [], []), "OpenConsole": (),
    "OpenLog": (), "SetLimits": ({"pids": GLib.Variant("t", 100)},), "GetStats": (), "GetHistory": (), "GetOSRelease": (),
    "MapFromUser": (0,), "MapToUser": (0,), "AddPort": ("tcp", 8080, 80, {}), "RemovePort": ("tcp", 8080, {}),
    "AddMount": (0, "/mnt", wire.variants({"path": "/usr"})), "RemoveMount": ("/mnt",),
    "OpenTree": ({},), "MountTree": ({},), "UnmountTree": (),
    "Export": (0, "tar", {}), "AddVolume": ("data", "/mnt", {}),
    "AddDevice": ("tty", wire.variants({"match": "usb:0658:0200"})), "RemoveDevice": ("tty",),
    "ExecAndWait": (["true"], {}), "ReadLog": (0, 100),
    "CopyFrom": ("/etc", 0, {}), "CopyTo": ("/etc", 0, {}),
    "Snapshot": ("s1", {}), "Restore": ("s1",), "RemoveSnapshot": ("s1",), "DiffSnapshot": (0, "", "", {}), "Clone": ("copy", {}), "Commit": ("mine", {}),
    "SetAutostart": ("no", wire.variants({"restart": "no"})),
    "SetEgress": ("set", ["192.0.2.1"]), "GetAddresses": (),
}
READS = {"GetAddresses", "GetHistory", "GetStats", "GetOSRelease", "MapFromUser", "MapToUser"}


def call_container(client, path, member, **options):
    """Sends a valid call of a container's method, and gives its serial."""
    signature = SIGNATURES[wire.CONTAINER, member]
    return client.send(path, wire.CONTAINER, member, signature, *ARGUMENTS[member], **options)


def default(kind):
    """Some value of a type."""
    return {"s": "x", "a{sv}": {}, "h": 0, "u": 1, "t": 1, "i": 9, "as": [], "ah": [], "o": "/", "q": 80, "a(suuu)": []}[kind]


def some_body(interface, member):
    types = [a.get("type") for i in interfaces() if i.get("name") == interface for m in i.iter("method")
             if m.get("name") == member for a in m.iter("arg") if a.get("direction") == "in"]
    return GLib.Variant(f"({''.join(types)})", tuple(map(default, types))) if types else None
