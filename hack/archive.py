"""Container images as archives in docker's layout, made without docker; the same content gives the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # what the machine says, and what images say


class Layer(NamedTuple):
    """One layer: an uncompressed tar file, and the digest by which an image names it."""

    file: Path
    digest: str


def architecture() -> str:
    """This machine's, in the words of images."""
    machine = platform.machine()
    return ARCHITECTURES.get(machine, machine)


def below(root: Path) -> dict[str, Path]:
    """Everything below a directory, by its path in the image."""
    return {str(path.relative_to(root)): path for path in sorted(root.rglob("*"))}


def write_layer(file: Path, content: Mapping[str, Path]) -> Layer:
    """A layer of files, links and directories, by their paths in the image. Owners are root, and no time is kept."""
    with tarfile.open(file, "w") as tar:
        for path, source in sorted(content.items()):
            info = _nobodys(tar.gettarinfo(str(source), arcname=path))
            if info.islnk():  # a file that is there already under another name
                info.type, info.size = tarfile.REGTYPE, source.stat().st_size
            if info.isreg():
                with open(source, "rb") as data:
                    tar.addfile(info, data)
            else:
                tar.addfile(info)
    return Layer(file, digest_of(file))


def write_archive(
    archive: Path, names: Iterable[str], layers: Iterable[Layer], config: Mapping[str, Any], machine: str = ""
) -> str:
    """An image of these layers; `config` is what a container of it runs. Gives the image's digest."""
    layers = list(layers)
    described = {
        "architecture": machine or architecture(),
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in layers]},
        "config": {"Env": [f"PATH={PATH}"], **config},
    }
    text = json.dumps(described).encode()
    digest = hashlib.sha256(text).hexdigest()
    paths = [f"{layer.digest}/layer.tar" for layer in layers]
    manifest = [{"Config": f"{digest}.json", "RepoTags": list(names), "Layers": paths}]
    with tarfile.open(archive, "w") as tar:
        for member, data in ((f"{digest}.json", text), ("manifest.json", json.dumps(manifest).encode())):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for path, layer in zip(paths, layers, strict=True):
            tar.add(layer.file, arcname=path, filter=_nobodys)
    return digest


def names_in(archive: Path) -> list[str]:
    """The image's names that an archive carries."""
    with tarfile.open(archive) as tar:
        member = tar.extractfile("manifest.json")
        if member is None:
            raise ValueError(f"{archive} is no image archive in docker's layout: it has no manifest.json")
        return [name for image in json.load(member) for name in image["RepoTags"]]


def digest_of(file: Path) -> str:
    """SHA-256 of a file, in hex."""
    with open(file, "rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _nobodys(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info
