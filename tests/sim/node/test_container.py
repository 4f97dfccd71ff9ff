"""A container and its task, whatever that is."""

from __future__ import annotations

from spo.sim.node.container import Container, Ending
from spo.sim.timeline import Timeline


class Fake:
    """A task that does nothing but note what it is told."""

    def __init__(self, *, is_steady: bool = True) -> None:
        self.is_steady = is_steady
        self.told: list[str] = []

    def start(self) -> None:
        self.told.append("start")

    def ask_to_end(self) -> None:
        self.told.append("ask to end")

    def halt(self) -> None:
        self.told.append("halt")


class Started:
    """A container with a task in it; `exits` is what the kubelet would hear."""

    def __init__(self, *, is_steady: bool = True) -> None:
        self.timeline = Timeline()
        self.task = Fake(is_steady=is_steady)
        self.exits: list[int] = []
        self.container = Container({"name": "main", "image": "images.test/a:1"}, self.timeline, is_init=False)
        self.container.start("uid", self.task, lambda _, code: self.exits.append(code))


def test_a_container_that_started_runs_its_task() -> None:
    world = Started()

    assert world.task.told == ["start"]
    assert world.container.shown() == {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def test_a_task_that_ends_by_itself_ends_the_container_once() -> None:
    world = Started()
    world.container.end(Ending(3))
    world.container.end(Ending(4))

    assert world.exits == [3]
    assert world.container.shown()["terminated"]["exitCode"] == 3
    assert world.container.shown()["terminated"]["reason"] == "Error"


def test_who_takes_a_container_down_is_not_told_of_it() -> None:
    world = Started()
    world.container.ask_to_end()
    world.container.stop(0)

    assert world.task.told == ["start", "ask to end", "halt"]
    assert world.exits == []
    assert world.container.shown()["terminated"]["reason"] == "Completed"


def test_only_an_ending_from_outside_is_one_until_the_next_start() -> None:
    world = Started()
    world.container.end(Ending(137))
    assert not world.container.killed

    world.container.start("uid", Fake(), lambda *_: None)
    world.container.end(Ending(137, killed=True))
    assert world.container.killed

    world.container.start("uid", Fake(), lambda *_: None)
    assert not world.container.killed


def test_a_container_is_as_steady_as_its_task() -> None:
    assert Started(is_steady=True).container.is_steady
    assert not Started(is_steady=False).container.is_steady


def test_a_container_that_was_halted_has_neither_task_nor_next_try() -> None:
    world = Started(is_steady=False)
    tried: list[str] = []
    world.container.retry = world.timeline.after(1, lambda: tried.append("again"))
    world.container.halt()
    world.container.halt()
    world.timeline.run_until(world.timeline.now_ns + 10**10)

    assert world.task.told == ["start", "halt"]
    assert tried == []
    assert world.container.is_steady
