"""List, then watch: turns the API server's bytes into events. Pure: a door asks it what to call next, and feeds it.

Rules of "Efficient detection of changes" (Kubernetes API concepts): list in pages, watch from the list's revision,
remember bookmarks, resume after a closed watch, list again after 410.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import cache
from typing import Any, cast

import msgspec
from msgspec import Raw, Struct

from spo.doors.wire import ApiRequest, status_of
from spo.events import Deaf, Event, Key, Listed, Seen, Vanished
from spo.interest import Interest

PAGE = 500  # objects a page, as client-go asks
WATCH_S = 300  # the server ends a watch after this; resuming costs one request


class Expired(Exception):
    """410: the server no longer knows our revision, or our place in the list. List again."""


class _ListMeta(Struct, frozen=True):
    resource_version: str = msgspec.field(name="resourceVersion", default="")
    continuation: str = msgspec.field(name="continue", default="")


class _Page(Struct, frozen=True):
    metadata: _ListMeta
    items: list[Raw]


class _Line(Struct, frozen=True):
    type: str
    object: Raw


class _Bookmark(Struct, frozen=True):
    metadata: _ListMeta


class Heard(Struct, frozen=True):
    """One line of a watch: the revision it stands for, and the event it is (none: a bookmark)."""

    revision: str
    event: Event | None


def hear(line: bytes, kind: str, keep: type[Any]) -> Heard:
    """Read one line of a watch. Raises Expired. Pure, so that many watchers of one line may share the answer."""
    read = _line_decoder().decode(line)
    if read.type == "ERROR":
        status = status_of(bytes(read.object))
        raise Expired(status.message)
    if read.type == "BOOKMARK":
        return Heard(msgspec.json.decode(read.object, type=_Bookmark).metadata.resource_version, None)
    value = _decode(read.object, keep)
    key = key_of(kind, value)
    event: Event = Vanished(key, keep) if read.type == "DELETED" else Seen(key, value)
    return Heard(value.metadata.resource_version, event)


def key_of(kind: str, value: Any) -> Key:
    return Key(kind, value.metadata.namespace, value.metadata.name)


class Reflector:
    """Where one interest stands: in the middle of a list, or in a watch at a revision."""

    def __init__(
        self, interest: Interest, hear: Callable[[bytes, str, type[Any]], Heard] = hear, watch_s: int = WATCH_S
    ) -> None:
        self.interest = interest
        self._hear = hear
        self._watch_s = watch_s
        self._revision = ""  # empty: list first
        self._continuation = ""
        self._names: set[tuple[str, str]] = set()
        self._deaf = False

    @property
    def watching(self) -> bool:
        """Is the next call a watch?"""
        return bool(self._revision)

    def call(self) -> ApiRequest:
        """What to ask next: a page of the list, or a watch from where we stand."""
        wanted = self.interest
        query = [("labelSelector", wanted.labels), ("fieldSelector", wanted.fields)]
        if self._revision:
            query += [
                ("watch", "true"),
                ("allowWatchBookmarks", "true"),
                ("resourceVersion", self._revision),
                ("timeoutSeconds", str(self._watch_s)),
            ]
        else:
            query += [("limit", str(PAGE)), ("continue", self._continuation)]
        path = wanted.resource.path(wanted.namespace)
        return ApiRequest("GET", path, tuple((name, value) for name, value in query if value))

    def page(self, body: bytes) -> Iterable[Event]:
        """Take in one page; the last one ends with `Listed`, and the next call is a watch."""
        page = _page_decoder().decode(body)
        events: list[Event] = []
        for item in page.items:
            value = _decode(item, self.interest.keep)
            key = key_of(self.interest.kind, value)
            self._names.add((key.namespace, key.name))
            events.append(Seen(key, value))
        self._continuation = page.metadata.continuation
        if not self._continuation:
            events.append(Listed(self.interest.keep, frozenset(self._names)))
            self._names, self._deaf = set(), False
            self._revision = page.metadata.resource_version
        return events

    def line(self, line: bytes) -> Event | None:
        """Take in one line of the watch. After Expired is raised the next call is a list."""
        try:
            heard = self._hear(line, self.interest.kind, self.interest.keep)
        except Expired:
            self.expire()
            raise
        self._revision = heard.revision
        return heard.event

    def lost(self) -> Iterable[Event]:
        """A list or watch was refused, or broke off. Gives `Deaf`, once."""
        if self._deaf:
            return ()
        self._deaf = True
        return (Deaf(self.interest.keep),)

    def found(self) -> Iterable[Event]:
        """A watch is open, and what was missed comes with it. Ends what `lost` began."""
        if not self._deaf:
            return ()
        self._deaf = False
        return (Listed(self.interest.keep),)

    def expire(self) -> None:
        """The server answered 410: start over with a full list."""
        self._revision = self._continuation = ""
        self._names = set()


def _decode(raw: Raw, keep: type[Any]) -> Any:
    """An object's kept fields. Objects written before their kind had a schema may have nulls; those count as absent."""
    try:
        return _decoder(cast(Hashable, keep)).decode(raw)
    except msgspec.ValidationError:
        return msgspec.convert(_without_nulls(msgspec.json.decode(raw)), keep)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value if inner is not None] if isinstance(value, list) else value


@cache
def _decoder(keep: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cast(type[Any], keep))


@cache
def _page_decoder() -> msgspec.json.Decoder[_Page]:
    return msgspec.json.Decoder(_Page)


@cache
def _line_decoder() -> msgspec.json.Decoder[_Line]:
    return msgspec.json.Decoder(_Line)
