"""List: consistent, exact and paged, all derived from the store's revisions (GetList of apiserver's storage)."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from spo.sim.api import fieldselectors, selectors
from spo.sim.api.call import Call, answer, options_refused, whole_number
from spo.sim.api.features import DEFAULTS, Features
from spo.sim.api.fieldselectors import FieldSelector
from spo.sim.api.http import Response
from spo.sim.api.lookup import Lookup, dimension
from spo.sim.api.resources import Served, converted, rendered
from spo.sim.api.revisions import revision_of, too_large
from spo.sim.api.selectors import LabelSelector
from spo.sim.api.status import ApiError, FieldError, bad_request, expired
from spo.sim.store import Compacted, Record, Store
from spo.sim.timeline import Timeline

EXACT, NOT_OLDER = "Exact", "NotOlderThan"
_TOKEN_VERSION = "meta.k8s.io/v1"
COMPACT_EVERY_S = 300.0  # --etcd-compaction-interval: so a token lasts for five to ten minutes
_SNAPSHOTS_MAX = 4  # of lists in the past, for the pages that follow
_EXPIRED_TOKEN = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
_EXPIRED_LIST = "The resourceVersion for the provided list is too old."


class Page(Struct):
    """Some records of a list at one revision; `following` is the token for the rest, if there is any."""

    records: list[Record]
    revision: int
    following: str = ""
    remaining: int | None = None


class Selection(Struct, frozen=True):
    """Which objects a list or a watch is about."""

    served: Served
    namespace: str
    labels: LabelSelector
    fields: FieldSelector

    @property
    def everything(self) -> bool:
        return not self.labels.requirements and not self.fields.terms

    def matches(self, record: Record, fields: Callable[[Record], Mapping[str, str]] | None = None) -> bool:
        if self.namespace and record.key.namespace != self.namespace:
            return False
        return self.labels.matches(record.labels) and self.fields.matches(record, fields or self.open)

    def open(self, record: Record) -> Mapping[str, str]:
        return self.served.kind.fields(converted(self.served, record))


def selection(call: Call) -> Selection:
    """Raises ApiError 400."""
    namespace = call.key.namespace
    return Selection(
        call.served,
        namespace,
        selectors.parse(call.query.get("labelSelector", "")),
        fieldselectors.parse(call.query.get("fieldSelector", ""), call.served.kind),
    )


def check_list_options(call: Call, watching: bool, features: Features = DEFAULTS) -> None:
    """Refuse what cannot be asked together (ValidateListOptions). Raises ApiError 400 or 422."""
    query = call.query
    for name in ("limit", "timeoutSeconds"):
        number(query, name)
    match, version = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    initial = query.get("sendInitialEvents")
    faults: list[tuple[str, str]] = []
    if watching and initial is not None and not features.watch_list:
        why = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
        faults.append(("sendInitialEvents", f"Forbidden: {why}"))
    elif watching:
        faults = _watch_faults(match, query)
    else:
        if initial is not None:
            faults.append(("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list"))
        if match:
            faults += _match_faults(match, version, query.get("continue", ""))
    if faults:
        errors = [FieldError(path, _reason(message), message) for path, message in faults]
        raise options_refused("ListOptions", errors)


def _match_faults(match: str, version: str, following: str) -> list[tuple[str, str]]:
    path = "resourceVersionMatch"
    if following:
        return [(path, "Forbidden: resourceVersionMatch is forbidden when continue is provided")]
    if not version:
        return [(path, "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided")]
    if match == EXACT and version == "0":
        return [(path, 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"')]
    if match not in (EXACT, NOT_OLDER):
        return [(path, f'Unsupported value: "{match}": supported values: "{EXACT}", "{NOT_OLDER}", ""')]
    return []


def _watch_faults(match: str, query: Mapping[str, str]) -> list[tuple[str, str]]:
    path = "resourceVersionMatch"
    faults = []
    if "sendInitialEvents" in query:
        if match != NOT_OLDER:
            faults.append((path, "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
    elif match:
        faults.append(
            (path, "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
        )
    if match and match != NOT_OLDER:
        faults.append((path, f'Unsupported value: "{match}": supported values: "{NOT_OLDER}"'))
    if query.get("continue"):
        faults.append((path, "Forbidden: resourceVersionMatch is forbidden when continue is provided"))
    return faults


def _reason(message: str) -> str:
    return "FieldValueForbidden" if message.startswith("Forbidden") else "FieldValueNotSupported"


def number(query: Mapping[str, str], name: str) -> int:
    """A number of the query; 0 if there is none. Raises ApiError 400."""
    text = query.get(name, "")
    return whole_number(text) if text else 0


class Lister:
    """Answers lists."""

    def __init__(self, store: Store, lookup: Lookup, features: Features, timeline: Timeline) -> None:
        self.features = features
        self._store = store
        self._lookup = lookup
        self._snapshots: dict[tuple[int, str, str], list[Record]] = {}
        self._timeline = timeline
        self._exact_from = self._seen = 0  # lists of the past begin here; the newest revision at the last compaction
        self._compactions = 0  # that are due: two after each token, and none in a cluster where nobody pages

    def answer(self, call: Call) -> Response:
        page = self.page(call)
        return answer(200, list_body(call.served, page), call.warnings)

    def page(self, call: Call) -> Page:
        """One page, or all. Raises ApiError 400, 410, 422 or 504."""
        check_list_options(call, watching=False)
        selected = selection(call)
        query = call.query
        version, match, limit = (
            query.get("resourceVersion", ""),
            query.get("resourceVersionMatch", ""),
            number(query, "limit"),
        )
        if token := query.get("continue"):
            if version not in ("", "0"):
                raise bad_request("specifying resource version is not allowed when using continue")
            return self._continue(selected, token, limit)
        try:
            wanted = revision_of(version) if version else 0
        except ApiError as error:
            raise bad_request(f"invalid resource version: {error.message}") from None
        if wanted > self._store.revision:
            raise too_large(wanted, self._store.revision, self.features.watch_cache)
        if version == "0":
            limit = 0  # the watch cache answers, and gives all it has
        exact = match == EXACT or (limit > 0 and wanted > 0 and not match) or call.request.method == "DELETE"
        if wanted and exact:
            return self._past(selected, wanted, None, limit, _EXPIRED_LIST)
        return self._newest(selected, limit)

    def now(self, selected: Selection) -> list[Record]:
        """What matches at the newest revision, in key order."""
        return self._newest(selected, 0).records

    def _token(self, revision: int, last: str) -> str:
        """A token that ages."""
        if not self._compactions:
            self._seen = self._store.revision
            self._timeline.after(COMPACT_EVERY_S, self._compact, idle=True)
        self._compactions = 2
        return _write_token(revision, last)

    def _compact(self) -> None:
        """Forget how lists stood before the last compaction."""
        self._exact_from, self._seen = self._seen, self._store.revision
        self._compactions -= 1
        if self._compactions:
            self._timeline.after(COMPACT_EVERY_S, self._compact, idle=True)

    def _newest(self, selected: Selection, limit: int) -> Page:
        storage, revision = selected.served.storage, self._store.revision
        use = dimension(selected.labels, selected.fields)
        found = self._lookup.find(storage, *use) if use else None
        walk = iter(self._store.scan(storage, selected.namespace) if found is None else found)
        chosen, more = _take(selected, walk, limit)
        if not more:
            return Page(chosen, revision)
        remaining = None
        if selected.everything:
            remaining = 1 + sum(1 for _ in walk) if selected.namespace else self._store.count(storage) - len(chosen)
        return Page(chosen, revision, self._token(revision, _place(selected, chosen[-1])), remaining)

    def _past(self, selected: Selection, revision: int, start: str | None, limit: int, too_old: str) -> Page:
        """A page of the list as it stood, from a snapshot that serves the pages after it, too."""
        records = self._snapshot(revision, selected, too_old)
        begin = 0 if start is None else bisect_right(records, _place_of(start, selected.namespace), key=_position)
        walk = (records[index] for index in range(begin, len(records)))
        chosen, more = _take(selected, walk, limit)
        if not more:
            del self._snapshots[_snapshot_name(revision, selected)]
            return Page(chosen, revision)
        remaining = len(records) - begin - len(chosen) if selected.everything else None
        return Page(chosen, revision, self._token(revision, _place(selected, chosen[-1])), remaining)

    def _continue(self, selected: Selection, token: str, limit: int) -> Page:
        revision, start = _read_token(token)
        if revision < 0:  # a token handed out with a 410: go on, at whatever is there now
            revision = self._store.revision
        try:
            return self._past(selected, revision, start, limit, _EXPIRED_TOKEN)
        except ApiError as error:
            error.continuation = _write_token(-1, start)  # type: ignore[attr-defined]
            raise

    def _snapshot(self, revision: int, selected: Selection, too_old: str) -> list[Record]:
        name = _snapshot_name(revision, selected)
        found = self._snapshots.get(name)
        if revision < self._exact_from:
            raise expired(too_old)
        if found is None or revision < self._store.compacted:
            try:
                found = self._store.as_of(revision, selected.served.storage, selected.namespace)
            except Compacted:
                raise expired(too_old) from None
            self._snapshots[name] = found
            while len(self._snapshots) > _SNAPSHOTS_MAX:
                del self._snapshots[next(iter(self._snapshots))]
        return found


def _take(selected: Selection, walk: Iterator[Record], limit: int) -> tuple[list[Record], bool]:
    """The next `limit` records that match (0: all), and whether there is any record beyond them."""
    chosen: list[Record] = []
    for record in walk:
        if limit > 0 and len(chosen) == limit:
            return chosen, True
        if selected.everything or selected.matches(record):
            chosen.append(record)
    return chosen, False


def _snapshot_name(revision: int, selected: Selection) -> tuple[int, str, str]:
    return revision, selected.served.storage, selected.namespace


def _position(record: Record) -> tuple[str, str]:
    return record.key.namespace, record.key.name


def _place(selected: Selection, last: Record) -> str:
    key = last.key
    return key.name if selected.namespace or not key.namespace else f"{key.namespace}/{key.name}"


def list_body(served: Served, page: Page) -> bytes:
    """The answer, joined from the stored bytes: items of built-in kinds go without their type."""
    metadata: dict[str, Any] = {"resourceVersion": str(page.revision)}
    if served.kind.custom:
        metadata = {"continue": page.following, **metadata}
    elif page.following:
        metadata["continue"] = page.following
    if page.remaining is not None:
        metadata["remainingItemCount"] = page.remaining
    shown = msgspec.json.encode(metadata)
    version = served.kind.resource.api_version
    if served.kind.custom:
        items = b",".join([rendered(served, record) for record in page.records])
        return b'{"apiVersion":"%b","items":[%b],"kind":"%b","metadata":%b}' % (
            version.encode(),
            items,
            served.list_kind.encode(),
            shown,
        )
    cut = len(served.head)
    items = b",".join([b"{" + rendered(served, record)[cut:] for record in page.records])
    return b'{"kind":"%b","apiVersion":"%b","metadata":%b,"items":[%b]}' % (
        served.list_kind.encode(),
        version.encode(),
        shown,
        items,
    )


def _write_token(revision: int, last: str) -> str:
    token = msgspec.json.encode({"v": _TOKEN_VERSION, "rv": revision, "start": last + "\0"})
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def _read_token(token: str) -> tuple[int, str]:
    """Revision and the last name seen. Raises ApiError 400."""
    try:
        if not all(sign.isascii() and (sign.isalnum() or sign in "-_") for sign in token):
            position = next(
                i for i, sign in enumerate(token) if not (sign.isascii() and (sign.isalnum() or sign in "-_"))
            )
            raise _Unreadable(f"illegal base64 data at input byte {position}")
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        raise _bad_token(f"illegal base64 data at input byte {len(token)}") from None
    except _Unreadable as fault:
        raise _bad_token(str(fault)) from None
    try:
        decoded = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        raise _bad_token(f"invalid character '{chr(raw[0]) if raw else ''}' looking for beginning of value") from None
    if not isinstance(decoded, dict) or decoded.get("v") != _TOKEN_VERSION:
        raise _bad_token("server does not recognize this encoded version")
    return int(decoded["rv"]), str(decoded["start"]).rstrip("\0")


class _Unreadable(Exception):
    pass


def _bad_token(why: str) -> ApiError:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")


def _place_of(start: str, namespace: str) -> tuple[str, str]:
    if namespace:
        return namespace, start
    space, _, name = start.rpartition("/")
    return space, name
