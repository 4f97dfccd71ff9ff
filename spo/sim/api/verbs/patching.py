"""JSON merge patch (RFC 7386) and JSON patch (RFC 6902), with the liberties of the library behind the API server.

Both are pure: they give a new object that shares nothing with the old one or the patch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spo.sim.api.kinds import Object, clone
from spo.sim.api.status import ApiError, bad_request

OPERATIONS_MAX = 10_000

_JSON_NAMES = {str: "string", int: "number", float: "number", bool: "bool", list: "array", dict: "object"}


def json_type(value: Any) -> str:
    """What encoding/json calls the type of a decoded value."""
    return _JSON_NAMES.get(type(value), "null")


def merge_patch(obj: Object, patch: Any) -> Object:
    """`obj` with `patch` merged in: null deletes, lists are replaced whole. Raises ApiError 400 if it is no object."""
    if patch is None:
        raise bad_request("Invalid JSON Patch")
    if not isinstance(patch, dict):
        wrong = json_type(patch)
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {wrong} into Go value of type map[string]interface {{}}"
        )
    merged: Object = _merged(obj, patch)
    return merged


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return clone(patch)
    kept = target if isinstance(target, dict) else {}
    result: Object = clone({key: value for key, value in kept.items() if key not in patch})
    for key, value in patch.items():
        if value is not None:
            result[key] = _merged(kept.get(key), value)
    return result


# -- JSON patch --------------------------------------------------------------------------------------------------


class _Refused(Exception):
    """One operation does not apply. Which one, the API server does not tell."""


def json_patch(obj: Object, operations: Any) -> Object:
    """`obj` with the operations carried out in order, or not at all.

    Raises ApiError 400 if it is no list, 413 for too many operations, and 422 with always the same sentence if one of
    them does not apply (recorded; `replace` and `test` forgive a missing key, see `_replace` and `_test`).
    """
    if not isinstance(operations, list):
        wrong = json_type(operations)
        raise bad_request(f"json: cannot unmarshal {wrong} into Go value of type jsonpatch.Patch")
    if len(operations) > OPERATIONS_MAX:
        text = f"The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {len(operations)}"
        raise ApiError(413, "RequestEntityTooLarge", text)
    document = clone(obj)
    try:
        for operation in operations:
            _carry_out(document, operation)
    except _Refused:
        raise ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {}) from None
    patched: Object = document
    return patched


def _carry_out(document: Any, operation: Any) -> None:
    if not isinstance(operation, dict):
        raise _Refused
    action = _ACTIONS.get(operation.get("op", ""))
    if action is None:
        raise _Refused
    action(document, operation)


def _add(document: Any, operation: Object) -> None:
    _put(document, operation.get("path"), clone(operation.get("value")))


def _remove(document: Any, operation: Object) -> None:
    _cut(document, operation.get("path"))


def _replace(document: Any, operation: Object) -> None:
    """On a map a key that is not there is as good as one that is; on a list it is not."""
    container, key = _find(document, operation.get("path"))
    if isinstance(container, dict):
        container[key] = clone(operation.get("value"))
    else:
        container[_index(key, len(container))] = clone(operation.get("value"))


def _test(document: Any, operation: Object) -> None:
    """A key that is not there equals null."""
    container, key = _find(document, operation.get("path"))
    if _get(container, key) != operation.get("value"):
        raise _Refused


def _move(document: Any, operation: Object) -> None:
    _put(document, operation.get("path"), _cut(document, operation.get("from")))


def _copy(document: Any, operation: Object) -> None:
    _put(document, operation.get("path"), clone(_get(*_find(document, operation.get("from")))))


_ACTIONS: dict[str, Callable[[Any, Object], None]] = {
    "add": _add, "remove": _remove, "replace": _replace, "test": _test, "move": _move, "copy": _copy,
}  # fmt: skip


def _find(document: Any, pointer: Any) -> tuple[Any, str]:
    """The map or list that the last step of a pointer looks into, and that step."""
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise _Refused
    *way, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/"))
    container = document
    for step in way:
        container = _get(container, step)
    if not isinstance(container, (dict, list)):
        raise _Refused
    return container, last


def _get(container: Any, key: str) -> Any:
    if isinstance(container, dict):
        return container.get(key)
    if isinstance(container, list):
        return container[_index(key, len(container))]
    raise _Refused


def _put(document: Any, pointer: Any, value: Any) -> None:
    container, key = _find(document, pointer)
    if isinstance(container, dict):
        container[key] = value
    else:
        container.insert(len(container) if key == "-" else _index(key, len(container) + 1), value)


def _cut(document: Any, pointer: Any) -> Any:
    container, key = _find(document, pointer)
    if isinstance(container, list):
        return container.pop(_index(key, len(container)))
    if key not in container:
        raise _Refused
    return container.pop(key)


def _index(key: str, length: int) -> int:
    if not key.isdecimal() or (len(key) > 1 and key[0] == "0") or int(key) >= length:
        raise _Refused
    return int(key)
