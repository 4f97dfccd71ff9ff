"""What the world tells us. Everything the operator knows came in as one of these.

Each says which interest it is news of, by the type that the interest keeps (`keep`): of one kind there may be several.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

FILE_KIND = "File"  # the kind of the keys that name files in our directory


class Key(Struct, frozen=True, order=True):
    """Names one object, or one duty, of a kind. Orders by kind, then namespace, then name."""

    kind: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Seen(Struct, frozen=True):
    """An object exists, and this is what we keep of it: an instance of the interest's `keep`."""

    key: Key
    value: Any

    @property
    def keep(self) -> type[Any]:
        return type(self.value)


class Vanished(Struct, frozen=True):
    """An object is gone, or no longer one that the interest selects."""

    key: Key
    keep: type[Any]


class Listed(Struct, frozen=True):
    """The full list of an interest is in (`FileSeen`: of our directory): from now on, not there means there is none.

    `names` are the (namespace, name) pairs that exist; others that we remember are gone. `None`: nothing to forget.
    """

    keep: type[Any]
    names: frozenset[tuple[str, str]] | None = None


class Deaf(Struct, frozen=True):
    """News of an interest no longer reaches us: until the next `Listed` of it, what we remember may be old."""

    keep: type[Any]


class FileSeen(Struct, frozen=True):
    """A file in our directory has these bytes (SHA-256 in hex), or is absent (`None`). Kept as itself."""

    path: str
    sha256: str | None

    @property
    def key(self) -> Key:
        return Key(FILE_KIND, "", self.path)

    @property
    def keep(self) -> type[Any]:
        return FileSeen


Event = Seen | Vanished | Listed | Deaf | FileSeen
