"""Strategic merge patch: merging by the keys of a kind's lists, and the directives a patch can carry.

Follows strategicpatch of apimachinery; what merges how stands in the kind's `Shape`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spo.sim.api.kinds import Kind, Object, clone
from spo.sim.api.shape import Shape
from spo.sim.api.status import ApiError, bad_request
from spo.sim.api.verbs.patching import json_type

_PATCH = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"


def strategic_merge(obj: Object, patch: Any, kind: Kind) -> Object:
    """`obj` with `patch` merged in by the rules of its kind; pure.

    Raises ApiError 400 if the patch is no object, and 500 (as recorded: no reason) for a directive or element that
    cannot be understood.
    """
    if not isinstance(patch, dict):
        wrong = json_type(patch)
        raise bad_request(f"json: cannot unmarshal {wrong} into Go value of type map[string]interface {{}}")
    merged: Object = _merge_map(obj, patch, kind.shape)
    return merged


def _broken(text: str) -> ApiError:
    return ApiError(500, "", text)


# -- maps --------------------------------------------------------------------------------------------------------


def _merge_map(target: Any, patch: Object, shape: Shape) -> Object:
    live = target if isinstance(target, dict) else {}
    directive = patch.get(_PATCH)
    if directive == "delete":
        return {}
    if directive == "replace":
        return {key: clone(value) for key, value in patch.items() if key != _PATCH}
    if directive not in (None, "merge"):
        raise _broken(f"unknown patch type: {directive} in map: {go_text(patch)}")
    retained = patch.get(_RETAIN)
    result = {key: clone(value) for key, value in live.items() if retained is None or key in retained}
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge_value(result.get(key), value, patch, key, shape.field(key))
    for field in _directed(patch):
        _directions_only(result, patch, field, shape.field(field))
    return result


def _merge_value(live: Any, value: Any, patch: Object, key: str, shape: Shape) -> Any:
    if isinstance(value, dict):
        return _merge_map(live, value, shape)
    if isinstance(value, list) and (shape.merge_key or shape.unique):
        order = patch.get(_ORDER + key)
        return _merge_list(live if isinstance(live, list) else [], value, order, patch.get(_DELETE + key), shape)
    return clone(value)


def _directed(patch: Object) -> list[str]:
    """Fields of which the patch gives only directions: an order, or elements to take out."""
    named = (key.partition("/")[2] for key in patch if key.startswith((_ORDER, _DELETE)))
    return [field for field in dict.fromkeys(named) if field not in patch]


def _directions_only(result: Object, patch: Object, field: str, shape: Shape) -> None:
    live = result.get(field)
    if isinstance(live, list):
        result[field] = _merge_list(live, [], patch.get(_ORDER + field), patch.get(_DELETE + field), shape)


# -- lists -------------------------------------------------------------------------------------------------------


def _merge_list(live: list[Any], patch: list[Any], order: Any, deleted: Any, shape: Shape) -> list[Any]:
    if shape.unique:
        gone = deleted or []
        merged = [item for item in dict.fromkeys([*live, *patch]) if item not in gone]
        return _ordered(merged, live, patch if order is None else order, lambda item: item)
    return _merge_objects(live, patch, order, shape)


def _merge_objects(live: list[Any], patch: list[Any], order: Any, shape: Shape) -> list[Any]:
    key = shape.merge_key
    entries = [item for item in patch if set(item) != {_PATCH}]
    if any(item.get(_PATCH) == "replace" for item in patch):
        return [{name: clone(value) for name, value in item.items() if name != _PATCH} for item in entries]

    def identity(item: Any) -> Any:
        if not isinstance(item, dict) or key not in item:
            raise _broken(f"map: {go_text(item)} does not contain declared merge key: {key}")
        return item[key]

    merged = [clone(item) for item in live]
    for entry in entries:
        wanted = identity(entry)
        if entry.get(_PATCH) == "delete":
            merged = [item for item in merged if identity(item) != wanted]
            continue
        place = next((index for index, item in enumerate(merged) if identity(item) == wanted), None)
        if place is None:
            merged.append(_merge_map({}, entry, shape.element))
        else:
            merged[place] = _merge_map(merged[place], entry, shape.element)
    wanted_order = entries if order is None else order
    return _ordered(merged, live, wanted_order, identity)


def _ordered(merged: list[Any], live: list[Any], wanted: list[Any], identity: Callable[[Any], Any]) -> list[Any]:
    """Elements of the patch in its order; the others keep theirs, each before the next one it stood before."""
    order = [identity(item) for item in wanted]
    before = [identity(item) for item in live]
    ours = sorted((item for item in merged if identity(item) in order), key=lambda item: order.index(identity(item)))
    others = [item for item in merged if identity(item) not in order]
    result: list[Any] = []
    while ours and others:
        first, second = identity(others[0]), identity(ours[0])
        stood_before = first in before and second in before and before.index(first) < before.index(second)
        result.append((others if stood_before else ours).pop(0))
    return [*result, *others, *ours]


def go_text(value: Any) -> str:
    """A value as Go prints it with %v: `map[image:a name:b]`."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(item)}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, list):
        return "[" + " ".join(go_text(item) for item in value) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
