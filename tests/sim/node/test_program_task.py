"""A program that was handed in, as the task of a container."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spo.doors.process import Process
from spo.sim.faults import Crash
from spo.sim.node.container import Ending
from spo.sim.node.program import Exited
from spo.sim.node.program_task import ProgramTask
from spo.sim.timeline import SECOND_NS, Timeline


class Quiet:
    """Wishes for nothing, and has nothing to say goodbye with."""

    def __init__(self) -> None:
        self.ticks = 0

    def tick(self) -> float | None:
        self.ticks += 1
        return None


class Polite(Quiet):
    def __init__(self, fault: BaseException | None = None) -> None:
        super().__init__()
        self.fault = fault
        self.told: list[str] = []

    def leave(self) -> None:
        self.told.append("leave")
        if self.fault is not None:
            raise self.fault

    def stop(self) -> None:
        self.told.append("stop")


class Running:
    def __init__(self, process: Process) -> None:
        self.timeline = Timeline()
        self.ended: list[Ending] = []
        self.wake: Callable[[], None] = lambda: None
        self.process = process
        self.waits_until: float | None = None
        self.task = ProgramTask(self.make, self.timeline, self.ended.append, lambda: self.waits_until)

    def make(self, wake: Callable[[], None]) -> Process:
        self.wake = wake
        wake()  # doors may have news before the program stands
        return self.process

    def run(self, seconds: float) -> None:
        self.timeline.run_until(self.timeline.now_ns + round(seconds * SECOND_NS))


def test_a_program_is_ticked_soon_after_it_began_and_once_for_many_wakes() -> None:
    process = Quiet()
    world = Running(process)
    world.task.start()
    world.wake()
    assert process.ticks == 0

    world.run(1)
    assert process.ticks == 1


def test_a_program_without_a_wish_sleeps_until_it_is_woken_and_is_never_steady() -> None:
    process = Quiet()
    world = Running(process)
    world.task.start()
    world.run(1000)
    assert (process.ticks, world.task.is_steady) == (1, False)

    world.wake()
    world.run(1)
    assert process.ticks == 2


@pytest.mark.parametrize(
    ("fault", "ending"), [(Exited(3), Ending(3)), (Crash(), Ending(137, killed=True))], ids=["exits", "is killed"]
)
def test_a_program_may_end_while_it_begins_and_was_seen_running(fault: BaseException, ending: Ending) -> None:
    world = Running(Quiet())

    def failing(_wake: Callable[[], None]) -> Process:
        raise fault

    task = ProgramTask(failing, world.timeline, world.ended.append)
    task.start()
    assert world.ended == []

    world.run(1)
    assert world.ended == [ending]


def test_a_program_that_waits_is_not_ticked_before_however_often_it_is_woken() -> None:
    process = Quiet()
    world = Running(process)
    world.waits_until = world.timeline.now + 5
    world.task.start()
    for _ in range(4):
        world.run(1)
        world.wake()
    assert process.ticks == 0

    world.run(0.5)
    assert process.ticks == 0
    world.waits_until = None
    world.run(0.6)
    assert process.ticks == 1


def test_any_other_exception_is_our_own_bug() -> None:
    class Broken(Quiet):
        def tick(self) -> float | None:
            raise LookupError("no such thing")

    world = Running(Broken())
    world.task.start()

    with pytest.raises(LookupError):
        world.run(1)


@pytest.mark.parametrize("fault", [None, Exited(1), Crash()])
def test_however_a_program_takes_its_goodbye_it_is_halted_not_ended(fault: BaseException | None) -> None:
    process = Polite(fault)
    world = Running(process)
    world.task.start()
    world.task.ask_to_end()
    world.task.halt()
    world.task.ask_to_end()

    assert (process.told, world.ended) == (["leave", "stop"], [])


def test_a_halted_program_is_ticked_no_more() -> None:
    process = Polite()
    world = Running(process)
    world.task.start()
    world.task.halt()
    world.wake()
    world.run(10)

    assert process.ticks == 0


def test_a_program_need_not_have_anything_to_say_or_to_give_back() -> None:
    world = Running(Quiet())
    world.task.start()
    world.task.ask_to_end()
    world.task.halt()

    assert world.ended == []
