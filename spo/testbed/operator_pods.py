"""The operator's roles as programs of simulated pods: what the kubelet starts when it starts a container of ours."""

from __future__ import annotations

from typing import Any

from spo.doors.ports import DiskError, ProfileDirectory
from spo.installation.lay_profile import lay
from spo.loop import Loop
from spo.model.loglines import as_text
from spo.model.seccomp import profiles_directory
from spo.observe.counters import Counters
from spo.observe.observer import Observer
from spo.roles import ROLES, settings_from
from spo.sim.node.disk import DiskRefused
from spo.sim.node.program import Exited, Launch
from spo.testbed.cluster_door import Hearing, SimCluster
from spo.testbed.disk_door import FaultyProfileDirectory, SimProfileDirectory


class OurBug(AssertionError):
    """The operator asked for something that the API server will never take: ends the run."""


class SimProcess:
    """One role, running in a container of a simulated pod. A crash forgets it; a new one starts with an empty cache."""

    def __init__(self, launch: Launch, hearing: Hearing, log: list[dict[str, Any]]) -> None:
        settings = settings_from(launch.environment, launch.pod)
        role = ROLES[launch.arguments[0]](settings)
        self.role = role.name
        self.counters = Counters()
        self._cluster = SimCluster(
            launch.api,
            launch.timeline,
            launch.token,
            manager=f"spo-{role.name}",
            wake=launch.wake,
            hearing=hearing,
            traffic=self.counters.traffic,
        )
        root = profiles_directory(settings.kubelet_dir)
        self._directory: SimProfileDirectory | None = None
        if ProfileDirectory in role.node_doors:
            self._directory = SimProfileDirectory(launch.disk, root, launch.timeline, launch.wake)
        self._launch = launch
        self._left = False

        def keep(line: dict[str, Any]) -> None:
            log.append({"at": launch.timeline.now, "pod": launch.pod, **line})
            launch.say(as_text(launch.timeline.now, line))

        observer = Observer(f"spo-{role.name}", settings.node or launch.node, keep, self.counters, _raise)
        disk = None
        if self._directory is not None:
            disk = FaultyProfileDirectory(self._directory, launch.faults, launch.pod)
        self.loop = Loop(role, self._cluster, disk, launch, observer)

    def tick(self) -> float | None:
        wish = None if self._left else self.loop.tick()
        return None if wish is None else wish - self._launch.ahead_s  # in the world's time

    def leave(self) -> None:
        """Asked to end: say goodbye, and do no more."""
        self.loop.leave()
        self._left = True

    def stop(self) -> None:
        """The container is gone, by whatever way."""
        self._cluster.close()
        if self._directory is not None:
            self._directory.close()


class SimCleanUp:
    """`spo clean-up` in a simulated pod: removes what a daemon left on the disk, and ends."""

    def __init__(self, launch: Launch) -> None:
        self._disk = launch.disk
        self._root = profiles_directory(launch.environment["KUBELET_DIR"])
        self._say = launch.say

    def tick(self) -> float | None:
        try:
            for path, _ in list(self._disk.below(self._root)):
                self._disk.remove(path)
        except DiskRefused as refused:
            self._say(f"spo clean-up: {refused}")
            raise Exited(1) from refused
        raise Exited


class SimLayProfile:
    """`spo lay-profile` in a simulated pod: puts our own profile on the disk, and ends."""

    def __init__(self, launch: Launch) -> None:
        self._root = profiles_directory(launch.environment["KUBELET_DIR"])
        self._name = launch.arguments[1].removeprefix("--as=")
        self._disk = launch.disk
        self._directory = SimProfileDirectory(launch.disk, self._root, launch.timeline)
        self._door = FaultyProfileDirectory(self._directory, launch.faults, launch.pod)
        self._say = launch.say

    def tick(self) -> float | None:
        try:
            self._say(lay(self._root, self._name, self._standing(), self._door))
        except DiskError as error:
            self._say(f"spo lay-profile: {error}")
            raise Exited(1) from error
        raise Exited

    def stop(self) -> None:
        """The container is gone, by whatever way."""
        self._directory.close()

    def _standing(self) -> bytes | None:
        try:
            return self._disk.read(f"{self._root}/{self._name}")
        except DiskRefused:
            return None


def _raise(message: str) -> None:
    raise OurBug(message)
