"""What the report reads of an object: a few fields each, decoded straight from the bytes in the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from spo.model.builtin import HARMLESS_WAITS


class Owner(Struct, rename="camel"):
    """An owner reference."""

    uid: str = ""
    kind: str = ""
    name: str = ""


class Metadata(Struct, rename="camel"):
    """Who an object is, whose, and whether somebody asked for its end."""

    uid: str = ""
    labels: dict[str, str] | None = None
    deletion_timestamp: str | None = None
    owner_references: list[Owner] = field(default_factory=list)

    @property
    def deleting(self) -> bool:
        return bool(self.deletion_timestamp)


class Condition(Struct, rename="camel"):
    """One observation about an object's state."""

    type: str
    status: str = ""
    reason: str = ""
    message: str = ""


# -- objects of our group -----------------------------------------------------------------------------------------

USUAL_PATHS = (("status", "status"), ("status", "state"))  # to the state, of a kind that we know nothing else of


class OurObject(Struct, rename="camel"):
    """An object of our group, whatever its kind. Its status may have any form: nobody need have checked a dump."""

    kind: str = ""
    metadata: Metadata = field(default_factory=Metadata)
    status: Any = None

    def state(self, *paths: tuple[str, ...]) -> str:
        """The state, at the first of these paths that leads to one; empty: nobody has written any."""
        return next(filter(None, map(self._at, paths)), "")

    def _at(self, path: tuple[str, ...]) -> str:
        found: Any = {"status": self.status}
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, str) else ""

    @property
    def conditions(self) -> list[Condition]:
        found = self.status.get("conditions") if isinstance(self.status, dict) else None
        return [_condition(each) for each in found or () if isinstance(each, dict)]

    @property
    def ready(self) -> Condition:
        """The condition Ready; an empty one if there is none."""
        return next((each for each in self.conditions if each.type == "Ready"), Condition("Ready"))


def _condition(found: Mapping[str, Any]) -> Condition:
    return Condition(*(str(found.get(name) or "") for name in ("type", "status", "reason", "message")))


class NodeStatus(Struct, rename="camel"):
    """A SecurityProfileNodeStatus: whose state it is on which node."""

    metadata: Metadata = field(default_factory=Metadata)
    node_name: str = ""
    status: str = ""


# -- pods and nodes -----------------------------------------------------------------------------------------------


class Waiting(Struct, rename="camel"):
    """Why a container does not run."""

    reason: str = ""
    message: str = ""


class Terminated(Struct, rename="camel"):
    """How a container ended."""

    exit_code: int = 0


class State(Struct, rename="camel"):
    """What a container does now."""

    waiting: Waiting | None = None
    terminated: Terminated | None = None


class Container(Struct, rename="camel"):
    """A container's status."""

    name: str = ""
    state: State = field(default_factory=State)


class PodStatus(Struct, rename="camel"):
    """How a pod and its containers stand."""

    phase: str = ""
    message: str = ""
    conditions: list[Condition] = field(default_factory=list)
    init_container_statuses: list[Container] = field(default_factory=list)
    container_statuses: list[Container] = field(default_factory=list)

    def waiting(self, *, init: bool) -> Waiting | None:
        """What a container (with `init`: one that goes before, too) waits for, if that has to be mended."""
        containers = (*self.init_container_statuses, *self.container_statuses) if init else self.container_statuses
        waits = (each.state.waiting for each in containers)
        return next((each for each in waits if each is not None and each.reason not in HARMLESS_WAITS), None)

    @property
    def unplaced(self) -> Condition | None:
        """Why the scheduler found no node, if so."""
        return next((each for each in self.conditions if each.type == "PodScheduled" and each.status == "False"), None)

    @property
    def exit_codes(self) -> list[tuple[str, int]]:
        """The containers that have ended, and how."""
        ended = ((each.name, each.state.terminated) for each in self.container_statuses)
        return [(name, end.exit_code) for name, end in ended if end is not None]


class Pod(Struct, rename="camel"):
    """A pod, as far as it may not be as it should."""

    metadata: Metadata = field(default_factory=Metadata)
    status: PodStatus = field(default_factory=PodStatus)


class Conditions(Struct, rename="camel"):
    """A status of which only the conditions matter."""

    conditions: list[Condition] = field(default_factory=list)


class Node(Struct, rename="camel"):
    """A node: whether it is ready."""

    status: Conditions = field(default_factory=Conditions)

    @property
    def ready(self) -> Condition:
        """The condition Ready; an empty one if there is none."""
        return next((each for each in self.status.conditions if each.type == "Ready"), Condition("Ready"))


# -- Kubernetes Events --------------------------------------------------------------------------------------------


class Involved(Struct, rename="camel"):
    """The object that an Event is about."""

    kind: str = ""
    namespace: str = ""
    name: str = ""


class EventSource(Struct, rename="camel"):
    """Where it was made."""

    host: str = ""


class Event(Struct, rename="camel"):
    """What somebody had to say of an object."""

    reason: str = ""
    message: str = ""
    type: str = ""
    involved_object: Involved = field(default_factory=Involved)
    source: EventSource = field(default_factory=EventSource)


decode_ours = msgspec.json.Decoder(OurObject).decode
decode_node_status = msgspec.json.Decoder(NodeStatus).decode
decode_pod = msgspec.json.Decoder(Pod).decode
decode_node = msgspec.json.Decoder(Node).decode
decode_event = msgspec.json.Decoder(Event).decode
