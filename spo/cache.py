"""The last known world, with one writer; and `View`, the face of it that decisions see.

Rules
    1. What is known is told apart by the type that is kept of it: one interest, one type, one table.
    2. One writer, `Cache.apply`, for what came in as an event; decisions and marks see a `View`.
    3. Not knowing is not the same as knowing there is nothing. Before the first full list of an interest (`knows`: no)
       an absent object may exist; while its news does not reach us (`hears`: no) it may, too, and a present one be old.

Expected flow
    Seen …, Listed: from here on absence counts → Seen, Vanished … as they happen
    Deaf → Listed without names (the watch goes on where it was cut), or a new full list: what is not on it is gone

Guarantees
    An event is taken in whole before any of its changes is told. A version that we have already is no change.
    Values and what is found by an index come in the order of namespace and name, whatever order they were heard in.
    `seen_at` counts from when a version first came, by the clock of this process.

Assumptions
    Values never change; their `metadata` has a `resource_version`. An index's words depend on nothing but the value.
    The events of one interest come in the order in which the server told them.

Does not
    ask anybody, forget by itself, compare contents, or take in what somebody only means to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from spo.events import Deaf, Event, FileSeen, Key, Listed, Seen, Vanished
from spo.interest import Interest

T = TypeVar("T")
Name = tuple[str, str]  # namespace and name


class Index(Generic[T]):
    """A way to find values: `words` gives what a value can be found under."""

    def __init__(self, keep: type[T], words: Callable[[T], Iterable[str]]) -> None:
        self.keep = keep
        self.words = words


class Change(NamedTuple):
    """What an event changed: the key, and what we knew of it before and after (`None`: not there)."""

    key: Key
    before: Any
    after: Any


class View:
    """Read-only: what is known, and the time at which it is looked at. `keep`: which interest it is asked of."""

    def __init__(self, interests: Iterable[Interest], indexes: Iterable[Index[Any]] = ()) -> None:
        """Raises ValueError if two interests keep the same type: nobody could tell what is known of each."""
        interests = tuple(interests)
        self.now = 0.0  # seconds since 1970, told by the loop before each look
        self._kind_of = _kinds_by_keep(interests)
        self._values: dict[type[Any], dict[Name, Any]] = {each.keep: {} for each in interests}
        self._seen_at: dict[type[Any], dict[Name, float]] = {each.keep: {} for each in interests if each.timed}
        self._indexes: dict[type[Any], list[Index[Any]]] = {each.keep: [] for each in interests}
        self._found: dict[Index[Any], dict[str, dict[Name, None]]] = {}
        for index in indexes:
            self._indexes[index.keep].append(index)
            self._found[index] = {}
        self._files: dict[str, str] = {}
        self._listed: set[type[Any]] = set()
        self._deaf: set[type[Any]] = set()

    def one(self, keep: type[T], namespace: str, name: str) -> T | None:
        """The object of that name, or None: there is none."""
        return self._values[keep].get((namespace, name))

    def all(self, keep: type[T]) -> list[T]:
        """Every object, in the order of namespace and name."""
        values = self._values[keep]
        return [values[name] for name in sorted(values)]

    def count(self, keep: type[Any]) -> int:
        return len(self._values[keep])

    def among(self, index: Index[T], word: str) -> list[T]:
        """The objects found under `word`, in the order of namespace and name."""
        values = self._values[index.keep]
        return [values[name] for name in sorted(self._found[index].get(word, ()))]

    def file(self, path: str) -> str | None:
        """SHA-256 (hex) of a file in our directory, or None: there is none."""
        return self._files.get(path)

    def files(self) -> Iterator[str]:
        return iter(sorted(self._files))

    def seen_at(self, keep: type[Any], namespace: str, name: str) -> float:
        """When we first saw the present version of an object, by our own clock (only for timed interests)."""
        return self._seen_at[keep].get((namespace, name), 0.0)

    def knows(self, keeps: Iterable[type[Any]]) -> bool:
        """Has the first full list of each of these come in?"""
        return self._listed.issuperset(keeps)

    def hears(self, keep: type[Any]) -> bool:
        """Does news of it still reach us? If not, what is known of it may be old."""
        return keep not in self._deaf


class Cache(View):
    """The one writer."""

    def apply(self, event: Event) -> Sequence[Change]:
        """Take in an event, at once; gives what it changed."""
        match event:
            case Seen(key, value):
                before = self._put(event.keep, (key.namespace, key.name), value)
                return () if _same_version(before, value) else (Change(key, before, value),)
            case Vanished(key, keep):
                before = self._drop(keep, (key.namespace, key.name))
                return () if before is None else (Change(key, before, None),)
            case Listed(keep, names):
                self._listed.add(keep)
                self._deaf.discard(keep)
                return () if names is None else self._forget_others(keep, names)
            case Deaf(keep):
                self._deaf.add(keep)
                return ()
            case FileSeen(path, sha256):
                known = self._files.pop(path, None)
                if sha256 is not None:
                    self._files[path] = sha256
                return () if known == sha256 else (Change(event.key, known, sha256),)

    def _put(self, keep: type[Any], name: Name, value: Any) -> Any:
        values = self._values[keep]
        before = values.get(name)
        for index in self._indexes[keep]:
            if before is not None:
                self._unfind(index, before, name)
            for word in index.words(value):
                self._found[index].setdefault(word, {})[name] = None
        values[name] = value
        if keep in self._seen_at and not _same_version(before, value):
            self._seen_at[keep][name] = self.now
        return before

    def _drop(self, keep: type[Any], name: Name) -> Any:
        before = self._values[keep].pop(name, None)
        if before is not None:
            for index in self._indexes[keep]:
                self._unfind(index, before, name)
        self._seen_at.get(keep, {}).pop(name, None)
        return before

    def _forget_others(self, keep: type[Any], names: frozenset[Name]) -> list[Change]:
        kind, gone = self._kind_of[keep], sorted(self._values[keep].keys() - names)
        return [Change(Key(kind, *name), self._drop(keep, name), None) for name in gone]

    def _unfind(self, index: Index[Any], value: Any, name: Name) -> None:
        found = self._found[index]
        for word in index.words(value):
            if word in found:
                found[word].pop(name, None)
                if not found[word]:
                    del found[word]


def _same_version(before: Any, value: Any) -> bool:
    return before is not None and before.metadata.resource_version == value.metadata.resource_version


def _kinds_by_keep(interests: Iterable[Interest]) -> dict[type[Any], str]:
    kinds: dict[type[Any], str] = {}
    for interest in interests:
        keep, kind = interest.keep, interest.kind
        if keep in kinds:
            raise ValueError(
                f"two interests, in {kinds[keep]} and {kind}, keep {keep.__name__}: each needs its own type"
            )
        kinds[keep] = kind
    return kinds
