"""A small cluster with an operator in a pod, and somebody outside: whom faults may strike."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from manifests import pod

from spo.model.resource import CONFIG_MAPS, PODS
from spo.sim.api.http import Stream
from spo.sim.client import Client
from spo.sim.cluster import SimulatedCluster
from spo.sim.node.program import Launch

IMAGE = "images.test/shop:1"


class Program:
    """An operator in a simulated pod: does what is put on its list, and notes when it was ticked."""

    def __init__(self, launch: Launch, todo: list[Callable[[Program], None]]) -> None:
        self.launch = launch
        self.client = Client(launch.api, launch.token, "shop/1.2")
        self._todo = todo
        self.ticks: list[float] = []

    def tick(self) -> float | None:
        self.ticks.append(self.launch.timeline.now)
        while self._todo:
            self._todo.pop(0)(self)
        return None


class World:
    """One node, an operator in a pod on it, and somebody outside who is not the administrator."""

    def __init__(self) -> None:
        self.started: list[Program] = []
        self.todo: list[Callable[[Program], None]] = []
        self.cluster = SimulatedCluster(nodes=1, programs={IMAGE: self._start}, authorize=False)
        self.cluster.run(5)
        self.faults = self.cluster.faults
        self.admin = self.cluster.client()
        self.user = self.cluster.client("someone")
        self.admin.create(PODS, pod("shop", container={"image": IMAGE}))
        self.cluster.run(5)

    def _start(self, launch: Launch) -> Program:
        self.started.append(Program(launch, self.todo))
        return self.started[-1]

    @property
    def disk(self) -> Any:
        return self.cluster.nodes["node-1"].disk

    def does(self, deed: Callable[[Program], None]) -> None:
        """Let the operator do this in its next tick, and half a second pass."""
        self.todo.append(deed)
        self.started[-1].launch.wake()
        self.cluster.run(0.5)

    def data(self, name: str = "web") -> Any:
        """What a ConfigMap holds; `None`: there is none."""
        found = [each for each in self.admin.list(CONFIG_MAPS, "default") if each["metadata"]["name"] == name]
        return found[0].get("data", {}) if found else None

    def watch(self, **which: Any) -> Stream:
        return self.user.watch(CONFIG_MAPS, "default", **which)


def make(client: Client, name: str = "web", **data: str) -> Any:
    return client.create(CONFIG_MAPS, {"metadata": {"name": name, "namespace": "default"}, "data": data})


def change(client: Client, name: str = "web", **data: str) -> Any:
    return client.patch(CONFIG_MAPS, "default", name, {"data": data})


def names(stream: Stream) -> list[str]:
    """Of the objects that the lines so far are about."""
    return [json.loads(line)["object"].get("metadata", {}).get("name", "") for line in stream.lines]
