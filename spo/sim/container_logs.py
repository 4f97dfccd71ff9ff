"""What containers wrote: the files a node keeps of them, the present run's and that of the run before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from spo.sim.store import StoreKey

Line = tuple[float, str]  # when, in simulated seconds since 1970; and what
Reader = Callable[[Line], None]

BYTES_MAX = 10 << 20  # then a new file begins, and only that is shown (kubelet: containerLogMaxSize)
RUNS_KEPT = 2  # of a container (kubelet: MaxPerPodContainer is one dead one)


class Log:
    """Of one run of a container."""

    __slots__ = ("_bytes", "_readers", "lines")

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._bytes = 0
        self._readers: dict[Reader, None] = {}

    def write(self, at: float, text: str) -> None:
        self._bytes += len(text)
        if self._bytes > BYTES_MAX:
            self.lines.clear()
            self._bytes = len(text)
        line = (at, text)
        self.lines.append(line)
        for reader in list(self._readers):
            reader(line)

    def follow(self, reader: Reader) -> None:
        """Call it with each new line."""
        self._readers[reader] = None

    @property
    def readers(self) -> int:
        """How many follow."""
        return len(self._readers)

    def leave(self, reader: Reader) -> None:
        self._readers.pop(reader, None)


class ContainerLogs:
    """By pod, then by container and its id. What never wrote anything has no log, and costs nothing."""

    def __init__(self) -> None:
        self._pods: dict[StoreKey, dict[str, dict[str, Log]]] = {}

    def log(self, pod: StoreKey, container: str, container_id: str) -> Log:
        """The log of a run, begun if there is none; the run before the one before is forgotten."""
        runs = self._pods.setdefault(pod, {}).setdefault(container, {})
        found = runs.get(container_id)
        if found is None:
            found = runs[container_id] = Log()
            if len(runs) > RUNS_KEPT:
                del runs[next(iter(runs))]
        return found

    def lines(self, pod: StoreKey, container: str, container_id: str) -> Sequence[Line]:
        """What a run has written."""
        found = self._pods.get(pod, {}).get(container, {}).get(container_id)
        return found.lines if found is not None else ()

    def forget(self, pod: StoreKey) -> None:
        self._pods.pop(pod, None)
