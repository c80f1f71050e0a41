# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images as the hubs have them, of Debian's packages, and a container of one whose service is asked from the machine."""

import io
import json
import os
import pathlib
import subprocess
import tarfile
import time

import bundles
from tools import info, until

# Connects to a port of the host's, sends what is on standard input, and prints what comes until PATTERN is in it.
ASK = """
import socket, sys
port, pattern = int(sys.argv[1]), sys.argv[2].encode("latin-1")
with socket.create_connection(("127.0.0.1", port), 5) as s:
    s.settimeout(5)
    s.sendall(sys.stdin.buffer.read())
    got = b""
    while pattern not in got:
        more = s.recv(65536)
        if not more:
            break
        got += more
sys.stdout.buffer.write(got)
"""


def made(name, *below):
    """The directory of a layer."""
    suite = ["--suite", os.environ["BOTHY_HOST_SUITE"]] if os.environ.get("BOTHY_HOST_SUITE") else []
    return pathlib.Path(subprocess.run([pathlib.Path(__file__).parent / "layer", *suite, name, *below], check=True, text=True,
                                       stdout=subprocess.PIPE).stdout.strip())


def write_image(path, layers, entries, settings):
    """An OCI image layout: LAYERS are directories that `layer` made, ENTRIES a layer on top of them."""
    parts = [((layer / "layer.tar"), (layer / "layer.sha256").read_text().strip()) for layer in layers]
    files = {}

    def blob(data, kind):
        digest = bundles.sha256(data)
        files["blobs/sha256/" + digest] = data
        return {"mediaType": bundles.OCI + kind, "digest": "sha256:" + digest, "size": len(data)}

    described = [{"mediaType": bundles.OCI + "layer.v1.tar", "digest": "sha256:" + digest, "size": file.stat().st_size}
                 for file, digest in parts]
    if entries:
        described.append(blob(bundles.tar(entries), "layer.v1.tar"))
    config = {"architecture": bundles.ARCHITECTURE, "os": "linux", "config": settings,
              "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in described]}}
    manifest = {"schemaVersion": 2, "mediaType": bundles.OCI + "manifest.v1+json", "layers": described,
                "config": blob(json.dumps(config).encode(), "config.v1+json")}
    index = {"schemaVersion": 2, "manifests": [blob(json.dumps(manifest).encode(), "manifest.v1+json")]}
    files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    files["index.json"] = json.dumps(index).encode()
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for file, digest in parts:
            entry = tarfile.TarInfo("blobs/sha256/" + digest)
            entry.size = file.stat().st_size
            with open(file, "rb") as content:
                archive.addfile(entry, content)


def script(name, text, mode=0o755):
    return bundles.owned(name, mode=mode, content=text.encode())


class Shape:
    """One container, s1, of an image."""

    PORT = 18080

    def __init__(self, host, image):
        self.host, self.image = host, image

    def run(self, inside, *options, command=()):
        """As people type it; INSIDE is the port that is published."""
        publish = ["-p", f"{self.PORT}:{inside}"] if inside else []
        self.host.run("alice", "bothy", "run", "-d", "--name", "s1", *publish, *options, self.image, *command, check=True)

    def ask(self, data, pattern, port=None):
        """What the service says to DATA, up to PATTERN; "" if nobody is there."""
        done = self.host.run("root", "python3", "-c", ASK, str(port or self.PORT), pattern,
                             input=data if isinstance(data, bytes) else data.encode(), text=False)
        return done.stdout.decode("latin-1") if done.returncode == 0 else ""

    def answers(self, data, pattern, seconds=60, port=None):
        """Waits until it answers so."""
        return until(lambda: (lambda said: pattern in said and said)(self.ask(data, pattern, port)), seconds, self.what)

    def get(self, pattern, path="/", seconds=60, port=None):
        return self.answers(f"GET {path} HTTP/1.0\r\nHost: it\r\n\r\n", pattern, seconds, port)

    def what(self):
        now = info(self.host, "s1")
        return f"{now['state']}: {now['lastError']}\n{self.logs()}"

    def logs(self):
        return self.host.output("alice", "bothy", "logs", "s1")

    def logged(self, text, seconds=10):
        until(lambda: text in self.logs(), seconds, self.what)

    def inside(self, line, *options):
        return self.host.output("alice", "bothy", "exec", *options, "s1", "--", "sh", "-c", line)

    def stops(self, seconds=5):
        """By its own signal, without being killed."""
        began = time.monotonic()
        self.host.run("alice", "bothy", "stop", "s1", check=True)
        took = time.monotonic() - began
        now = info(self.host, "s1")
        assert now["state"] == "stopped", self.what()
        assert took < seconds, f"{took:.1f} s: {self.what()}"

    def starts(self):
        self.host.run("alice", "bothy", "start", "s1", check=True)
