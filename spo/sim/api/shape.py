"""How the parts of an object merge: the few facts that server-side apply and strategic merge patch need of a type."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Shape(Struct, frozen=True, kw_only=True):
    """One place in an object, and what is below it.

    A plain place (`PLAIN`) merges as a map if it turns out to be one, and is replaced whole if it is a list.
    """

    type: str = ""  # map, list, string, numeric, boolean; empty if it may be anything
    fields: Mapping[str, Shape] = {}  # named fields
    rest: Shape | None = None  # all others (PLAIN if not said), and the values of a free-form map
    items: Shape | None = None  # elements of a list
    keys: tuple[str, ...] = ()  # server-side apply: the list is associative, these identify an element
    defaults: Mapping[str, object] = {}  # keys that may be left out: `protocol: TCP`
    merge_key: str = ""  # strategic merge patch: the one key that identifies an element (patchMergeKey)
    unique: bool = False  # a list of scalars that merges as a set
    atomic: bool = False  # server-side apply replaces it whole

    def field(self, name: str) -> Shape:
        """What is known of the field `name`."""
        return self.fields.get(name) or self.rest or PLAIN

    @property
    def element(self) -> Shape:
        """What is known of a list's elements."""
        return self.items or PLAIN


PLAIN = Shape()
METADATA_SHAPE = Shape(
    fields={
        "finalizers": Shape(type="list", unique=True),
        "ownerReferences": Shape(type="list", keys=("uid",), merge_key="uid", items=Shape(atomic=True)),
    }
)
