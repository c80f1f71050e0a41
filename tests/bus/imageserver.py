# SPDX-License-Identifier: LGPL-2.1-or-later
"""An image server on the loopback, honest or not, and what starts bothy-fetch where there is no systemd."""

import hashlib
import http.server
import json
import os
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

PRODUCT = "debian:trixie:amd64:default"
VERSION = "20260820_05:24"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def debian_architecture():
    return ARCHITECTURES[os.uname().machine]


class Key:
    """A throwaway OpenPGP key."""

    def __init__(self, expires="never", made=()):
        self.home = tempfile.mkdtemp(prefix="bothy-gpg-")
        self.gpg(*made, "--passphrase", "", "--quick-generate-key", "images@example.org", "ed25519", "sign", expires)
        listing = self.gpg("--with-colons", "--list-keys").decode()
        self.fingerprint = [line for line in listing.splitlines() if line.startswith("fpr:")][0].split(":")[9]
        self.public = self.gpg("--export")
        self.armoured = self.gpg("--armor", "--export")

    def gpg(self, *words, data=b""):
        command = ["gpg", "--homedir", self.home, "--batch", "--quiet", "--pinentry-mode", "loopback", *words]
        return subprocess.run(command, input=data, check=True, stdout=subprocess.PIPE).stdout

    def sign(self, data, *options, armour=True):
        return self.gpg(*options, *["--armor"] * armour, "--detach-sign", "--output", "-", data=data)

    def clear_sign(self, data, *options):
        return self.gpg(*options, "--clear-sign", "--output", "-", data=data)

    def revoke(self):
        """Its public part says so from now on."""
        text = pathlib.Path(self.home, "openpgp-revocs.d", self.fingerprint + ".rev").read_text()
        self.gpg("--import", data=text.replace(":-----BEGIN", "-----BEGIN").encode())
        self.public = self.gpg("--export")

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)


class Server:
    """Files by path; SERVER.on["/path"] is a function of the handler that answers in their place."""

    def __init__(self, address="127.0.0.1"):
        self.files, self.on, self.requests, self.prefixes = {}, {}, [], {}
        self.methods = {}  # of HTTP, beside GET: what answers
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers)))
                try:
                    if self.path in outer.on:
                        outer.on[self.path](self)
                    elif self.path.split("?")[0] in outer.prefixes:
                        outer.prefixes[self.path.split("?")[0]](self)
                    else:
                        self.give(outer.files.get(self.path))
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def do_other(self):
                outer.requests.append((self.path, dict(self.headers)))
                try:
                    if self.command in outer.methods:
                        outer.methods[self.command](self)
                    else:
                        self.answer(405)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_HEAD = do_POST = do_PUT = do_DELETE = do_other

            def answer(self, status, data=b"", **headers):
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def give(self, data, **headers):
                if data is None:
                    self.send_response(404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                start = 0
                if self.headers.get("Range"):
                    start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
                self.send_header("Content-Length", str(len(data) - start))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(data[start:])

            def redirect(self, where):
                self.send_response(302)
                self.send_header("Location", where)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass

        self.server = Listener((address, 0), Handler)
        self.url = f"http://{address}:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def paths(self):
        return [path for path, _ in self.requests]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def secure(self, world, trusted=True):
        """From now on behind TLS."""
        with tempfile.TemporaryDirectory() as directory:
            key, certificate = directory + "/key", directory + "/certificate"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=images",
                            "-addext", "subjectAltName=IP:127.0.0.1"], check=True, stderr=subprocess.DEVNULL)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            store = world.root / "etc/ssl/certs/ca-certificates.crt"
            store.parent.mkdir(parents=True, exist_ok=True)
            if trusted:
                store.write_bytes(pathlib.Path(certificate).read_bytes())
            store.chmod(0o644)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.url = self.url.replace("http:", "https:")

    # ---- catalogues ----

    def streams(self, archive, version=VERSION, key=None, clear=False, served=None, ftype="root.tar.xz",
                **product):
        """A simplestreams catalogue with one image; SERVED in place of what it says."""
        path = f"images/debian/trixie/{debian_architecture()}/default/{version}/rootfs.tar.xz"
        images = {"content_id": "images", "datatype": "image-downloads", "format": "products:1.0", "products": {
            PRODUCT: {
                "aliases": "debian/trixie/default,debian/13/default,debian/trixie,debian/13",
                "arch": debian_architecture(), "os": "Debian", "release": "trixie", "variant": "default",
                "requirements": {"cgroup": "v2"},
                "versions": {version: {"items": {
                    "incus.tar.xz": {"ftype": "incus.tar.xz", "sha256": "0" * 64, "size": 612, "path": "images/m",
                                     "combined_rootxz_sha256": sha256(archive + b"m")},
                    "whatever": {"ftype": ftype, "sha256": sha256(archive), "size": len(archive),
                                 "path": path}}}},
                **product}}}
        index = {"format": "index:1.0", "index": {"images": {
            "datatype": "image-downloads", "path": "streams/v1/images.json", "format": "products:1.0"}}}
        data = json.dumps(images).encode()
        self.files["/streams/v1/index.json"] = json.dumps(index).encode()
        self.files["/streams/v1/images.json"] = data
        for name in ("/streams/v1/images.json.gpg", "/streams/v1/images.sjson"):
            self.files.pop(name, None)
        if key and clear:
            self.files["/streams/v1/images.sjson"] = key.clear_sign(data)
        elif key:
            self.files["/streams/v1/images.json.gpg"] = key.sign(data)
        self.files["/" + path] = archive if served is None else served
        return "/" + path

    def sign_build(self, path, archive, key):
        """The signature that each build has beside it."""
        directory = path.rsplit("/", 1)[0]
        sums = f"{sha256(archive)}  rootfs.tar.xz\n".encode()
        self.files[directory + "/SHA256SUMS"] = sums
        self.files[directory + "/SHA256SUMS.asc"] = key.sign(sums)

    def lxc(self, archive, version=VERSION, key=None):
        arch = debian_architecture()
        path = f"/images/debian/trixie/{arch}/default/{version}/"
        index = f"alpine;3.22;{arch};default;{version};/images/alpine/\ndebian;trixie;{arch};default;{version};{path}\n"
        sums = f"{sha256(archive)}  rootfs.tar.xz\n{'0' * 64}  meta.tar.xz\n"
        self.files["/meta/1.0/index-user"] = index.encode()
        self.files[path + "SHA256SUMS"] = sums.encode()
        self.files[path + "rootfs.tar.xz"] = archive
        if key:
            self.files["/meta/1.0/index-user.asc"] = key.sign(index.encode())
            self.files[path + "SHA256SUMS.asc"] = key.sign(sums.encode())
        return path + "rootfs.tar.xz"


class Fetchers:
    """In place of bothy-fetch.socket: a bothy-fetch, as nobody, for each connection."""

    def __init__(self, world, program):
        self.path = world.run / "fetch.sock"
        self.path.unlink(missing_ok=True)
        self.world, self.program, self.children = world, program, []
        self.log = world.directory / "bothy-fetch.log"
        self.log.touch()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(str(self.path))
        self.socket.listen(64)
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping:
            connection, _ = self.socket.accept()
            if self.stopping:
                break
            with connection, open(self.log, "ab") as log:
                self.children.append(subprocess.Popen(
                    self.world.command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--",
                                       self.program, "--connection", connection.fileno()),
                    pass_fds=(connection.fileno(),), stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def alive(self):
        return [child for child in self.children if child.poll() is None]

    def close(self):
        self.stopping = True
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as knock:
            knock.connect(str(self.path))
        self.thread.join()
        self.socket.close()
        self.path.unlink()
        for child in self.children:
            child.wait(20)


class Impostor:
    """In place of bothy-fetch: one that says what it likes. PACKETS are what each connection gets; whoever wants
    bytes into a pipe gets BYTES first."""

    def __init__(self, world, packets, bytes_=None):
        self.path = world.run / "fetch.sock"
        self.path.unlink(missing_ok=True)
        self.packets, self.bytes, self.requests, self.stopping = packets, bytes_, [], False
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(str(self.path))
        self.socket.listen(64)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            with connection:
                if self.stopping:
                    return
                request, fds, _, _ = socket.recv_fds(connection, 65536, 8)
                self.requests.append(request)
                try:
                    if struct.unpack_from("=II", request)[1] == DOWNLOAD:
                        self.pour(fds[0])
                        connection.send(packet(RESULT))
                    else:
                        for answer in self.packets:
                            connection.send(answer)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                finally:
                    for fd in fds:
                        os.close(fd)

    def pour(self, fd):
        os.set_blocking(fd, True)
        data = memoryview(self.bytes or b"")
        while data:
            data = data[os.write(fd, data):]

    def close(self):
        self.stopping = True
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as knock:
            knock.connect(str(self.path))
        self.thread.join()
        self.socket.close()
        self.path.unlink()


PROGRESS, RECORD, RESULT, MANIFEST, LAYER = 1, 2, 3, 4, 5
DOWNLOAD = 3


def packet(kind, text=b"", error=0, version=1, size=None, bytes_=0, total=0):
    """A message of service/images/fetch/protocol.h."""
    return struct.pack("=IIIIQQ", version, kind, error, len(text) if size is None else size, bytes_, total) + text


def record(**changes):
    fields = {"aliases": "debian/13", "product": PRODUCT, "version": VERSION, "os": "Debian", "release": "trixie",
              "variant": "default", "support-end": "", "architecture": os.uname().machine, "fingerprint": "", "sha256": "0" * 64,
              "url": "https://example.org/rootfs.tar.xz", "key": "", **changes}
    return packet(RECORD, b"".join(value.encode() + b"\0" for value in fields.values()), total=1000)


def texts(kind, *values, total=1000):
    """A packet of texts, each with its end."""
    return packet(kind, b"".join(value.encode() + b"\0" for value in values), total=total)


def drip(handler, data, size, seconds):
    """Sends a part of DATA, then byte after byte."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[:size])
    for byte in data[size:]:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(seconds)
