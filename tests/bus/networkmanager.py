# SPDX-License-Identifier: LGPL-2.1-or-later
"""As much of NetworkManager as libnm needs to see profiles of bridges. What it does is tested on the host."""

import threading
import uuid

from gi.repository import Gio, GLib

from wire import KIND, OBJECTS, Client

NAME = "org.freedesktop.NetworkManager"
PATH = "/org/freedesktop/NetworkManager"
CONNECTION = NAME + ".Settings.Connection"
ACTIVE = NAME + ".Connection.Active"
ACTIVATED = 2


def entries(dictionary):
    for i in range(dictionary.n_children()):
        entry = dictionary.get_child_value(i)
        yield entry.get_child_value(0).get_string(), entry.get_child_value(1)


def variants_of(dictionary):
    """An a{sv} with its values as they came."""
    return {name: value.get_variant() for name, value in entries(dictionary)}


class NetworkManager:
    """Profiles come and go as tests say: add("br0", method="auto", users=["alice"]).

    It takes profiles and says that it has them activated, but there never is a device. Calls of SILENT members ("*": of
    all) get no answer before speak(), those of REFUSED ones an error.
    """

    def __init__(self, address, silent=(), refused=()):
        self.client, self.profiles, self.n, self.lock = Client(address, 0), {}, 0, threading.Lock()
        self.active, self.silent, self.refused, self.unanswered, self.asked = {}, set(silent), set(refused), [], []
        self.unsaved = set()
        self.client.bus("RequestName", "(su)", NAME, 0)
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        self.stopping = True
        self.thread.join()
        self.client.close()

    # ---- for tests ----

    def add(self, name, method="auto", users=(), address=None, ours=False):
        """OURS: as if Bothy had made it."""
        with self.lock:
            self.n += 1
            path = f"{PATH}/Settings/{self.n}"
            self.profiles[path] = self.settings(name, method, users, address, ours)
            self.signal("InterfacesAdded", "(oa{sa{sv}})", path, self.interfaces(path))
            self.list_changed()
        return path

    def remove(self, path):
        with self.lock:
            self.drop_profile(path)

    def speak(self):
        """Answers all that it did not, and is well from now on."""
        with self.lock:
            self.silent, self.refused = set(), set()
            waiting, self.unanswered = self.unanswered, []
        for message in waiting:
            self.reply(message)

    def change(self, path, name, **options):
        with self.lock:
            self.profiles[path] = self.settings(name, **{"method": "auto", "users": (), "address": None, **options})
            self.transmit_signal(path, CONNECTION, "Updated", None)

    # ---- on the wire ----

    @staticmethod
    def settings(name, method, users, address, ours=False):
        def text(value):
            return GLib.Variant("s", value)

        connection = {"id": text(f"profile {name}"), "uuid": text(str(uuid.uuid5(uuid.NAMESPACE_DNS, name))),
                      "type": text("bridge"), "interface-name": text(name)}
        if users:
            connection["permissions"] = GLib.Variant("as", [f"user:{user}:" for user in users])
        ip4 = {"method": text(method)}
        if address:
            host, prefix = address.split("/")
            ip4["address-data"] = GLib.Variant("aa{sv}", [{"address": text(host),
                                                           "prefix": GLib.Variant("u", int(prefix))}])
        settings = {"connection": connection, "bridge": {"interface-name": text(name)}, "ipv4": ip4,
                    "ipv6": {"method": text("ignore")}}
        if ours:
            settings["user"] = {"data": GLib.Variant("a{ss}", {"bothy.bridge": name})}
        return settings

    def interfaces(self, path):
        if path == PATH:
            return {NAME: {"Version": GLib.Variant("s", "1.42.4"), "State": GLib.Variant("u", 70),
                           "Devices": GLib.Variant("ao", []), "AllDevices": GLib.Variant("ao", []),
                           "ActiveConnections": GLib.Variant("ao", list(self.active))}}
        if path == PATH + "/Settings":
            return {NAME + ".Settings": {"Connections": GLib.Variant("ao", list(self.profiles)),
                                         "Hostname": GLib.Variant("s", "test"),
                                         "CanModify": GLib.Variant("b", True)}}
        if path in self.active:
            return {ACTIVE: {"Connection": GLib.Variant("o", self.active[path]), "State": GLib.Variant("u", ACTIVATED),
                             "Devices": GLib.Variant("ao", [])}}
        return {CONNECTION: {"Unsaved": GLib.Variant("b", path in self.unsaved), "Flags": GLib.Variant("u", 0),
                             "Filename": GLib.Variant("s", "")}}

    def take_profile(self, settings):
        self.n += 1
        path = f"{PATH}/Settings/{self.n}"
        self.profiles[path] = settings
        self.unsaved.add(path)
        self.signal("InterfacesAdded", "(oa{sa{sv}})", path, self.interfaces(path))
        self.list_changed()
        return path

    def activate(self, profile):
        self.n += 1
        path = f"{PATH}/ActiveConnection/{self.n}"
        self.active[path] = profile
        self.signal("InterfacesAdded", "(oa{sa{sv}})", path, self.interfaces(path))
        self.properties_changed(PATH, NAME, "ActiveConnections", list(self.active))
        return path

    def drop_profile(self, path):
        del self.profiles[path]
        self.list_changed()
        self.signal("InterfacesRemoved", "(oas)", path, [CONNECTION])

    def answer(self, message):
        member, body = message.get_member(), message.get_body()
        with self.lock:
            if member in self.refused:
                return None
            if member == "GetManagedObjects":
                paths = [PATH, PATH + "/Settings", *self.profiles, *self.active]
                return GLib.Variant("(a{oa{sa{sv}}})", ({path: self.interfaces(path) for path in paths},))
            if member == "GetSettings" and message.get_path() in self.profiles:
                return GLib.Variant("(a{sa{sv}})", (self.profiles[message.get_path()],))
            if member == "GetPermissions":
                return GLib.Variant("(a{ss})", ({},))
            if member == "Get":
                return GLib.Variant("(v)", (GLib.Variant("u", 70),))
            if member == "AddConnection2":
                settings = {name: variants_of(group) for name, group in entries(body.get_child_value(0))}
                return GLib.Variant("(oa{sv})", (self.take_profile(settings), {}))
            if member == "ActivateConnection" and body.unpack()[0] in self.profiles:
                return GLib.Variant("(o)", (self.activate(body.unpack()[0]),))
            if member == "Delete" and message.get_path() in self.profiles:
                self.drop_profile(message.get_path())
                return GLib.Variant("()", ())
        return None

    def reply(self, message):
        body = self.answer(message)
        if body is None:
            reply = Gio.DBusMessage.new_method_error_literal(message, NAME + ".Failed", "not here")
        else:
            reply = Gio.DBusMessage.new_method_reply(message)
            reply.set_body(body)
        with self.lock:
            self.client.transmit(reply)

    def run(self):
        while not self.stopping:
            with self.lock:
                came = self.client.receive(0.02)
            if not came:
                continue
            messages, self.client.incoming = self.client.incoming, []
            for message in messages:
                if message.get_message_type() != KIND.METHOD_CALL:
                    continue
                self.asked.append(message.get_member())
                with self.lock:
                    silent = self.silent & {"*", message.get_member()}
                    if silent:
                        self.unanswered.append(message)
                if not silent:
                    self.reply(message)

    def transmit_signal(self, path, interface, member, body):
        message = Gio.DBusMessage.new_signal(path, interface, member)
        if body is not None:
            message.set_body(body)
        self.client.transmit(message)

    def signal(self, member, signature, *values):
        self.transmit_signal("/org/freedesktop", OBJECTS, member, GLib.Variant(signature, values))

    def properties_changed(self, path, interface, name, paths):
        self.transmit_signal(path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                             GLib.Variant("(sa{sv}as)", (interface, {name: GLib.Variant("ao", paths)}, [])))

    def list_changed(self):
        self.properties_changed(PATH + "/Settings", NAME + ".Settings", "Connections", list(self.profiles))
