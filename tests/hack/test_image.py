"""The container image: its names and its locked dependencies."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from hack import image
from spo.render.install import IMAGE

PINNED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def pinned(lock: Path) -> dict[str, str]:
    return dict(PINNED.findall(lock.read_text()))


def test_the_image_has_the_name_in_the_manifests_and_one_of_its_content() -> None:
    first, second = image.names(["a", "b"]), image.names(["a", "c"])

    assert first[0] == second[0] == IMAGE
    assert first[1] != second[1]
    assert all(re.fullmatch(rf"{re.escape(IMAGE)}-[0-9a-f]{{12}}", names[1]) for names in (first, second))


def test_the_image_has_the_versions_that_were_tested() -> None:
    ours = pinned(image.LOCK)

    assert ours.items() <= pinned(image.TOP / "requirements.lock").items()


def test_the_image_has_what_the_roles_need_and_no_tool_for_tests() -> None:
    project = tomllib.loads((image.TOP / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["real"]]
    needed = {re.split("[<>=]", each)[0].lower() for each in asked}

    assert needed <= pinned(image.LOCK).keys()
    assert not {"pytest", "mypy", "ruff", "hypothesis"} & pinned(image.LOCK).keys()


def test_stripping_keeps_copyright_and_what_is_used(tmp_path: Path) -> None:
    for name in (
        "usr/share/doc/libc6/copyright",
        "usr/share/doc/libc6/changelog.gz",
        "usr/bin/dpkg",
        "usr/bin/python3",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")

    image.strip(tmp_path)

    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"usr/share/doc/libc6/copyright", "usr/bin/python3"}
