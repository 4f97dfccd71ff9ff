"""Stories run on a simulated cluster of three nodes; a story that fails shows what happened, and its seed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scenarios.hands import SimHands
from scenarios.world import World

HANDS = pytest.StashKey[SimHands]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=0, help="the seed of the simulated cluster (default: 0)")
    parser.addoption("--seeds", type=int, default=2, help="how many seeds each story meets bad luck with (default: 2)")


@pytest.fixture
def hands(request: pytest.FixtureRequest) -> SimHands:
    """The simulated world's own powers, for stories that only it can tell. A parameter is a seed."""
    made = SimHands(seed=getattr(request, "param", request.config.getoption("--seed")))
    request.node.stash[HANDS] = made
    return made


@pytest.fixture
def world(hands: SimHands) -> Iterator[World]:
    """The world of a story. At its end the world comes to rest, and must look as it should."""
    yield World(hands, "default")
    hands.mend()
    hands.rest()
    wrong = hands.checks.finally_()
    assert not wrong, "at rest: " + "; ".join(wrong)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed and HANDS in item.stash:
        report.sections.append(("what happened", item.stash[HANDS].story()))
    return report
