"""Pods that cannot start before a file on their node is another."""

from __future__ import annotations

from collections.abc import Callable

from spo.sim.node.disk import Disk, DiskChange
from spo.sim.node.podrun import PodRun
from spo.sim.store import StoreKey

Then = Callable[[PodRun], None]


class FileWaits:
    """On one disk. As long as the file is as it is, trying to start would show nothing new, and costs nothing."""

    def __init__(self, disk: Disk) -> None:
        self._waiting: dict[str, dict[StoreKey, tuple[PodRun, Then]]] = {}  # by path
        disk.subscribe(self._changed)

    def wait(self, run: PodRun, path: str, then: Then) -> None:
        """Let `then` happen to the pod, once, when something has been written there."""
        run.waits_for.add(path)
        self._waiting.setdefault(path, {})[run.key] = run, then

    def stop(self, run: PodRun) -> None:
        """The pod waits no more."""
        for path in run.waits_for:
            del self._waiting[path][run.key]
        run.waits_for.clear()

    def _changed(self, change: DiskChange) -> None:
        if change.data is None:
            return
        for run, then in self._waiting.pop(change.path, {}).values():
            run.waits_for.discard(change.path)
            then(run)
