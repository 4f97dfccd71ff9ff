from __future__ import annotations

import pytest

from tests.sim.faults.worlds import World


@pytest.fixture
def world() -> World:
    return World()
