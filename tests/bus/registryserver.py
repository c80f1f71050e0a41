# SPDX-License-Identifier: LGPL-2.1-or-later
"""A registry of container images on the loopback, honest or not."""

import base64
import gzip
import io
import json
import os
import tarfile

import archives
from imageserver import Server, sha256

OCI, DOCKER = "application/vnd.oci.image.", "application/vnd.docker."
GOARCH = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def gz(data):
    """The same bytes each time."""
    return gzip.compress(data, mtime=0)


def digest(data):
    return "sha256:" + sha256(data)


def layer(files, deleted=()):
    """A tar of FILES; those DELETED as whiteouts."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            archives.add(tar, name, data, mode=0o755 if data.startswith(b"#!") else 0o644)
        for name in deleted:
            directory, _, base = name.rpartition("/")
            archives.add(tar, f"{directory}/.wh.{base}", mode=0o644)
    return out.getvalue()


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def deny(handler, challenge):
    handler.send_response(401)
    handler.send_header("WWW-Authenticate", challenge)
    page = b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":"' + b"x" * 400 + b'"}]}\n'
    handler.send_header("Content-Length", str(len(page)))
    handler.end_headers()
    handler.wfile.write(page)


class Registry(Server):
    """Speaks OCI's distribution protocol. With REALM it wants tokens that are had there."""

    def __init__(self, address="127.0.0.1"):
        super().__init__(address)
        self.token, self.realm, self.challenge = None, None, None
        self.tokens_given = []
        self.logins = {}  # name in a path → Authorization of who may have it

    # ---- what it has ----

    def blob(self, name, data):
        path = f"/v2/{name}/blobs/{digest(data)}"
        self.files[path] = data
        self.on[path] = self.guarded(lambda handler: handler.give(self.files.get(path)))
        return path

    def manifest(self, name, reference, content, kind, **headers):
        """CONTENT, an object or bytes, as a manifest called REFERENCE and by its digest."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        for what in {reference, digest(data)}:
            path = f"/v2/{name}/manifests/{what}"
            self.files[path] = data
            self.on[path] = self.guarded(
                lambda handler, path=path: handler.give(self.files.get(path), Content_Type=kind, **headers))
        return digest(data)

    def push(self, name, tag, layers, config=None, docker=False, index=True, compress=gz, changes=None):
        """An image of LAYERS, tars; CHANGES go into its manifest. Returns the manifest's digest."""
        family = DOCKER if docker else OCI
        blobs = [compress(data) for data in layers]
        settings = json.dumps({"os": "linux", "architecture": GOARCH, "config": config or {},
                               "rootfs": {"type": "layers", "diff_ids": [digest(data) for data in layers]}}).encode()
        suffix = {gz: "gzip", bytes: ""}.get(compress, "zstd")
        kind = family + ("image.rootfs.diff.tar" + (suffix and "." + suffix) if docker
                         else "layer.v1.tar" + (suffix and "+" + suffix))
        manifest = {
            "schemaVersion": 2,
            "mediaType": family + ("distribution.manifest.v2+json" if docker else "manifest.v1+json"),
            "config": {"mediaType": family + ("container.image.v1+json" if docker else "config.v1+json"),
                       "digest": digest(settings), "size": len(settings)},
            "layers": [{"mediaType": kind, "digest": digest(blob), "size": len(blob)} for blob in blobs], **(changes or {})}
        for blob in [settings, *blobs]:
            self.blob(name, blob)
        child = self.manifest(name, tag, manifest, manifest["mediaType"])
        if index:
            self.index(name, tag, [(child, GOARCH, len(json.dumps(manifest)))], docker)
        return child

    def index(self, name, tag, children, docker=False):
        kind = (DOCKER + "distribution.manifest.list.v2+json") if docker else (OCI + "index.v1+json")
        child = (DOCKER + "distribution.manifest.v2+json") if docker else (OCI + "manifest.v1+json")
        manifests = [{"mediaType": child, "digest": what, "size": size,
                      "platform": {"os": "linux", "architecture": architecture}}
                     for what, architecture, size in children]
        return self.manifest(name, tag, {"schemaVersion": 2, "mediaType": kind, "manifests": manifests}, kind)

    # ---- what comes ----

    def accept(self):
        """Takes images from now on, and checks what it gets as a registry does."""
        self.uploads, self.sent = {}, []
        for method, answer in (("HEAD", self.on_head), ("POST", self.on_post), ("PUT", self.on_put), ("DELETE", self.on_delete)):
            self.methods[method] = self.guarded(answer)

    def on_head(self, handler):
        handler.answer(200 if handler.path in self.files else 404)

    def on_post(self, handler):
        name = handler.path.removeprefix("/v2/").removesuffix("/blobs/uploads/")
        where = f"/v2/{name}/blobs/uploads/{len(self.requests)}?state=x"
        self.uploads[where] = name
        handler.answer(202, Location=where)

    def on_delete(self, handler):
        handler.answer(204 if self.uploads.pop(handler.path, None) else 404)

    def refuse(self, handler, status, code, message):
        handler.answer(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode())

    def on_put(self, handler):
        data = handler.rfile.read(int(handler.headers["Content-Length"]))
        if "/manifests/" in handler.path:
            self.on_manifest(handler, data)
            return
        where, _, what = handler.path.rpartition("&digest=")
        name = self.uploads.get(where)
        if not name:
            self.refuse(handler, 404, "BLOB_UPLOAD_UNKNOWN", "no such upload")
        elif what != digest(data):
            self.refuse(handler, 400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        else:
            del self.uploads[where]
            self.blob(name, data)
            self.sent.append(what)
            handler.answer(201, Docker_Content_Digest=what)

    def on_manifest(self, handler, data):
        name, _, reference = handler.path.removeprefix("/v2/").partition("/manifests/")
        manifest = json.loads(data)
        wanted = [manifest["config"], *manifest["layers"]]
        if any(len(self.files.get(f"/v2/{name}/blobs/{what['digest']}", b"")) != what["size"] for what in wanted):
            self.refuse(handler, 400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        else:
            what = self.manifest(name, reference, data, handler.headers["Content-Type"])
            handler.answer(201, Docker_Content_Digest=what)

    # ---- tokens ----

    def want_tokens(self, realm=None, token="secret-token"):
        self.token = token
        self.realm = realm or self.url + "/token"
        self.on_token(self)

    def on_token(self, server):
        """SERVER gives out the tokens that this one wants."""
        def give(handler):
            self.tokens_given.append(handler.path)
            handler.give(json.dumps({"token": self.token}).encode(), Content_Type="application/json")

        server.prefixes["/token"] = give

    # ---- passwords ----

    def want_login(self, name, user, password):
        """Images whose names begin with NAME are USER's."""
        self.logins[f"/v2/{name}"] = basic(user, password)

    def guarded(self, answer):
        def ask(handler):
            login = [wanted for name, wanted in self.logins.items() if handler.path.startswith(name)]
            if login and handler.headers.get("Authorization") != login[0]:
                deny(handler, 'Basic realm="registry"')
                return
            if self.token and handler.headers.get("Authorization") != "Bearer " + self.token:
                text = self.challenge or f'Bearer realm="{self.realm}",service="registry",scope="whatever"'
                deny(handler, text)
            else:
                answer(handler)
        return ask

    # ---- what was asked ----

    def blobs_given(self):
        return [path.rsplit("/", 1)[1] for path, headers in self.requests
                if "/blobs/" in path and (not self.token or "Authorization" in headers)]
