"""Watch: the one place where a change becomes lines for those who watch (cacher of apiserver's storage)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial

import msgspec
from msgspec import Struct

from spo.sim.api.attempt import Asker, NewsAttempt, asker_of, news_of
from spo.sim.api.call import Call, answer
from spo.sim.api.http import Response, Stream
from spo.sim.api.resources import Served, converted, rendered, shaped
from spo.sim.api.revisions import revision_of, too_large
from spo.sim.api.routing import truth
from spo.sim.api.status import ApiError, expired
from spo.sim.api.verbs.listing import Lister, Selection, check_list_options, number, selection
from spo.sim.faults import Gate
from spo.sim.store import Change, Compacted, Record, Store, StoreKey
from spo.sim.timeline import SECOND_NS, Alarm, Timeline

BOOKMARK_EVERY_S = 60.0
BOOKMARK_BEFORE_END_S = 2.0
TIMEOUT_S_MIN = 1800  # --min-request-timeout: without timeoutSeconds, a watch lasts once to twice as long

_INITIALIZING = "storage is (re)initializing"
_TOO_OLD = "The resourceVersion for the provided watch is too old."  # the store says so

Bucket = tuple[str, str, str]  # what the watchers in it have in common: dimension, key, value
EVERYTHING: Bucket = ("", "", "")


class Watcher:
    """One open watch."""

    __slots__ = ("alarms", "asker", "bookmarks", "bucket", "late", "selected", "sent", "since", "stream")

    def __init__(self, asker: Asker, selected: Selection, stream: Stream, bookmarks: bool, sent: int) -> None:
        self.asker = asker
        self.selected = selected
        self.stream = stream
        self.bookmarks = bookmarks
        self.since = sent  # nothing up to this revision is news
        self.sent = sent  # the last revision it was told of
        self.bucket = bucket_of(selected)
        self.alarms: list[Alarm] = []
        self.late: list[tuple[int, bytes]] = []  # lines that a fault keeps back, and until when

    def keep_back(self, line: bytes, timeline: Timeline, late_s: float) -> None:
        """Send a line so much later; none overtakes another."""
        due_ns = timeline.now_ns + round(late_s * SECOND_NS)
        if self.late:
            due_ns = max(due_ns, self.late[-1][0])
        self.late.append((due_ns, line))
        timeline.at(due_ns, lambda: self.stream.push(self.late.pop(0)[1]))

    def break_off(self, gone: bool) -> None:
        """End the stream; `gone`: with 410."""
        if gone:
            self.stream.push(event_line("ERROR", msgspec.json.encode(expired(_TOO_OLD).status())))
        self.stream.close()


def bucket_of(selected: Selection) -> Bucket:
    """The narrowest thing a watcher's objects have in common: an event visits only the buckets it could concern."""
    fields = selected.fields
    name = fields.equality("metadata.name")
    if name is not None:
        return "name", "", name
    node = fields.equality("spec.nodeName")
    if node is not None:
        return "node", "", node
    label = selected.labels.equality()
    if label is not None:
        return "label", *label
    return ("namespace", "", selected.namespace) if selected.namespace else EVERYTHING


class Channel:
    """The watchers of one resource, by bucket, in order of their making."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], dict[str, dict[Watcher, None]]] = {}

    def add(self, watcher: Watcher) -> None:
        what, key, value = watcher.bucket
        self._buckets.setdefault((what, key), {}).setdefault(value, {})[watcher] = None

    def remove(self, watcher: Watcher) -> None:
        what, key, value = watcher.bucket
        values = self._buckets.get((what, key), {})
        values.get(value, {}).pop(watcher, None)
        if value in values and not values[value]:
            del values[value]
        if (what, key) in self._buckets and not values:
            del self._buckets[what, key]

    def concerned(self, change: Change) -> list[Watcher]:
        """Watchers that a change could concern; few, if they said what they want."""
        found: list[Watcher] = []
        for (what, key), values in self._buckets.items():
            seen: list[str] = []
            for record in (change.before, change.after):
                value = None if record is None else _value(record, what, key)
                if value is not None and value not in seen:
                    seen.append(value)
                    found += values.get(value, ())
        return found

    def __iter__(self) -> Iterator[Watcher]:
        return (
            watcher
            for values in list(self._buckets.values())
            for inside in list(values.values())
            for watcher in list(inside)
        )


def _value(record: Record, what: str, key: str) -> str | None:
    match what:
        case "name":
            return record.key.name
        case "node":
            return record.node
        case "label":
            return record.labels.get(key)
        case "namespace":
            return record.key.namespace
    return ""


class Lines:
    """The lines one change makes: built when first needed, then shared by all who get them."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._lines: dict[tuple[str, bytes], bytes] = {}
        self._fields: dict[tuple[int, bytes], Mapping[str, str]] = {}

    def line_for(self, selected: Selection) -> bytes | None:
        """What a watcher with this selection is told, if anything."""
        change = self._change
        before = change.before is not None and selected.matches(change.before, lambda r: self._open(selected, r))
        after = change.after is not None and selected.matches(change.after, lambda r: self._open(selected, r))
        if after:
            return self._line("MODIFIED" if before else "ADDED", selected.served)
        return self._line("DELETED", selected.served) if before else None

    def _open(self, selected: Selection, record: Record) -> Mapping[str, str]:
        place = (record.revision, selected.served.head)
        found = self._fields.get(place)
        if found is None:
            found = self._fields[place] = selected.open(record)
        return found

    def _line(self, kind: str, served: Served) -> bytes:
        place = (kind, served.head)
        found = self._lines.get(place)
        if found is None:
            found = self._lines[place] = event_line(kind, self._body(kind, served))
        return found

    def _body(self, kind: str, served: Served) -> bytes:
        change = self._change
        if kind != "DELETED":
            assert change.after is not None
            return rendered(served, change.after)
        if change.deleted is not None:
            return rendered(served, change.deleted)
        # It only left the selection: the old content, at the revision of the change.
        assert change.before is not None
        old = converted(served, change.before)
        old["metadata"]["resourceVersion"] = str(change.revision)
        return msgspec.json.encode(shaped(served, old))


def event_line(kind: str, body: bytes) -> bytes:
    return b'{"type":"%b","object":%b}\n' % (kind.encode(), body)


class WatchOptions(Struct):
    version: str
    initial: bool | None  # sendInitialEvents
    bookmarks: bool
    timeout_s: int


class Hub:
    """All open watches."""

    def __init__(self, store: Store, timeline: Timeline, lister: Lister, gate: Gate) -> None:
        self._store = store
        self._timeline = timeline
        self._lister = lister
        self._gate = gate
        self._channels: dict[str, Channel] = {}
        self._began = 0  # the revision at the last restart: what the watch cache knows begins there
        self._warm: set[str] = set()  # custom resources that were watched since
        self._beat: Alarm | None = None  # bookmarks, as long as someone wants them
        self._mark = ((0, b""), b"")  # the last bookmark: its revision, whose it is, its line
        self._news: deque[Change] = deque()
        self._telling = False
        self.delivered = 0  # lines told to watchers, ever

    def on_change(self, change: Change) -> None:
        """Tell who is concerned; a change made by someone who was just told waits until all have heard of this one."""
        self._news.append(change)
        if self._telling:
            return
        self._telling = True
        try:
            while self._news:
                self._spread(self._news.popleft())
        finally:
            self._telling = False

    def _spread(self, change: Change) -> None:
        channel = self._channels.get(change.key.resource)
        if channel is None:
            return
        lines = Lines(change)
        for watcher in channel.concerned(change):
            if change.revision > watcher.since:
                line = lines.line_for(watcher.selected)
                if line is not None:
                    self._tell(watcher, line, change.revision, change.key)

    def watch(self, call: Call) -> Response:
        """Open a watch. Raises ApiError 400, 422, 429, 500; a revision that is gone comes as an event of the stream."""
        check_list_options(call, watching=True, features=self._lister.features)
        self._check_warm(call.served)
        selected = selection(call)
        query = call.query
        options = WatchOptions(
            query.get("resourceVersion", ""),
            truth(query["sendInitialEvents"]) if "sendInitialEvents" in query else None,
            truth(query.get("allowWatchBookmarks")),
            number(query, "timeoutSeconds"),
        )
        wanted = revision_of(options.version) if options.version else 0
        stream = call.make_stream()
        try:
            self._start(asker_of(call.user, call.request), selected, stream, options, wanted)
        except ApiError as error:
            stream.push(event_line("ERROR", msgspec.json.encode(error.status())))
            stream.close()
        response = answer(200, b"", call.warnings)
        return Response(200, response.headers, b"", stream)

    def end(self, storage: str) -> None:
        """Close every watch of a resource: it is served no more."""
        for watcher in self._channels.get(storage, Channel()):
            watcher.stream.close()

    def restart(self) -> None:
        """A new process: every watch has ended, and its cache knows nothing of the past. The storage stays as it is."""
        for storage in list(self._channels):
            self.end(storage)
        self._began = self._store.revision
        self._warm.clear()

    def watchers(self, storage: str) -> int:
        return sum(1 for _ in self._channels.get(storage, ()))

    def _check_warm(self, served: Served) -> None:
        """After a restart a custom resource's cache begins to fill when somebody watches. Raises ApiError 429."""
        cached = self._lister.features.watch_cache
        if self._began and cached and served.kind.custom and served.storage not in self._warm:
            self._warm.add(served.storage)
            details = {"retryAfterSeconds": 1}
            raise ApiError(429, "TooManyRequests", _INITIALIZING, details, (("Retry-After", "1"),))

    def _start(self, asker: Asker, selected: Selection, stream: Stream, options: WatchOptions, wanted: int) -> None:
        now = self._store.revision
        if wanted > now and options.initial:
            raise too_large(wanted, now, self._lister.features.watch_cache)
        # Without a revision, or from "0", the objects that stand come first, unless that was declined.
        initial = options.initial if options.initial is not None else wanted == 0
        watcher = Watcher(asker, selected, stream, options.bookmarks, max(now, wanted))
        if initial:
            for record in self._lister.now(selected):
                stream.push(event_line("ADDED", rendered(selected.served, record)))
            if options.bookmarks and (options.initial or options.version == ""):
                stream.push(event_line("BOOKMARK", _bookmark(selected.served, now, initial_end=True)))
        elif wanted:
            self._replay(watcher, wanted)
        self._enter(watcher, options.timeout_s)

    def _replay(self, watcher: Watcher, since: int) -> None:
        """What happened since; nothing, if `since` is still to come."""
        served = watcher.selected.served
        cached = self._lister.features.watch_cache
        known = max(served.since, self._began)
        oldest = max(self._store.compacted, known)
        too_old = expired(f"too old resource version: {since} ({oldest})" if cached else _TOO_OLD)
        if cached and since < known:
            raise too_old
        try:
            changes = self._store.since(since)
        except Compacted:
            raise too_old from None
        for change in changes:
            if change.key.resource == served.storage:
                line = Lines(change).line_for(watcher.selected)
                if line is not None:
                    watcher.stream.push(line)

    # -- life of a watch -----------------------------------------------------------------------------------------

    def _enter(self, watcher: Watcher, timeout_s: int) -> None:
        channel = self._channels.setdefault(watcher.selected.served.storage, Channel())
        channel.add(watcher)
        watcher.stream.on_close = lambda: self._leave(watcher)
        lasts = timeout_s or TIMEOUT_S_MIN * (1 + self._timeline.rng.random())
        watcher.alarms.append(self._timeline.after(lasts, watcher.stream.close, idle=True))
        if watcher.bookmarks:
            if lasts > BOOKMARK_BEFORE_END_S:
                last = self._timeline.after(lasts - BOOKMARK_BEFORE_END_S, lambda: self._bookmark(watcher), idle=True)
                watcher.alarms.append(last)
            if self._beat is None:
                self._beat = self._timeline.after(BOOKMARK_EVERY_S, self._on_beat, idle=True)

    def _leave(self, watcher: Watcher) -> None:
        storage = watcher.selected.served.storage
        if storage in self._channels:
            self._channels[storage].remove(watcher)
        for alarm in watcher.alarms:
            self._timeline.cancel(alarm)
        watcher.stream.on_close = None  # each would keep the other alive, until a search for garbage finds the pair

    def _tell(self, watcher: Watcher, line: bytes, revision: int, key: StoreKey | None = None) -> None:
        """`key`: of the object that it is about."""
        if not self._gate.armed:
            self._send(watcher, line, revision)
            return
        news = news_of(watcher.asker, watcher.selected.served, line, key)
        send = partial(self._send, watcher, line, revision)
        self._gate.strike(NewsAttempt(news, send, watcher.break_off))

    def _send(self, watcher: Watcher, line: bytes, revision: int, late_s: float = 0.0) -> None:
        watcher.sent = revision
        self.delivered += 1
        if late_s or watcher.late:
            watcher.keep_back(line, self._timeline, late_s)
        else:
            watcher.stream.push(line)

    def _on_beat(self) -> None:
        wanted = False
        for channel in list(self._channels.values()):
            for watcher in channel:
                if watcher.bookmarks:
                    wanted = True
                    self._bookmark(watcher)
        self._beat = self._timeline.after(BOOKMARK_EVERY_S, self._on_beat, idle=True) if wanted else None

    def _bookmark(self, watcher: Watcher) -> None:
        """Say how far the watch has come, if the client does not know."""
        revision, served = self._store.revision, watcher.selected.served
        if watcher.sent < revision:
            place = (revision, served.head)
            if self._mark[0] != place:  # the same line for all who get one now
                self._mark = (place, event_line("BOOKMARK", _bookmark(served, revision)))
            self._tell(watcher, self._mark[1], revision)


def _bookmark(served: Served, revision: int, initial_end: bool = False) -> bytes:
    metadata = b'{"resourceVersion":"%d"}' % revision
    if initial_end:
        metadata = b'{"annotations":{"k8s.io/initial-events-end":"true"},"resourceVersion":"%d"}' % revision
    return served.head + b'"metadata":' + metadata + b"}"
