"""A simulated cluster with the operator on every node: how fast it boots, moves and rests, and what it holds."""

from __future__ import annotations

from typing import Any

from measure import Figure, Found, Meter, alone, main, table

from spo.model.resource import PODS, SECCOMP_PROFILES
from spo.sim.client import PATCH_TYPES
from spo.testbed.world import PODS_NAMESPACE, SimulatedWorld, boot

NODES, PODS_COUNT = 1000, 30_000
BIG_NODES, BIG_PODS = 5000, 150_000
HOUR_S = 3600.0
AT_ONCE = 100  # writes before time passes
MOMENT_S = 0.01


def booting(nodes: int, pods: int) -> Found:
    with Meter() as meter:
        world = boot(nodes=nodes, pods=pods)
    revisions = world.cluster.store.revision
    return {**meter.found(), "revisions": revisions, "revisions_per_s": revisions / meter.cpu_s}


def writing(nodes: int, pods: int, writes: int) -> Found:
    """A controller labels pods, one after the other; the daemons of their nodes hear of it."""
    world = boot(nodes=nodes, pods=pods)
    labeller = world.cluster.client("system:labeller")
    names = [record.key.name for record in world.cluster.store.scan("pods", PODS_NAMESPACE)]
    before, told = world.cluster.store.revision, world.cluster.api.hub.delivered
    with Meter() as meter:
        for number in range(writes):
            patch = {"metadata": {"labels": {"round": str(number // len(names))}}}
            path = PODS.path(PODS_NAMESPACE, names[number % len(names)])
            labeller.send("PATCH", path, patch, content_type=PATCH_TYPES["merge"])
            if number % AT_ONCE == 0:
                world.cluster.run(MOMENT_S)
        world.cluster.run(1)
    revisions = world.cluster.store.revision - before
    return {
        **meter.found(),
        "revisions": revisions,
        "revisions_per_s": revisions / meter.cpu_s,
        "deliveries": world.cluster.api.hub.delivered - told,
    }


def telling(nodes: int, watchers: int, changes: int, read: bool) -> Found:
    """Changes of a profile told to so many watchers that only collect lines; or (`read`) to every node's daemon."""
    world = boot(nodes=nodes)
    world.you.create(SECCOMP_PROFILES, profile())
    world.cluster.rest()
    streams = [world.you.watch(SECCOMP_PROFILES) for _ in range(watchers)]
    told = world.cluster.api.hub.delivered
    with Meter() as meter:
        for number in range(changes):
            label(world, number)
            for stream in streams:
                stream.lines.clear()
            if read:
                world.cluster.run(MOMENT_S)
    deliveries = world.cluster.api.hub.delivered - told
    return {**meter.found(), "deliveries": deliveries, "deliveries_per_s": deliveries / meter.cpu_s}


def resting(nodes: int, pods: int) -> Found:
    """An hour in which nobody wants anything."""
    world = boot(nodes=nodes, pods=pods)
    made, before = world.cluster.timeline.made, world.cluster.store.revision
    leases, requests = [0], [0]
    world.cluster.store.subscribe(
        lambda change: leases.__setitem__(0, leases[0] + change.key.resource.startswith("leases"))
    )
    world.cluster.api.observers.append(lambda *_: requests.__setitem__(0, requests[0] + 1))
    with Meter() as meter:
        world.cluster.run(HOUR_S)
    revisions = world.cluster.store.revision - before
    return {
        **meter.found(),
        "events": world.cluster.timeline.made - made,
        "requests": requests[0],
        "lease_writes": leases[0],
        "other_writes": revisions - leases[0],
    }


def profile() -> dict[str, Any]:
    return {
        "apiVersion": SECCOMP_PROFILES.api_version,
        "kind": SECCOMP_PROFILES.kind,
        "metadata": {"name": "told", "namespace": "default"},
        "spec": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": ["read"]}]},
    }


def label(world: SimulatedWorld, number: int) -> None:
    world.you.patch(SECCOMP_PROFILES, "default", "told", {"metadata": {"labels": {"number": str(number)}}})


def report() -> tuple[list[Figure], dict[str, Any]]:
    boots = {(nodes, 30 * nodes): alone(booting, nodes=nodes, pods=30 * nodes) for nodes in (10, 100, NODES, BIG_NODES)}
    rows = [
        (
            f"{nodes:,} nodes, {pods:,} pods",
            f"{each['cpu_s']:.2f}",
            f"{each['cpu_s'] / nodes * 1000:.2f}",
            f"{each['peak_mib']:,.0f}",
            f"{each['revisions']:,}",
            "",
        )
        for (nodes, pods), each in boots.items()
    ]
    print(table(("boot of", "CPU s", "ms a node", "peak MiB", "revisions", ""), rows), end="\n\n")
    written = alone(writing, nodes=NODES, pods=PODS_COUNT, writes=30_000)
    told = alone(telling, nodes=3, watchers=1000, changes=500, read=False)
    heard = alone(telling, nodes=NODES, watchers=0, changes=100, read=True)
    rested = alone(resting, nodes=NODES, pods=PODS_COUNT)
    usual, big = boots[NODES, PODS_COUNT], boots[BIG_NODES, BIG_PODS]
    figures = [
        Figure("boot, 1,000 nodes, 30,000 pods", usual["cpu_s"], "CPU s", 20),
        Figure("memory, 1,000 nodes, 30,000 pods, peak", usual["peak_mib"], "MiB", 1024),
        Figure("boot, 5,000 nodes, 150,000 pods", big["cpu_s"], "CPU s", 60),
        Figure("memory, 5,000 nodes, 150,000 pods, peak", big["peak_mib"], "MiB", 2048),
        Figure("revisions committed, operator running", written["revisions_per_s"], "1/s", 5000, at_least=True),
        Figure("watch lines delivered", told["deliveries_per_s"], "1/s", 50_000, at_least=True),
        Figure("watch lines delivered, read and looked into by daemons", heard["deliveries_per_s"], "1/s"),
        Figure("an hour at rest, 1,000 nodes", rested["cpu_s"], "CPU s"),
        Figure("the same: writes that are no heartbeats", rested["other_writes"], "", 0),
        Figure("the same: events on the timeline a node", rested["events"] / NODES, ""),
        Figure("the same: requests a node", rested["requests"] / NODES, ""),
    ]
    boot_details = {f"{nodes} nodes, {pods} pods": each for (nodes, pods), each in boots.items()}
    return figures, {"boot": boot_details, "writing": written, "telling": told, "hearing": heard, "rest": rested}


if __name__ == "__main__":
    main("cluster", report, booting, writing, telling, resting)
