from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from spo.doors.ports import DiskError
from spo.events import FileSeen
from spo.intents import WriteFile
from spo.sim.faults import Crash, Luck, Operation, Rule, Verdict
from spo.sim.node.disk import Disk
from spo.sim.timeline import Timeline
from spo.testbed.disk_door import LuckyProfileDirectory, SimProfileDirectory

PATCH = Operation("spod-1", "cluster", "Patch", "SeccompProfile default/sleeper")
WRITE = WriteFile("default/sleeper.json", b"{}")
ROOT = "/var/lib/kubelet/seccomp/operator"


def luck(*rules: Rule) -> Luck:
    return Luck(random.Random(0), rules)


def through(with_luck: Luck, do: Callable[[], str] = lambda: "done", call: Operation = PATCH) -> str:
    return with_luck.pass_through(call, do, ConnectionError("refused"), KeyError("conflict"))


def test_without_rules_nothing_goes_wrong() -> None:
    assert through(luck()) == "done"


@pytest.mark.parametrize(
    "rule",
    [
        Rule(Verdict.REFUSE, one_in=1),
        Rule(Verdict.REFUSE, nth=1),
        Rule(Verdict.REFUSE, door="cluster", what="Patch", who="spod-", on=PATCH.on, one_in=1),
    ],
)
def test_a_rule_that_matches_has_its_way(rule: Rule) -> None:
    with pytest.raises(ConnectionError):
        through(luck(rule))


@pytest.mark.parametrize(
    "rule",
    [
        Rule(Verdict.REFUSE, door="disk", one_in=1),
        Rule(Verdict.REFUSE, what="Create", one_in=1),
        Rule(Verdict.REFUSE, who="security-", one_in=1),
        Rule(Verdict.REFUSE, on="SeccompProfile default/sleep", one_in=1),
        Rule(Verdict.REFUSE, nth=2),
    ],
)
def test_a_rule_for_something_else_has_not(rule: Rule) -> None:
    assert through(luck(rule)) == "done"


@pytest.mark.parametrize(
    ("verdict", "happens", "raised"),
    [
        (Verdict.REFUSE, False, ConnectionError),
        (Verdict.LOSE_REPLY, True, ConnectionError),
        (Verdict.CONFLICT, False, KeyError),
        (Verdict.CRASH_BEFORE, False, Crash),
        (Verdict.CRASH_AFTER, True, Crash),
    ],
)
def test_what_happened_and_what_is_told_are_two_things(
    verdict: Verdict, happens: bool, raised: type[BaseException]
) -> None:
    done: list[str] = []

    with pytest.raises(raised):
        through(luck(Rule(verdict, one_in=1)), lambda: done.append("it") or "done")

    assert done == ["it"] * happens


def test_somebody_else_is_faster_once() -> None:
    told: list[str] = []
    unlucky = luck()
    unlucky.meanwhile(Rule(Verdict.FINE, what="Patch"), lambda: told.append("they"))

    for _ in range(2):
        through(unlucky, lambda: told.append("we") or "done")

    assert told == ["they", "we", "we"]


def test_bad_luck_turns() -> None:
    unlucky = luck(Rule(Verdict.REFUSE, one_in=1))
    unlucky.turns()
    assert through(unlucky) == "done"


@pytest.mark.parametrize(
    ("verdict", "stands", "raised"),
    [
        (Verdict.REFUSE, False, DiskError),
        (Verdict.LOSE_REPLY, True, DiskError),
        (Verdict.CRASH_BEFORE, False, Crash),
        (Verdict.CRASH_AFTER, True, Crash),
    ],
)
def test_a_process_may_die_before_or_after_a_file_is_written(
    verdict: Verdict, stands: bool, raised: type[BaseException]
) -> None:
    disk = Disk()
    host = LuckyProfileDirectory(
        SimProfileDirectory(disk, ROOT, Timeline()), luck(Rule(verdict, door="disk", what="WriteFile", nth=1)), "spod-1"
    )

    with pytest.raises(raised):
        host.carry_out(WRITE)

    assert disk.exists(f"{ROOT}/{WRITE.path}") is stands
    host.carry_out(WRITE)
    assert any(isinstance(event, FileSeen) and event.path == WRITE.path for event in host.take())
