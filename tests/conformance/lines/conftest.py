"""`world`: each kind of log in turn; `files`: those that are files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_disk import small_disk

from tests.conformance.lines.worlds import Files, Kernel, RealDirectory, SimulatedDisk, World


@contextmanager
def files_of(kind: str, tmp_path: Path) -> Iterator[Files]:
    match kind:
        case "simulated":
            yield SimulatedDisk()
        case "directory":
            yield RealDirectory(tmp_path)
        case "small":
            with small_disk(tmp_path) as mount:
                yield RealDirectory(mount)


@pytest.fixture(params=["simulated", "directory", "kernel"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "kernel":
        yield Kernel()
        return
    with files_of(request.param, tmp_path) as files:
        yield files


@pytest.fixture(params=["simulated", "directory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    with files_of(request.param, tmp_path) as found:
        yield found


@pytest.fixture(params=["simulated", "small"])
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    """Files that can be filled up."""
    with files_of(request.param, tmp_path) as found:
        yield found
