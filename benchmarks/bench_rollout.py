"""One profile on 10, 100 and 1,000 nodes: what it takes until it is Installed on all of them, counted.

Everything must be O(nodes): requests and deliveries are, if their number a node does not grow. `grow` is the hard way
to get there: a cluster that gains its nodes one after the other, so that the manager hears of each by itself.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from measure import Figure, Found, Meter, alone, main, table

from spo.model.resource import SECCOMP_PROFILES
from spo.sim.api.access.authn import User
from spo.sim.api.http import Request, Response
from spo.sim.store import StoreKey
from spo.testbed.world import SimulatedWorld, boot

SIZES = (10, 100, 1000)
GROWN = (50, 200, 800)
FIRST_NODES = 3
JOIN_S = 0.05  # between one new node and the next
PATIENCE_S = 300.0
SLACK = 1.2  # what starts and ends a roll-out costs a few requests, whatever the size
VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
KEY = StoreKey(SECCOMP_PROFILES.storage, "default", "wanted")
PROFILE = {
    "apiVersion": SECCOMP_PROFILES.api_version,
    "kind": SECCOMP_PROFILES.kind,
    "metadata": {"name": KEY.name, "namespace": KEY.namespace},
    "spec": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": ["read", "write"]}]},
}


class Tally:
    """Counts what is asked of the API server, and what it tells, from now on."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.verbs: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self._hub, self._store, self._timeline = world.cluster.api.hub, world.cluster.store, world.cluster.timeline
        self._start = self._now()
        world.cluster.api.observers.append(self._observe)

    def _now(self) -> tuple[int, int, int]:
        return self._hub.delivered, self._store.revision, self._timeline.made

    def _observe(self, request: Request, user: User, response: Response) -> None:
        verb = VERBS[request.method]
        if verb == "get":
            verb = "watch" if response.stream is not None else "list"
        self.verbs[verb] += 1
        plurals = [word for word in request.path.split("/")[3:] if word not in ("namespaces", "apis")]
        self.asked[f"{user.name.rpartition(':')[2]} {verb} {'/'.join(plurals[1:2])}"] += 1

    def found(self) -> Found:
        delivered, revisions, events = (now - then for now, then in zip(self._now(), self._start, strict=True))
        return {
            "requests": sum(self.verbs.values()),
            "verbs": dict(sorted(self.verbs.items())),
            "deliveries": delivered,
            "revisions": revisions,
            "events": events,
        }


def installed(world: SimulatedWorld) -> bool:
    record = world.cluster.store.get(KEY)
    return record is not None and b'"status":"Installed"' in record.body


def roll_out(nodes: int) -> Found:
    world = boot(nodes=nodes)
    tally = Tally(world)
    began_ns = world.cluster.timeline.now_ns
    with Meter() as meter:
        world.you.create(SECCOMP_PROFILES, PROFILE)
        assert world.cluster.run_until(lambda: installed(world), PATIENCE_S), "never Installed"
    simulated_s = (world.cluster.timeline.now_ns - began_ns) / 1e9
    return {**meter.found(), **tally.found(), "simulated_s": round(simulated_s, 3)}


def grow(nodes: int) -> Found:
    """`nodes` more join, one after the other, a profile having been there before them."""
    world = boot(nodes=FIRST_NODES)
    world.you.create(SECCOMP_PROFILES, PROFILE)
    world.cluster.rest()
    tally = Tally(world)
    with Meter() as meter:
        for number in range(nodes):
            world.add_node(f"late-{number}")
            world.cluster.run(JOIN_S)
        world.cluster.rest()
    assert installed(world)
    return {**meter.found(), **tally.found()}


def rows_of(runs: dict[int, Found]) -> list[tuple[str, ...]]:
    return [
        (
            f"{nodes:,} nodes",
            ", ".join(f"{verb} {count:,}" for verb, count in each["verbs"].items()),
            f"{each['requests'] / nodes:.2f}",
            f"{each['deliveries']:,}",
            f"{each['deliveries'] / nodes:.2f}",
            f"{each['cpu_s'] / nodes * 1000:.2f}",
            "",
        )
        for nodes, each in runs.items()
    ]


def growth(runs: dict[int, Found], what: str) -> float:
    """How much more the largest needs a node than the middle one (1: O(nodes))."""
    *_, middle, largest = runs
    return float((runs[largest][what] / largest) / (runs[middle][what] / middle))


def report() -> tuple[list[Figure], dict[str, Any]]:
    rolled = {nodes: alone(roll_out, nodes=nodes) for nodes in SIZES}
    grown = {nodes: alone(grow, nodes=nodes) for nodes in GROWN}
    head = ("requests", "a node", "deliveries", "a node", "CPU ms a node", "")
    print(table(("a profile on all of", *head), rows_of(rolled)), end="\n\n")
    print(table(("nodes that join one by one", *head), rows_of(grown)), end="\n\n")
    largest = rolled[SIZES[-1]]
    figures = [
        Figure("roll-out on 1,000 nodes: requests a node", largest["requests"] / SIZES[-1], ""),
        Figure("roll-out on 1,000 nodes: deliveries a node", largest["deliveries"] / SIZES[-1], ""),
        Figure("requests a node, 1,000 nodes : 100 nodes", growth(rolled, "requests"), "×", SLACK),
        Figure("deliveries a node, 1,000 nodes : 100 nodes", growth(rolled, "deliveries"), "×", SLACK),
        Figure("roll-out on 1,000 nodes", largest["cpu_s"], "CPU s"),
        Figure("joining one by one: requests a node, 800 : 200", growth(grown, "requests"), "×", SLACK),
        Figure("joining one by one: deliveries a node, 800 : 200", growth(grown, "deliveries"), "×", SLACK),
        Figure("joining one by one: CPU a node, 800 : 200", growth(grown, "cpu_s"), "×"),
    ]
    return figures, {
        "roll_out": {str(n): each for n, each in rolled.items()},
        "grow": {str(n): e for n, e in grown.items()},
    }


if __name__ == "__main__":
    main("rollout", report, roll_out, grow)
