"""Dying at every step: each story once more for each intent of manager and daemon, killed just before it.

A part of pytest (`--crash`). A story runs as it is, and the intents that each role carries out are counted; then it
runs again from the booted world, once for each of them (before the next is after this one), and must end the same:
every object, every file. `sample` takes a few of these runs, chosen by the seed; `manager:7` is one of them.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from _pytest.runner import runtestprotocol  # as pytest-rerunfailures does: there is no public way to run an item again

from scenarios.ending import Ending, differences, ending
from scenarios.sim_driver import SimDriver
from scenarios.world import PATIENCE_S
from spo.sim.faults import WRITES, Crash, Faults, Operation, Site

ROLES = {"manager": "security-profiles-operator-", "daemon": "spod-"}  # how their pods' names begin
INTENTS = {Site.API: WRITES, Site.DIRECTORY: ("write", "remove")}
ABOUT_DYING = frozenset({"test_bad_luck.py", "test_j_operators.py", "test_own_pods.py"})  # their stories say who dies
SAMPLED_STORIES, SAMPLED_RUNS = 3, 1  # in a sample: one in so many stories, so often for each role
POINT = re.compile(rf"({'|'.join(ROLES)}):([1-9]\d*)\Z")
RUNS, DIED = "crash runs", "died before"  # properties of reports: all that comes from one process to another


class Point(NamedTuple):
    """Where to die: just before the role's nth intent, whichever of its processes has it."""

    role: str
    nth: int

    def __str__(self) -> str:
        return f"{self.role}:{self.nth}"


class Reaper:
    """Listens to a world's operations: counts the roles' intents, and at one of them the process dies.

    It is no fault of a plan: a story that has bad luck of its own, or ends it, does not disturb it.
    """

    def __init__(self, faults: Faults, at: Point | None) -> None:
        self._at = at
        self.intents: Counter[str] = Counter()
        self.died = ""
        faults.listen(self.hear, *INTENTS)

    def hear(self, operation: Operation) -> None:
        if operation.what not in INTENTS[operation.site]:
            return
        for role, begin in ROLES.items():
            if operation.who[0].startswith(begin):
                self.intents[role] += 1
                if self._at == (role, self.intents[role]):
                    self.died = f"{operation.who[0]} before {operation.what} {operation.on}"
                    raise Crash(operation)


class Crashes:
    """The plugin. `wanted` is `all`, `sample`, or one point."""

    def __init__(self, config: pytest.Config, wanted: str) -> None:
        self._seed: int = config.getoption("--seed")
        self._wanted = wanted
        self._at: Point | None = None
        self._driver: SimDriver | None = None
        self._reaper: Reaper | None = None
        self._runs = self._failed = self._stories = 0  # of all processes, where their reports come together

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> Iterator[None]:
        made = yield
        if isinstance(made, SimDriver) and fixturedef.argname == "driver":
            self._driver = made
            self._reaper = Reaper(made.cluster.faults, self._at)
            if self._at is not None:
                made.suffered = True
                made.patience_s = PATIENCE_S
        return made

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        if "driver" not in getattr(item, "fixturenames", ()) or item.path.name in ABOUT_DYING:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = self._run(item, nextitem, None)
        points: list[Point] = []
        if all(report.passed for report in reports) and self._driver is not None and self._reaper is not None:
            wanted = ending(self._driver.cluster)
            points = self._points(item.nodeid, self._reaper.intents)
            for point in points:
                reports += self._dies(item, nextitem, point, wanted)
        reports[0].user_properties.append((RUNS, len(points)))
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        runs = dict(report.user_properties).get(RUNS, 0) if report.when == "setup" else 0
        self._runs += int(runs)
        self._stories += runs > 0
        self._failed += report.failed and DIED in dict(report.user_properties)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("dying at every step")
        terminalreporter.line(
            f"{self._runs} runs of {self._stories} stories with a crash, seed {self._seed}: {self._failed} differ"
        )

    # -- inside ------------------------------------------------------------------------------------------------------

    def _run(self, item: pytest.Item, nextitem: pytest.Item | None, at: Point | None) -> list[pytest.TestReport]:
        self._at, self._driver, self._reaper = at, None, None
        item._initrequest()  # type: ignore[attr-defined]
        return runtestprotocol(item, nextitem=nextitem, log=False)

    def _points(self, story: str, intents: Counter[str]) -> list[Point]:
        if match := POINT.match(self._wanted):
            return [Point(match[1], int(match[2]))]
        points = [Point(role, nth) for role in ROLES for nth in range(1, intents[role] + 1)]
        if self._wanted == "all":
            return points
        rng = random.Random(f"{self._seed} {story}")
        if rng.randrange(SAMPLED_STORIES):
            return []
        of_role = [[point for point in points if point.role == role] for role in ROLES]
        return [point for some in of_role for point in rng.sample(some, min(SAMPLED_RUNS, len(some)))]

    def _dies(
        self, item: pytest.Item, nextitem: pytest.Item | None, point: Point, wanted: Ending
    ) -> list[pytest.TestReport]:
        """The reports of a run that did not end as it should; none of one that did."""
        reports = self._run(item, nextitem, point)
        assert self._driver is not None and self._reaper is not None
        wrong = [report for report in reports if not report.passed]
        if not wrong and (found := differences(wanted, ending(self._driver.cluster))):
            wrong = [report for report in reports if report.when == "call"]
            wrong[0].outcome, wrong[0].longrepr = "failed", f"it ends differently:\n{found}"
            wrong[0].sections.append(("what happened", self._driver.story()))
        again = f"pytest '{item.nodeid}' --seed {self._seed} --crash {point}"
        for report in wrong:
            report.user_properties.append((DIED, str(point)))
            report.sections.append(("who died", f"{self._reaper.died}\nonce more: {again}"))
        return wrong


def wanted(text: str) -> str:
    """The option's value, checked."""
    if text not in ("all", "sample") and not POINT.match(text):
        raise ValueError(f"{text!r} is not all, sample, or a role and a number like manager:7")
    return text
