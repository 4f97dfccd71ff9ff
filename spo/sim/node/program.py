"""Programs that are handed in to run in containers: what one is started with, what more it may have, how it ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from msgspec import Struct

from spo.doors.process import Process
from spo.sim.faults import Faults
from spo.sim.node.audit import AuditLog
from spo.sim.node.disk import Disk
from spo.sim.timeline import Timeline

if TYPE_CHECKING:
    from spo.sim.api.server import ApiServer


class Exited(Exception):
    """Raised by a program's `tick`: it has ended by itself."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


@runtime_checkable
class Leaves(Process, Protocol):
    """A program that says goodbye."""

    def leave(self) -> None:
        """Asked to end (SIGTERM)."""


@runtime_checkable
class Stops(Process, Protocol):
    """A program that holds on to what others must take back."""

    def stop(self) -> None:
        """The container is gone, by whatever way."""


class Launch(Struct, frozen=True, kw_only=True):
    """What a program is started with: its command line, its identity and the node it is on."""

    arguments: tuple[str, ...]  # command and args, with $(NAME) filled in
    environment: Mapping[str, str]
    namespace: str
    pod: str
    container: str
    node: str
    service_account: str
    token: str
    api: ApiServer
    timeline: Timeline
    disk: Disk
    audit: AuditLog
    faults: Faults
    wake: Callable[[], None]  # asks for a tick now
    say: Callable[[str], None]  # a line on standard output

    def now(self) -> float:
        """Seconds since 1970, by the clock that the program reads: it may be wrong."""
        return self.timeline.now + self.ahead_s

    @property
    def ahead_s(self) -> float:
        """How far that clock is ahead of the time."""
        return self.faults.clocks.ahead_s(self.pod, self.node)


ProgramFactory = Callable[[Launch], Process]


def environment(container: Mapping[str, Any], pod: Mapping[str, Any]) -> dict[str, str]:
    """Variables in order; values may use earlier ones, or fields of the pod. Other sources are not simulated: empty."""
    found: dict[str, str] = {}
    for entry in container.get("env") or ():
        source = entry.get("valueFrom") or {}
        if "fieldRef" in source:
            found[entry["name"]] = pod_field(pod, source["fieldRef"].get("fieldPath", ""))
        else:
            found[entry["name"]] = expand(entry.get("value") or "", found)
    return found


def pod_field(pod: Mapping[str, Any], path: str) -> str:
    """`metadata.name`, `spec.nodeName`, `metadata.labels['x']` … as the downward API gives them."""
    value: Any = pod
    of_map = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    for step in ["metadata", *of_map.groups()] if of_map else path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Fill in `$(NAME)`; unknown names stay as they are, `$$(` is a plain `$(` (container.Command in the API)."""

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([A-Za-z_][\w.-]*)\)", one, text)


def arguments(container: Mapping[str, Any], variables: Mapping[str, str]) -> tuple[str, ...]:
    words = (*(container.get("command") or ()), *(container.get("args") or ()))
    return tuple(expand(word, variables) for word in words)
