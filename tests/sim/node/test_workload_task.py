"""A scripted workload at work: its steps in time, and what the kernel's answers make of them."""

from __future__ import annotations

import json

import pytest

from spo.sim.node.container import Ending
from spo.sim.node.kernel import UNCONFINED, Decision, Filter, load
from spo.sim.node.workload import Exit, Say, Step, Syscall, Touch, Wait, Workload
from spo.sim.node.workload_task import WorkloadTask
from spo.sim.timeline import SECOND_NS, Timeline


def refusing(*names: str, action: str = "SCMP_ACT_ERRNO") -> Filter:
    rules = [{"names": list(names), "action": action}]
    return load(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}).encode())


class Running:
    def __init__(self, *steps: Step, loaded: Filter = UNCONFINED) -> None:
        self.timeline = Timeline()
        self.start_ns = self.timeline.now_ns
        self.ended: list[tuple[float, Ending]] = []
        self.said: list[str] = []
        self.refused: list[str] = []
        self.asked: list[str] = []
        self.task = WorkloadTask(
            Workload(steps),
            loaded,
            self.timeline,
            lambda ending: self.ended.append((self.seconds(), ending)),
            say=self.said.append,
            audit=self.audit,
            refused=self.refused.append,
        )
        self.task.start()

    def audit(self, syscall: str, _verdict: Decision) -> None:
        self.asked.append(syscall)

    def seconds(self) -> float:
        return (self.timeline.now_ns - self.start_ns) / SECOND_NS

    def run(self, seconds: float) -> Running:
        self.timeline.run_until(self.timeline.now_ns + round(seconds * SECOND_NS))
        return self


def test_steps_are_done_in_order_and_in_time() -> None:
    world = Running(Say("a"), Wait(5), Say("b"), Exit(2)).run(4)
    assert (world.said, world.task.is_steady) == (["a"], False)

    world.run(4)
    assert world.said == ["a", "b"]
    assert world.ended == [(5.1, Ending(2))]


def test_after_its_last_step_a_workload_is_steady_and_runs_for_ever() -> None:
    world = Running(Say("a"), Syscall("getpid")).run(1000)

    assert world.task.is_steady
    assert world.ended == []


@pytest.mark.parametrize(
    ("step", "action", "code"),
    [
        (Syscall("mkdir"), "SCMP_ACT_ERRNO", 1),
        (Syscall("mkdir"), "SCMP_ACT_KILL_PROCESS", 159),
        (Syscall("mkdir", needed=False), "SCMP_ACT_KILL_PROCESS", 159),
    ],
)
def test_a_syscall_that_ends_the_program_is_named(step: Step, action: str, code: int) -> None:
    world = Running(step, Say("after"), loaded=refusing("mkdir", action=action)).run(1)

    assert [ending for _, ending in world.ended] == [Ending(code)]
    assert (world.refused, world.asked, world.said) == (["mkdir"], ["mkdir"], [])


def test_what_it_can_do_without_is_refused_in_silence() -> None:
    steps = (Syscall("mkdir", needed=False), Touch("/x"), Wait(50, by="nanosleep"), Say("after"))
    world = Running(*steps, loaded=refusing("mkdir", "openat", "nanosleep"))

    assert world.said == ["after"]
    assert (world.refused, world.asked) == ([], ["mkdir", "openat", "nanosleep"])


def test_a_program_that_may_not_be_executed_ends_at_once() -> None:
    world = Running(Say("a"), loaded=refusing("execve")).run(1)

    assert [ending for _, ending in world.ended] == [Ending(1)]
    assert (world.refused, world.said) == (["execve"], [])


def test_a_halted_workload_does_no_more_and_tells_nobody() -> None:
    world = Running(Wait(5), Say("late"), Exit(0))
    world.task.halt()
    world.run(100)

    assert (world.said, world.ended) == ([], [])


def test_only_a_long_wait_lets_the_world_rest() -> None:
    assert Running(Wait(60)).timeline.busy
    assert not Running(Wait(61)).timeline.busy
