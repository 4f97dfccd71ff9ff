"""Other views of objects than the whole: a `Table` for people, `PartialObjectMetadata` for those who need no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from spo.sim.api.call import Call
from spo.sim.api.encoding.negotiation import PARTIAL, PARTIALS, TABLE, Form, not_acceptable
from spo.sim.api.http import Response, Stream
from spo.sim.api.kinds import Column, Kind, Object
from spo.sim.api.status import ApiError, bad_request
from spo.sim.api.tables import cells, jsonpath
from spo.sim.api.tables.ages import since
from spo.sim.api.tables.pods import row_conditions

METADATA, OBJECT, NONE = "Metadata", "Object", "None"  # includeObject: what stands beside the cells of a row


class View:
    """One request's view: turns whole objects, lists and events into what was asked for."""

    def __init__(self, call: Call, form: Form, now_s: Callable[[], float]) -> None:
        """Raises ApiError 400 for options that cannot be."""
        self._kind = call.served.kind
        self._layout = _layout(self._kind, call.route.subresource)
        self._form = form
        self._now_s = now_s
        self._include = call.query.get("includeObject", "") or METADATA
        self._headed = False  # columns are told once a watch
        if form.kind == TABLE and self._include not in (METADATA, OBJECT, NONE):
            raise bad_request(
                f'Unable to convert to Table as requested: includeObject: Invalid value: "{self._include}": must be '
                "'Metadata', 'Object', 'None', or empty"
            )

    def answer(self, response: Response) -> Response:
        """A whole answer. Raises ApiError 406 or 500 if it cannot be shown this way."""
        if response.status >= 300:
            return response
        whole = msgspec.json.decode(response.body, type=_Whole)
        if whole.kind == "Status":
            return response
        is_list = bool(whole.items) and whole.kind.endswith("List")
        shown = self._shown(_opened(whole) if is_list else msgspec.json.decode(response.body), is_list)
        return Response(response.status, response.headers, msgspec.json.encode(shown))

    def event(self, line: bytes) -> bytes:
        """A line of a watch, or what stands for it in protobuf."""
        event: Object = msgspec.json.decode(line)
        if self._form.kind and event["type"] != "ERROR":
            event["object"] = self._shown(event["object"], False)
        if self._form.media == "protobuf":
            from spo.sim.api.encoding.protobuf import encode_event  # as rare as the clients that want it

            frame = encode_event(event["type"], event["object"])
            assert frame is not None, "every kind that can be watched in protobuf has a message"
            return frame
        return msgspec.json.encode(event) + b"\n"

    def _shown(self, obj: Object, is_list: bool) -> Object:
        if self._form.kind == TABLE:
            return self._table(obj, is_list)
        if self._form.kind == PARTIAL:
            if is_list:
                what = "*unstructured.UnstructuredList" if self._kind.custom else f"*{self._kind.resource.kind}List"
                raise not_acceptable(f"you requested {PARTIAL}, but the requested object is a list ({what})")
            return self._partial(obj)
        if not is_list:
            raise ApiError(500, "", "content is not a list")
        items = [_closed(self._partial(item)) for item in obj["items"]]
        return {"kind": PARTIALS, "apiVersion": self._form.version, "metadata": _list_metadata(obj), "items": items}

    def _partial(self, obj: Object) -> Object:
        return {"kind": PARTIAL, "apiVersion": self._form.version, "metadata": obj["metadata"]}

    def _table(self, obj: Object, is_list: bool) -> Object:
        metadata = _list_metadata(obj) if is_list else {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        table: Object = {"kind": TABLE, "apiVersion": self._form.version, "metadata": metadata}
        table["columnDefinitions"] = None if self._headed else self._layout[0]
        self._headed = True
        table["rows"] = [_closed(self._row(item)) for item in (obj["items"] if is_list else (obj,))]
        return table

    def _row(self, obj: Object) -> Object:
        row: Object = {"cells": self._layout[1](obj, self._now_s())}
        conditions = row_conditions(obj) if self._kind.resource.plural == "pods" else ()
        if conditions:
            row["conditions"] = conditions
        row["object"] = self._beside(obj)
        return row

    def _beside(self, obj: Object) -> Object | None:
        if self._include == OBJECT:
            resource = self._kind.resource
            return {"kind": resource.kind, "apiVersion": resource.api_version, **obj}
        return self._partial(obj) if self._include == METADATA else None


class _Whole(Struct):
    """An answer of which only the outside is read."""

    kind: str = ""
    metadata: Object = {}
    items: msgspec.Raw = msgspec.Raw()


def _opened(whole: _Whole) -> Object:
    """A list whose items are read when their turn comes: all at once, 15,500 pods are half a gigabyte."""
    items = msgspec.json.decode(whole.items, type=list[msgspec.Raw])
    return {"metadata": whole.metadata, "items": map(msgspec.json.decode, items)}


def _closed(obj: Object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(obj))


class ViewStream(Stream):
    """A watch through a view."""

    __slots__ = ("_view",)

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def push(self, line: bytes) -> None:
        super().push(self._view.event(line))


def _list_metadata(obj: Object) -> Object:
    """Of a list in another form: nothing is said of pages that do not follow."""
    return {name: value for name, value in obj["metadata"].items() if value != ""}


# -- columns and cells -------------------------------------------------------------------------------------------


@cache
def _columns() -> dict[str, list[tuple[str, str, str, int, str]]]:
    path = files("spo.sim.api.builtin") / "columns.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, list[tuple[str, str, str, int, str]]])


def _layout(kind: Kind, subresource: str) -> tuple[list[Object], Callable[[Object, float], list[Any]]]:
    """The columns of a kind's tables, and what fills a row."""
    columns = _columns()
    name = kind.resource.storage
    print_row = cells.TABLE.get(name, cells.CREATED)
    if subresource == "scale":
        rows, print_row = columns[cells.SCALES], cells.TABLE[cells.SCALES]
    elif kind.custom:
        own = [(c.name, c.type, c.format, c.priority, _description(c)) for c in kind.columns]
        return _definitions([columns[_PLAIN][0], *own]), lambda obj, now_s: _custom_row(kind, obj, now_s)
    else:
        rows = columns.get(name) or columns[_PLAIN]
    return _definitions(rows), lambda obj, now_s: print_row(cells.Row(obj, now_s))


_PLAIN = "limitranges"  # its columns are those of a kind without any of its own: name, and when it was created


def _definitions(rows: Sequence[tuple[str, str, str, int, str]]) -> list[Object]:
    order = ("name", "type", "format", "priority", "description")
    return [dict(zip(order, row, strict=True)) for row in rows]


def _description(column: Column) -> str:
    return column.description or f"Custom resource definition column (in JSONPath format): {column.json_path}"


def _custom_row(kind: Kind, obj: Object, now_s: float) -> list[Any]:
    return [obj["metadata"].get("name", ""), *(_custom(column, obj, now_s) for column in kind.columns)]


def _custom(column: Column, obj: Object, now_s: float) -> Any:
    """One cell of a custom resource; None where there is nothing, or nothing of the column's type."""
    found = jsonpath.find(obj, column.json_path)
    value = found[0] if found else None
    if value is None:
        return None
    return _AS[column.type](value, now_s) if column.type in _AS else None


def _text(value: Any, now_s: float) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _whole(value: Any, now_s: float) -> int | None:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _real(value: Any, now_s: float) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _truth(value: Any, now_s: float) -> bool | None:
    return value if isinstance(value, bool) else None


def _age(value: Any, now_s: float) -> str | None:
    return since(value, now_s) if isinstance(value, str) else None


_AS = {"string": _text, "integer": _whole, "number": _real, "boolean": _truth, "date": _age}
