# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images as archives of layers: OCI image layouts, and what docker save writes, good ones and others."""

import gzip
import hashlib
import io
import json
import os
import tarfile

OCI = "application/vnd.oci.image."
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def compressed(data):
    """The same each time."""
    return gzip.compress(data, mtime=0)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def tar(entries):
    """ENTRIES: (name, content) of files, (name, None) of directories, (name, "target") of symbolic links, or what owned() gives."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
                continue
            name, content = entry
            if isinstance(name, tarfile.TarInfo):
                archive.addfile(name, io.BytesIO(content))
                continue
            info = tarfile.TarInfo(name)
            info.mode = 0o755
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if info.size else None)
    return buffer.getvalue()


def busybox(*more):
    """A layer that runs: the machine's busybox, with a few names."""
    with open("/bin/busybox", "rb") as file:
        program = file.read()
    names = [(f"bin/{name}", "busybox") for name in ("sh", "cat", "ls", "id", "pwd", "env", "echo", "sleep", "stat", "find", "true", "nc")]
    return tar([("bin", None), ("bin/busybox", program), *names, ("etc", None), ("proc", None), ("tmp", None),
                ("etc/passwd", b"root:x:0:0::/root:/bin/sh\nwww:x:33:33::/:/bin/sh\n"), ("root", None), *more])


def config_of(layers, settings=None, architecture=ARCHITECTURE, **fields):
    return json.dumps({"architecture": architecture, "os": "linux", "config": settings or {},
                       "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha256(layer) for layer in layers]}, **fields}).encode()


class Layout:
    """An OCI image layout under construction."""

    def __init__(self):
        self.files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
        self.manifests = []

    def blob(self, data, kind, **fields):
        digest = fields.pop("digest", None) or sha256(data)
        self.files["blobs/sha256/" + digest] = data
        return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(data), **fields}

    def add(self, layers, settings=None, compress=compressed, config=None, index=True, **fields):
        config = config if config is not None else config_of(layers, settings)
        described = [self.blob(compress(data) if compress else data, OCI + ("layer.v1.tar+gzip" if compress else "layer.v1.tar"))
                     for data in layers]
        manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                    "config": self.blob(config, OCI + "config.v1+json"), "layers": described}
        entry = self.blob(json.dumps(manifest).encode(), OCI + "manifest.v1+json", **fields)
        if index:
            self.manifests.append(entry)
        return entry

    def add_index(self, entries, **fields):
        data = json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": entries}).encode()
        self.manifests.append(self.blob(data, OCI + "index.v1+json", **fields))

    def tar(self, order=sorted):
        index = {"schemaVersion": 2, "manifests": self.manifests}
        files = {"index.json": json.dumps(index).encode(), **self.files}
        return tar([("blobs", None), ("blobs/sha256", None), *((name, files[name]) for name in order(files))])


def saying(*more, made=None, **settings):
    """An archive of an image of busybox, with MORE in its tree, that says of its containers what the SETTINGS of docker's
    configuration say: saying(User="www", Volumes={"/data": {}}). MADE: as what; layout() or docker_save()."""
    return (made or layout)([busybox(*more)], {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"], **settings})


def owned(name, uid=0, gid=0, mode=0o755, content=None):
    """A directory, or a file of CONTENT, of somebody's: an entry for tar()."""
    info = tarfile.TarInfo(name)
    info.uid, info.gid, info.mode = uid, gid, mode
    info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
    info.size = len(content or b"")
    return info if content is None else (info, content)


def layout(layers, settings=None, **options):
    made = Layout()
    made.add(layers, settings, **options)
    return made.tar()


def docker_save(layers, settings=None, names=("test:latest",), content=bytes, **options):
    """CONTENT: what of a layer's tar is written as its layer.tar."""
    config = options.get("config") or config_of(layers, settings)
    name = sha256(config) + ".json"
    paths = [f"{sha256(data)}/layer.tar" for data in layers]
    manifest = [{"Config": name, "RepoTags": list(names), "Layers": paths}]
    return tar([*((path, content(data)) for path, data in dict(zip(paths, layers)).items()), (name, config),
                ("manifest.json", json.dumps(manifest).encode()), ("repositories", b"{}")])
