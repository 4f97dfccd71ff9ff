from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec import Struct

from spo.cache import View
from spo.doors.ports import Conflict, Forbidden, Invalid, ProfileDirectory, Unavailable, WorldError
from spo.events import Event, Key, Listed, Seen
from spo.intents import NOTHING, About, Apply, ClusterIntent, Delete, FileIntent, Plan, Tell
from spo.interest import Interest
from spo.loop import ADMIN_DELAY_S, Loop, Role
from spo.model.builtin import KeepMeta, NodeKeep
from spo.model.resource import DAEMONSETS, EVENTS, NODE_STATUSES, NODES, SECCOMP_PROFILES, SPODS
from spo.observe.counters import Counters
from spo.observe.observer import Observer
from spo.queue import FIRST_DELAY_S

NODE_A = Key("Node", "", "a")


class Clock:
    at = 100.0

    def now(self) -> float:
        return self.at


class FakeCluster:
    def __init__(self) -> None:
        self.news: list[Event] = []
        self.asked: list[ClusterIntent] = []
        self.failures: list[WorldError | None] = []

    def want(self, interest: Interest) -> None: ...

    def take(self) -> Iterable[Event]:
        news, self.news = self.news, []
        return news

    def carry_out(self, intent: ClusterIntent) -> None:
        self.asked.append(intent)
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure


class NoProfiles:
    """A profile directory in which nothing stands."""

    def take(self) -> Iterable[Event]:
        return ()

    def carry_out(self, intent: FileIntent) -> None: ...


def observer() -> Observer:
    return Observer("test", "node-1", lambda line: None, Counters(), lambda bug: None)


class World:
    """One loop whose decisions are `plan`, with a log of what was looked at."""

    def __init__(self, plan: Plan = NOTHING, patience_s: float = 0.0) -> None:
        self.plan = plan
        self.looked_at: list[Key] = []
        self.cluster, self.clock, self.lines = FakeCluster(), Clock(), list[dict[str, Any]]()
        self.bugs: list[str] = []
        role = Role(
            name="test",
            interests=(Interest(NODES, NodeKeep),),
            indexes=(),
            marks={NodeKeep: lambda view, change: [change.key]},
            decisions={"Node": self.decide},
            duties=(),
            patience={NodeKeep: patience_s},
        )
        observer = Observer("test", "node-1", self.lines.append, Counters(), self.bugs.append)
        self.loop = Loop(role, self.cluster, None, self.clock, observer)

    def decide(self, view: View, key: Key) -> Plan:
        self.looked_at.append(key)
        return self.plan

    def node_seen(self) -> None:
        self.cluster.news.append(Seen(NODE_A, NodeKeep(KeepMeta("a", resource_version=str(len(self.looked_at))))))


@pytest.fixture
def world() -> World:
    world = World(Plan((Delete(NODE_STATUSES, "default", "a", "uid"), Delete(NODE_STATUSES, "default", "b", "uid"))))
    world.cluster.news = [Listed(NodeKeep)]
    world.node_seen()
    return world


def test_nothing_is_decided_before_the_first_full_list() -> None:
    world = World()
    world.node_seen()
    world.loop.tick()
    assert world.looked_at == []

    world.cluster.news.append(Listed(NodeKeep))
    world.loop.tick()
    assert world.looked_at == [NODE_A]


def test_a_plan_is_carried_out_in_its_order(world: World) -> None:
    world.loop.tick()

    assert [intent.name for intent in world.cluster.asked] == ["a", "b"]


def test_a_plan_stops_at_the_first_no_and_is_decided_afresh_later(world: World) -> None:
    world.cluster.failures = [Unavailable("no answer")]

    assert world.loop.tick() == world.clock.at + FIRST_DELAY_S
    assert [intent.name for intent in world.cluster.asked] == ["a"]

    world.clock.at += FIRST_DELAY_S
    world.loop.tick()
    assert world.looked_at == [NODE_A, NODE_A]


@pytest.mark.parametrize(
    ("failure", "delay_s"),
    [
        (Conflict("newer"), FIRST_DELAY_S),
        (Unavailable("busy", retry_after_s=7.0), 7.0),
        (Forbidden("no right"), ADMIN_DELAY_S),
        (Invalid("bug"), FIRST_DELAY_S),
    ],
)
def test_a_failure_says_how_soon_it_is_worth_asking_again(world: World, failure: WorldError, delay_s: float) -> None:
    world.cluster.failures = [failure]

    assert world.loop.tick() == world.clock.at + delay_s


def test_what_must_be_looked_at_in_time_is_not_put_off_by_its_failures(world: World) -> None:
    """A lease is renewed as often as before, however often it failed."""
    world.plan = Plan(world.plan.intents, wake_at=world.clock.at + 5)
    for _ in range(6):
        world.cluster.failures = [Unavailable("no answer")]
        world.node_seen()
        world.loop.tick()
    assert world.loop.queue.next() is not None
    assert (world.loop.queue.next() or 0) <= world.clock.at + 5


def test_after_a_conflict_the_newer_version_decides_at_once(world: World) -> None:
    world.cluster.failures = [Conflict("newer")]
    world.loop.tick()

    world.node_seen()
    world.loop.tick()
    assert world.looked_at == [NODE_A, NODE_A]


def test_a_conflict_is_not_worth_a_word_and_what_can_only_be_our_bug_is_told(world: World) -> None:
    world.cluster.failures = [Conflict("newer")]
    world.loop.tick()
    assert [line["level"] for line in world.lines] == []

    world.node_seen()
    world.cluster.failures = [Invalid("spec.foo: unknown")]
    world.loop.tick()
    assert "spec.foo" in world.bugs[0]


def test_a_daemon_set_that_the_server_refuses_is_told_on_spod_in_its_words(world: World) -> None:
    about = About(SPODS, "operators", "spod", "uid")
    world.plan = Plan((Apply(DAEMONSETS, "operators", "spod", {}),), about=about)
    world.cluster.failures = [Invalid("spec.template.spec.hostPID: must be something else")]
    world.loop.tick()

    event = world.cluster.asked[-1]
    assert isinstance(event, Apply) and event.resource == EVENTS
    assert event.manifest["involvedObject"]["name"] == "spod"
    assert event.manifest["reason"] == "CannotCreateSPOD"
    assert "hostPID: must be something else" in event.manifest["message"]


def test_an_event_that_cannot_be_written_in_a_dying_namespace_stops_nothing(world: World) -> None:
    about = About(SECCOMP_PROFILES, "default", "sleeper", "uid")
    world.plan = Plan((Tell(about, "InUse", "kept"), Delete(NODE_STATUSES, "default", "a", "uid")))
    world.cluster.failures = [Conflict("namespace is being terminated")]
    world.loop.tick()

    assert isinstance(world.cluster.asked[-1], Delete)


def test_news_that_may_wait_is_looked_at_once_with_all_that_comes_meanwhile() -> None:
    world = World(patience_s=0.25)
    world.cluster.news = [Listed(NodeKeep)]
    world.node_seen()
    assert world.loop.tick() == world.clock.at + 0.25

    world.clock.at += 0.2
    world.cluster.news = [Seen(NODE_A, NodeKeep(KeepMeta("a", resource_version="later")))]
    world.loop.tick()
    assert world.looked_at == []

    world.clock.at += 0.05  # from the first news, not from the last: whoever never stops talking is heard, too
    world.loop.tick()
    assert world.looked_at == [NODE_A]


class Node(Struct, frozen=True):
    """Another thing to keep of a node than `NodeKeep`."""

    metadata: KeepMeta


def test_two_interests_of_one_kind_have_marks_and_patience_of_their_own() -> None:
    cluster, clock = FakeCluster(), Clock()
    looked_at: list[Key] = []

    def decide(view: View, key: Key) -> Plan:
        looked_at.append(key)
        return NOTHING

    role = Role(
        name="test",
        interests=(Interest(NODES, NodeKeep), Interest(NODES, Node, labels="record=true")),
        indexes=(),
        marks={
            NodeKeep: lambda view, change: [change.key],
            Node: lambda view, change: [Key("Recording", "", change.key.name)],
        },
        decisions={"Node": decide, "Recording": decide},
        patience={Node: 0.25},
    )
    loop = Loop(role, cluster, None, clock, observer())
    cluster.news = [Listed(NodeKeep), Seen(NODE_A, NodeKeep(KeepMeta("a"))), Seen(NODE_A, Node(KeepMeta("a")))]
    loop.tick()
    assert looked_at == []  # of one of the two we do not know all

    cluster.news = [Listed(Node)]
    loop.tick()
    assert looked_at == [NODE_A]
    clock.at += 0.25
    loop.tick()
    assert looked_at == [NODE_A, Key("Recording", "", "a")]


@pytest.mark.parametrize(("named", "given"), [((ProfileDirectory,), None), ((), NoProfiles())])
def test_a_role_gets_the_doors_of_its_node_that_it_names_and_no_others(
    named: tuple[type[Any], ...], given: ProfileDirectory | None
) -> None:
    role = Role(name="test", interests=(), indexes=(), marks={}, decisions={}, node_doors=named)

    with pytest.raises(AssertionError, match="test: not the doors it names"):
        Loop(role, FakeCluster(), given, Clock(), observer())
