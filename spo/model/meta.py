"""What every object has: metadata, owners and conditions (API conventions, "Metadata", "Typical status properties")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from msgspec import Struct
from msgspec.structs import replace

from spo.model.rule import rule

REASON_PATTERN = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
TYPE_PATTERN = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
)


class OwnerReference(Struct, frozen=True, rename="camel", omit_defaults=True):
    """An object that this one goes with: when the last owner is gone, the garbage collector takes this one too."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False
    block_owner_deletion: bool = False


class ObjectMeta(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The part of `metadata` that we read. A missing text is empty, never None."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    finalizers: tuple[str, ...] = ()
    deletion_timestamp: str = ""
    creation_timestamp: str = ""
    owner_references: tuple[OwnerReference, ...] = ()

    @property
    def deleting(self) -> bool:
        """Somebody asked for the deletion; the object stays until its last finalizer is gone."""
        return bool(self.deletion_timestamp)

    def with_finalizer(self, finalizer: str) -> ObjectMeta:
        """The same, held by `finalizer` (once, at the end)."""
        return self if finalizer in self.finalizers else replace(self, finalizers=(*self.finalizers, finalizer))

    def without_finalizer(self, finalizer: str) -> ObjectMeta:
        """The same, no longer held by `finalizer`."""
        return replace(self, finalizers=tuple(other for other in self.finalizers if other != finalizer))

    def with_annotation(self, name: str, value: str) -> ObjectMeta:
        """The same, with this annotation set."""
        return replace(self, annotations={**self.annotations, name: value})

    def with_label(self, name: str, value: str) -> ObjectMeta:
        """The same, with this label set."""
        return replace(self, labels={**self.labels, name: value})


class Condition(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One observation about an object's state, with a reason for machines and a message for people."""

    type: Annotated[str, rule("Which observation this is.", pattern=TYPE_PATTERN, max_length=316)]
    status: Annotated[str, rule("True, False or Unknown.", enum=("True", "False", "Unknown"))]
    reason: Annotated[
        str,
        rule("Why, in one word.", pattern=REASON_PATTERN, min_length=1, max_length=1024, required=True),
    ] = ""
    message: Annotated[str, rule("Why and what to do about it, for people.", max_length=32768, required=True)] = ""
    last_transition_time: Annotated[str, rule("When `status` last changed.", format="date-time", required=True)] = ""
    observed_generation: Annotated[
        int, rule("The generation of the object that this was observed of.", minimum=0, format="int64")
    ] = 0

    def same_as(self, other: Condition) -> bool:
        """Whether both say the same, whenever they began to."""
        return replace(self, last_transition_time="") == replace(other, last_transition_time="")


def with_condition(conditions: Iterable[Condition], condition: Condition) -> tuple[Condition, ...]:
    """The conditions with this one in its type's place; its old transition time stands while its `status` does."""
    kept = tuple(conditions)
    old = next((other for other in kept if other.type == condition.type), None)
    if old is None:
        return (*kept, condition)
    if old.status == condition.status and old.last_transition_time:
        condition = replace(condition, last_transition_time=old.last_transition_time)
    return tuple(condition if other.type == condition.type else other for other in kept)
