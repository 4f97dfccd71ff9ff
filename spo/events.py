"""What the world tells us. Everything the operator knows came in as one of these."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Key(Struct, frozen=True, order=True):
    """Names one object, or one duty, of a kind. Orders by kind, then namespace, then name."""

    kind: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Seen(Struct, frozen=True):
    """An object exists, and this is what we keep of it (an instance of the interest's `keep`)."""

    key: Key
    value: Any


class Vanished(Struct, frozen=True):
    """An object that we knew is gone."""

    key: Key


class Listed(Struct, frozen=True):
    """A full list of a kind is in (`File`: of our directory on the node): from now on, not there means there is none.

    `names` are the (namespace, name) pairs that exist; others that we remember are gone. `None`: nothing to forget.
    """

    kind: str
    names: frozenset[tuple[str, str]] | None = None


class Deaf(Struct, frozen=True):
    """News of a kind no longer reaches us: until the next `Listed` of it, what we remember may be old."""

    kind: str


class FileSeen(Struct, frozen=True):
    """A file in our directory has these bytes (SHA-256 in hex), or is absent (`None`)."""

    path: str
    sha256: str | None


Event = Seen | Vanished | Listed | Deaf | FileSeen
