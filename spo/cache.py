"""The last known world, with one writer; and `View`, the face of it that decisions see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from spo.events import Deaf, Event, FileSeen, Key, Listed, Seen, Vanished
from spo.interest import Interest

T = TypeVar("T")


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
    """Read-only: what is known, and the time at which it is looked at."""

    def __init__(self, interests: Iterable[Interest], indexes: Iterable[Index[Any]] = ()) -> None:
        interests = tuple(interests)
        self.now = 0.0  # seconds since 1970, told by the loop before each look
        self._kind_of: dict[type[Any], str] = {interest.keep: interest.kind for interest in interests}
        self._values: dict[str, dict[tuple[str, str], Any]] = {interest.kind: {} for interest in interests}
        self._timed = {interest.kind for interest in interests if interest.timed}
        self._seen_at: dict[Key, float] = {}
        self._indexes: dict[str, list[Index[Any]]] = {}
        self._found: dict[Index[Any], dict[str, dict[tuple[str, str], None]]] = {}
        for index in indexes:
            self._indexes.setdefault(self._kind_of[index.keep], []).append(index)
            self._found[index] = {}
        self._files: dict[str, str] = {}
        self._listed: set[str] = set()
        self._deaf: set[str] = set()

    def one(self, keep: type[T], namespace: str, name: str) -> T | None:
        """The object of that name, or None: there is none."""
        return self._values[self._kind_of[keep]].get((namespace, name))

    def all(self, keep: type[T]) -> list[T]:
        """Every object of a kind, in the order of namespace and name."""
        values = self._values[self._kind_of[keep]]
        return [values[name] for name in sorted(values)]

    def count(self, keep: type[T]) -> int:
        return len(self._values[self._kind_of[keep]])

    def among(self, index: Index[T], word: str) -> list[T]:
        """The objects found under `word`, in the order of namespace and name."""
        values = self._values[self._kind_of[index.keep]]
        return [values[name] for name in sorted(self._found[index].get(word, ()))]

    def file(self, path: str) -> str | None:
        """SHA-256 (hex) of a file in our directory, or None: there is none."""
        return self._files.get(path)

    def files(self) -> Iterator[str]:
        return iter(sorted(self._files))

    def seen_at(self, key: Key) -> float:
        """When we first saw the present version of an object, by our own clock (only for timed interests)."""
        return self._seen_at.get(key, 0.0)

    def knows(self, kinds: Sequence[str]) -> bool:
        """Has the first full list of each of these kinds come in?"""
        return self._listed.issuperset(kinds)

    def hears(self, kind: str) -> bool:
        """Does news of this kind still reach us? If not, what is known of it may be old."""
        return kind not in self._deaf


class Cache(View):
    """The one writer."""

    def apply(self, event: Event) -> Iterable[Change]:
        """Take in an event; gives what it changed."""
        match event:
            case Seen(key, value):
                before = self._put(key, value)
                if before is None or before.metadata.resource_version != value.metadata.resource_version:
                    yield Change(key, before, value)
            case Vanished(key):
                before = self._drop(key)
                if before is not None:
                    yield Change(key, before, None)
            case FileSeen(path, sha256):
                known = self._files.pop(path, None)
                if sha256 is not None:
                    self._files[path] = sha256
                if known != sha256:
                    yield Change(Key("File", "", path), known, sha256)
            case Deaf(kind):
                self._deaf.add(kind)
            case Listed(kind, names):
                self._listed.add(kind)
                self._deaf.discard(kind)
                if names is not None:
                    for namespace, name in sorted(self._values[kind].keys() - names):
                        key = Key(kind, namespace, name)
                        yield Change(key, self._drop(key), None)

    def _put(self, key: Key, value: Any) -> Any:
        name = (key.namespace, key.name)
        values = self._values[key.kind]
        before = values.get(name)
        for index in self._indexes.get(key.kind, ()):
            if before is not None:
                self._unfind(index, before, name)
            for word in index.words(value):
                self._found[index].setdefault(word, {})[name] = None
        values[name] = value
        if key.kind in self._timed and (
            before is None or before.metadata.resource_version != value.metadata.resource_version
        ):
            self._seen_at[key] = self.now
        return before

    def _drop(self, key: Key) -> Any:
        name = (key.namespace, key.name)
        before = self._values[key.kind].pop(name, None)
        if before is not None:
            for index in self._indexes.get(key.kind, ()):
                self._unfind(index, before, name)
        self._seen_at.pop(key, None)
        return before

    def _unfind(self, index: Index[Any], value: Any, name: tuple[str, str]) -> None:
        found = self._found[index]
        for word in index.words(value):
            if word in found:
                found[word].pop(name, None)
                if not found[word]:
                    del found[word]
