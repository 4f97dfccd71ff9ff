"""What we may ask of the world. An intent is a value; only a door carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from spo.model.resource import Resource

Manifest = Mapping[str, Any]


class Create(Struct, frozen=True):
    """Create an object that we believe is not there (if it is: Conflict)."""

    resource: Resource
    namespace: str
    name: str
    manifest: Manifest


class Apply(Struct, frozen=True):
    """Server-side apply, forced, under our role's field manager: for objects that are ours alone."""

    resource: Resource
    namespace: str
    name: str
    manifest: Manifest


class Patch(Struct, frozen=True):
    """Merge-patch named fields of an object at a known version (if it has moved on: Conflict)."""

    resource: Resource
    namespace: str
    name: str
    patch: Manifest
    version: str
    subresource: str = ""


class Delete(Struct, frozen=True):
    """Ask for the deletion of exactly this object: same uid and, if given, same version."""

    resource: Resource
    namespace: str
    name: str
    uid: str
    version: str = ""


class WriteFile(Struct, frozen=True):
    """Put these bytes at this path, below the door's directory, all or nothing."""

    path: str
    data: bytes


class RemoveFile(Struct, frozen=True):
    """See to it that this path, below the door's directory, does not exist."""

    path: str


class About(Struct, frozen=True):
    """The object that a Tell is about."""

    resource: Resource
    namespace: str
    name: str
    uid: str


class Tell(Struct, frozen=True):
    """Say it to whoever looks: a Kubernetes Event on the object, a log line, a metric (all made by `observe`).

    `reason` is a word of the table in `spo.model.reasons`; `message` names node, cause and remedy.
    """

    about: About
    reason: str
    message: str


ClusterIntent = Create | Apply | Patch | Delete
FileIntent = WriteFile | RemoveFile
Intent = ClusterIntent | FileIntent | Tell


class Problem(Struct, frozen=True):
    """What is wrong with an object, in a word of `spo.model.reasons` and in a sentence; counted once while it lasts."""

    reason: str
    message: str


class Plan(Struct, frozen=True):
    """What to do for a key, in this order; safe to cut anywhere.

    `wake_at`: look again then, whatever happens. `about`: whom a failure of this plan concerns.
    """

    intents: tuple[Intent, ...] = ()
    wake_at: float | None = None
    about: About | None = None
    problem: Problem | None = None


NOTHING = Plan()
