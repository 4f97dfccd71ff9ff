"""Sets of fields, as server-side apply keeps them: every leaf of an object as a path of FieldsV1 steps.

A step is `f:name`, `k:{"name":"x"}` (an element of an associative list) or `v:"x"` (an element of a set).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from spo.sim.api.kinds import Object
from spo.sim.api.shape import Shape

FieldPath = tuple[str, ...]
EXISTS = object()  # what stands at the path of an element that is owned field by field

# Set by the server, or what says which object it is; nobody owns them (managedfields, stripSet).
_NOBODYS = {
    ("f:apiVersion",), ("f:kind",), ("f:metadata",),
    *(("f:metadata", f"f:{name}") for name in (
        "name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "selfLink", "managedFields",
        "deletionTimestamp", "deletionGracePeriodSeconds",
    )),
}  # fmt: skip


def leaves(obj: Object, shape: Shape) -> dict[FieldPath, Any]:
    """Every path somebody can own, with the value there. Atomic maps and lists are one leaf, and so are empty ones."""
    found: dict[FieldPath, Any] = {}
    for name, value in obj.items():
        _walk(value, shape.field(name), (f"f:{name}",), found)
    return {path: value for path, value in found.items() if path[:2] not in _NOBODYS}


def _walk(value: Any, shape: Shape, path: FieldPath, found: dict[FieldPath, Any]) -> None:
    if isinstance(value, dict) and value and not shape.atomic:
        for name, item in value.items():
            _walk(item, shape.field(name), (*path, f"f:{name}"), found)
    elif isinstance(value, list) and value and (shape.keys or shape.unique):
        for item in value:
            place = (*path, step_of(item, shape))
            if isinstance(item, dict) and not shape.element.atomic:
                found[place] = EXISTS
                _walk(item, shape.element, place, found)
            else:
                found[place] = item
    else:
        found[path] = value


def step_of(item: Any, shape: Shape) -> str:
    """The step that names an element of a set or an associative list."""
    if not shape.keys:
        return f"v:{_json(item)}"
    keys = {key: item.get(key, shape.defaults.get(key)) for key in sorted(shape.keys)}
    return f"k:{_json({key: value for key, value in keys.items() if value is not None})}"


def to_fields(paths: Iterable[FieldPath]) -> Object:
    """`fieldsV1` of a managedFields entry."""
    root: Object = {}
    for path in sorted(paths):
        node = root
        for step in path:
            node = node.setdefault(step, {})
        if path[-1].startswith("k:"):
            node["."] = {}
    return root


def from_fields(fields: Mapping[str, Any]) -> set[FieldPath]:
    """The set a `fieldsV1` stands for."""
    return set(_from(fields, ()))


def _from(fields: Mapping[str, Any], path: FieldPath) -> Iterator[FieldPath]:
    for step, below in fields.items():
        if step == ".":
            yield path
        elif below:
            yield from _from(below, (*path, step))
        else:
            yield (*path, step)


def show(path: FieldPath) -> str:
    """A path as conflict texts write it: `.spec.rules[name="x"].weight`."""
    text = ""
    for step in path:
        kind, _, rest = step.partition(":")
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            text += "[" + ",".join(f"{key}={_json(value)}" for key, value in json.loads(rest).items()) + "]"
        else:
            text += f"[={rest}]"
    return text


def remove(value: Any, path: FieldPath, shape: Shape, kept: Collection[FieldPath] = (), depth: int = 0) -> None:
    """Take what stands at `path` out of an object, and every map or list that becomes empty by it and is not `kept`.

    `value` is what stands at the first `depth` steps of the path.
    """
    step, last = path[depth], depth == len(path) - 1
    if isinstance(value, dict):
        name = step[2:]
        if name in value:
            if not last:
                remove(value[name], path, shape.field(name), kept, depth + 1)
            if last or (value[name] in ({}, []) and path[: depth + 1] not in kept):
                del value[name]
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if step_of(item, shape) == step:
                if last:
                    del value[index]
                else:
                    remove(item, path, shape.element, kept, depth + 1)
                return


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
