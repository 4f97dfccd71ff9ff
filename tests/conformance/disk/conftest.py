"""`world`: each kind of disk in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_disk import small_disk

from tests.conformance.disk.worlds import (
    WORLDS,
    FakeFileSystem,
    RealDirectory,
    SimulatedDisk,
    SmallFileSystem,
    World,
)


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    match request.param:
        case "simulated":
            yield SimulatedDisk()
        case "directory":
            yield RealDirectory(tmp_path / "operator")
        case "fake":
            yield FakeFileSystem(request.getfixturevalue("fs"))
        case "small":
            with small_disk(tmp_path) as mount:
                yield SmallFileSystem(mount)
