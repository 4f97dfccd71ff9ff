"""Stories run on a simulated cluster of three nodes, or on the real one of the current kubeconfig (`--world=real`).

A story that fails shows what happened. With `--states FILE` the states that each story's profiles went through are
written down, for `python -m scenarios.compare`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scenarios import api_cost, crash, states
from scenarios.driver import Driver
from scenarios.not_applicable import NOT_APPLICABLE
from scenarios.sim_driver import SimDriver
from scenarios.world import World
from spo.render.install import NAMESPACE

if TYPE_CHECKING:
    from scenarios.real_driver import Reality

DRIVER = pytest.StashKey[Driver]()
TOLD = pytest.StashKey[dict[str, states.States]]()
MEMORY = pytest.StashKey[list[str]]()
COST = pytest.StashKey[api_cost.Figures]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=0, help="the seed of the simulated cluster (default: 0)")
    parser.addoption("--seeds", type=int, default=2, help="how many seeds each story meets bad luck with (default: 2)")
    parser.addoption(
        "--world", choices=("sim", "real"), default="sim", help="real: the cluster of the current kubeconfig"
    )
    parser.addoption("--crash", type=crash.wanted, metavar="AT", help="all, sample, manager:N or daemon:N: die there")
    parser.addoption("--operator-namespace", default=NAMESPACE, metavar="NAME", help="the simulated operator's")
    parser.addoption("--states", type=Path, metavar="FILE", help="write down what states the stories' profiles had")
    parser.addoption("--figures", type=Path, metavar="FILE", help="write down what each story cost the API server")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TOLD] = {}
    config.stash[COST] = {}
    if where := config.getoption("--crash"):
        config.pluginmanager.register(crash.Crashes(config, where))
    several = getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput")
    if several and (config.getoption("--states") or config.getoption("--world") == "real"):
        raise pytest.UsageError("--states and --world=real are for one process: leave out --numprocesses")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--world") == "sim":
        return
    for item in items:
        story = f"{item.path.name}::{getattr(item, 'originalname', item.name)}"
        if story in NOT_APPLICABLE:
            item.add_marker(pytest.mark.skip(reason=f"not applicable: {NOT_APPLICABLE[story]}"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    file = session.config.getoption("--states")
    if file is not None:
        states.write(file, session.config.stash[TOLD])
    file = session.config.getoption("--figures")
    if file is not None:
        api_cost.write(file, session.config.stash[COST])


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(MEMORY, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def reality(request: pytest.FixtureRequest) -> Iterator[Reality]:
    """What the stories on the real cluster share."""
    from scenarios.real_driver import Reality  # needs the libraries of the extra `real`

    with Reality() as shared:
        yield shared
        request.config.stash[MEMORY] = shared.memory()


@pytest.fixture
def driver(request: pytest.FixtureRequest) -> Driver:
    """What acts on the world; a story for the simulated one only asks for SimDriver. A parameter is a seed."""
    made: Driver
    if request.config.getoption("--world") == "real":
        from scenarios.real_driver import RealDriver

        made = RealDriver(request.getfixturevalue("reality"))
    else:
        seed = getattr(request, "param", request.config.getoption("--seed"))
        made = SimDriver(seed, operator_namespace=request.config.getoption("--operator-namespace"))
    request.node.stash[DRIVER] = made
    return made


@pytest.fixture
def world(request: pytest.FixtureRequest, driver: Driver) -> Iterator[World]:
    """The world of a story. At its end the world comes to rest, and must look as it should."""
    story = f"{request.node.path.name}::{request.node.name}"
    before = _cost(request, driver)
    yield World(driver, driver.namespace)
    request.config.stash[TOLD][story] = driver.states()
    after = _cost(request, driver)
    request.config.stash[COST][story] = [max(now - then, 0.0) for then, now in zip(before, after, strict=True)]
    wrong = driver.end()
    assert not wrong, "at the end: " + "; ".join(wrong)


def _cost(request: pytest.FixtureRequest, driver: Driver) -> list[float]:
    """What the operator asked of the API server so far; who was killed took its count along."""
    wanted = request.config.getoption("--figures") is not None
    return [driver.metric(name) if wanted else 0.0 for name in api_cost.COUNTED]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed and DRIVER in item.stash:
        again = f"again: pytest '{item.nodeid}' --seed {item.config.getoption('--seed')}"
        report.sections.append(("what happened", f"{item.stash[DRIVER].story()}\n{again}"))
    return report
