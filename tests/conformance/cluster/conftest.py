"""`world`: each API server in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.cluster.worlds import World, world_named


@pytest.fixture(params=["simulated", "over https", "real"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world_named(request.param, tmp_path) as made:
        yield made
