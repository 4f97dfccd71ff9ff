"""Image archives: the layout that container runtimes take, and the same bytes for the same content."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from hack import archive

NAMES = ["app:1", "app:1-abc"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    (made / "bin").mkdir(parents=True)
    (made / "bin/app").write_text("#!/bin/sh\n")
    (made / "bin/app").chmod(0o755)
    (made / "bin/link").symlink_to("app")
    os.link(made / "bin/app", made / "bin/same")
    return made


def image(root: Path, into: Path) -> Path:
    layer = archive.write_layer(into / "layer", archive.below(root))
    archive.write_archive(into / "image.tar", NAMES, [layer], {"Entrypoint": ["/bin/app"]}, "amd64")
    return into / "image.tar"


def read(made: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with tarfile.open(made) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))[0]  # type: ignore[arg-type]
        return manifest, json.load(tar.extractfile(manifest["Config"]))  # type: ignore[arg-type]


def test_the_same_content_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    first = archive.digest_of(image(root, tmp_path))
    os.utime(root / "bin/app", (1, 1))

    assert archive.digest_of(image(root, tmp_path)) == first
    (root / "bin/app").write_text("#!/bin/bash\n")
    assert archive.digest_of(image(root, tmp_path)) != first


def test_the_layers_are_named_by_what_is_in_them(root: Path, tmp_path: Path) -> None:
    made = image(root, tmp_path)

    manifest, config = read(made)

    with tarfile.open(made) as tar:
        tar.extract(manifest["Layers"][0], tmp_path, filter="data")
    digest = archive.digest_of(tmp_path / manifest["Layers"][0])
    assert config["rootfs"]["diff_ids"] == [f"sha256:{digest}"]
    assert config["config"]["Entrypoint"] == ["/bin/app"]
    assert archive.names_in(made) == NAMES


def test_a_layer_keeps_modes_and_links_and_nothing_of_this_machine(root: Path, tmp_path: Path) -> None:
    layer = archive.write_layer(tmp_path / "layer", archive.below(root))

    with tarfile.open(layer.file) as tar:
        members = {member.name: member for member in tar}
    assert members["bin/link"].linkname == "app"
    assert members["bin/same"].isreg()
    assert members["bin/same"].size == members["bin/app"].size == 10
    assert members["bin/app"].mode == 0o755
    assert {(member.uid, member.uname, member.mtime) for member in members.values()} == {(0, "", 0)}
