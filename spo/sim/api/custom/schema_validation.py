"""Value validation of structural schemas, in the words of the API server (go-openapi/validate, via apiextensions).

A schema becomes one closure per node, made of small checks chosen by the value's type. Paths are built only for errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from spo.sim.api.field_errors import as_json, required, unsupported
from spo.sim.api.status import FieldError

Path = tuple[Any, ...]  # nested pairs (parent, step); a step is a name or an index; the root is ()
Errors = list[FieldError]
Check = Callable[[Any, Any, Path, Errors], None]  # (value, old value or something unequal to all, path, errors)
Node = Mapping[str, Any]

_TYPE_NAMES: dict[type, str] = {
    dict: "object", list: "array", str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null",
}  # fmt: skip
_ACCEPTED: dict[str, set[type]] = {
    "object": {dict}, "array": {list}, "string": {str}, "integer": {int}, "number": {int, float}, "boolean": {bool},
}  # fmt: skip
_INT_RANGES = {"int32": 1 << 31, "int64": 1 << 63}
_DATE_TIME = re.compile(
    r"\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])[Tt ]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]\d\d:?\d\d)"
)
_DATE = re.compile(r"\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])")
FORMATS = {"date-time": _DATE_TIME, "date": _DATE}  # formats of strings that are checked


def compile_check(node: Node) -> Check:
    """The check of one schema node and all below it."""
    accepted = _accepted(node)
    by_type = {kind: _checks(node, kind) for kind in (accepted or _TYPE_NAMES)}
    nullable = bool(node.get("nullable"))
    enum = _enum(node["enum"]) if node.get("enum") else None

    def check(value: Any, old: Any, path: Path, errors: Errors) -> None:
        if value == old:
            return  # ratcheting: what was accepted once and has not changed stays accepted
        if value is None and (nullable or not accepted):
            return
        kind = type(value)
        if accepted and kind not in accepted and not (kind is float and int in accepted and value.is_integer()):
            errors.append(_wrong_type(node, value, path))
        for single in by_type.get(kind, ()) or _despite(node, kind):
            single(value, old, path, errors)
        if enum:
            enum(value, old, path, errors)

    return check


class Key(str):
    """The key of a map, in a path of CEL's."""


def show(path: Path) -> str:
    """A path as error texts write it: `spec.rules[0].name`."""
    if not path:
        return ""
    parent, step = path
    before = show(parent)
    if isinstance(step, (int, Key)):
        return f"{before}[{step}]"
    return f"{before}.{step}" if before else str(step)


def go_pattern(pattern: str) -> re.Pattern[str]:
    """A Go regular expression for Python: there `$` is the very end. Raises re.error."""
    out, inside, escaped = [], False, False
    for char in pattern:
        if char == "$" and not inside and not escaped:
            out.append(r"\Z")
            continue
        inside = (inside or char == "[") and not (char == "]" and not escaped) if not escaped else inside
        escaped = char == "\\" and not escaped
        out.append(char)
    return re.compile("".join(out).replace(r"\z", r"\Z"))


def _accepted(node: Node) -> set[type]:
    if node.get("x-kubernetes-int-or-string"):
        return {int, str}
    return _ACCEPTED.get(node.get("type", ""), set())


def _checks(node: Node, kind: type) -> list[Check]:
    """The checks of a value of this Python type, in upstream's order."""
    if kind is str:
        return _of_strings(node)
    if kind in (int, float):
        return _of_numbers(node)
    if kind is list:
        return _of_lists(node)
    return _of_objects(node) if kind is dict else []


def _despite(node: Node, kind: type) -> list[Check]:
    """A number of the wrong kind is still held against its limits."""
    return _of_numbers(node) if kind is float and int in _accepted(node) and "type" in node else []


def _error(path: Path, reason: str, value: Any, why: str) -> FieldError:
    text = show(path)
    return FieldError(text, reason, f"Invalid value: {as_json(value)}: {text} in body {why}")


def _wrong_type(node: Node, value: Any, path: Path) -> FieldError:
    got, wanted = _TYPE_NAMES[type(value)], node.get("type") or "integer,string"
    if node.get("format") and not isinstance(value, (str, list, type(None))):
        # With a format, upstream compares formats instead of types.
        wanted, got = node["format"], {int: "int64", float: "float64"}.get(type(value), "")
    return _error(path, "FieldValueTypeInvalid", got, f"must be of type {wanted}: {as_json(got)}")


def _enum(allowed: list[Any]) -> Check:
    def check(value: Any, old: Any, path: Path, errors: Errors) -> None:
        if value not in allowed:
            errors.append(unsupported(show(path), value, allowed))

    return check


# -- strings -----------------------------------------------------------------------------------------------------


def _of_strings(node: Node) -> list[Check]:
    longest, shortest = node.get("maxLength"), node.get("minLength")
    pattern = go_pattern(node["pattern"]) if node.get("pattern") else None
    form = FORMATS.get(node.get("format", ""))
    if longest is None and shortest is None and pattern is None and form is None:
        return []

    def check(value: Any, old: Any, path: Path, errors: Errors) -> None:
        if longest is not None and len(value) > longest:  # the first failure is the only one told
            text = f"Too long: may not be more than {longest} bytes"
            errors.append(FieldError(show(path), "FieldValueTooLong", text))
        elif shortest is not None and len(value) < shortest:
            errors.append(_error(path, "FieldValueInvalid", value, f"should be at least {shortest} chars long"))
        elif pattern is not None and not pattern.search(value):
            errors.append(_error(path, "FieldValueInvalid", value, f"should match '{node['pattern']}'"))
        if form is not None and not form.fullmatch(value):
            why = f"must be of type {node['format']}: {as_json(value)}"
            errors.append(_error(path, "FieldValueTypeInvalid", value, why))

    return [check]


# -- numbers -----------------------------------------------------------------------------------------------------


def _of_numbers(node: Node) -> list[Check]:
    checks: list[Check] = []
    if node.get("type") == "integer":
        checks.append(_integer(node.get("format", "")))
    for keyword, exclusive, bad, words in (
        ("maximum", "exclusiveMaximum", lambda value, limit: value > limit, "less than"),
        ("minimum", "exclusiveMinimum", lambda value, limit: value < limit, "greater than"),
    ):
        if node.get(keyword) is not None:
            checks.append(_limit(node[keyword], bool(node.get(exclusive)), bad, words))
    if node.get("multipleOf"):
        checks.append(_multiple(node["multipleOf"]))
    return checks


def _integer(form: str) -> Check:
    limit = _INT_RANGES.get(form, _INT_RANGES["int64"])
    named = f"with format {form}" if form else "(default format)"

    def check(value: Any, old: Any, path: Path, errors: Errors) -> None:
        if value != int(value) or not -limit <= value < limit:
            text = f'Invalid value: "": Checked value must be of type integer {named} in {show(path)}'
            errors.append(FieldError("<nil>", "FieldValueInvalid", text))

    return check


def _limit(limit: float, exclusive: bool, bad: Callable[[float, float], bool], words: str) -> Check:
    why = f"should be {words} {'' if exclusive else 'or equal to '}{as_json(limit)}"

    def check(value: Any, old: Any, path: Path, errors: Errors) -> None:
        if bad(value, limit) or (exclusive and value == limit):
            errors.append(_error(path, "FieldValueInvalid", value, why))

    return check


def _multiple(of: float) -> Check:
    def check(value: Any, old: Any, path: Path, errors: Errors) -> None:
        if value % of:
            errors.append(_error(path, "FieldValueInvalid", value, f"should be a multiple of {as_json(of)}"))

    return check


# -- lists -------------------------------------------------------------------------------------------------------


def _of_lists(node: Node) -> list[Check]:
    checks: list[Check] = []
    if node.get("maxItems") is not None or node.get("minItems") is not None:
        checks.append(_count(node.get("maxItems"), node.get("minItems"), "items"))
    if isinstance(node.get("items"), dict):
        checks.append(_each(node["items"], node))
    if node.get("x-kubernetes-list-type") in ("set", "map"):
        checks.append(_unique(tuple(node.get("x-kubernetes-list-map-keys") or ())))
    return checks


def _count(most: int | None, least: int | None, what: str) -> Check:
    def check(value: Any, old: Any, path: Path, errors: Errors) -> None:
        if most is not None and len(value) > most:
            text = f"Too many: {len(value)}: must have at most {most} items"
            errors.append(FieldError(show(path), "FieldValueTooMany", text))
        if least is not None and len(value) < least:
            errors.append(_error(path, "FieldValueInvalid", len(value), f"should have at least {least} {what}"))

    return check


def _each(items: Node, owner: Node) -> Check:
    single = compile_check(items)
    # A list of plain strings is decided at one look.
    plain = {str} if items.get("type") == "string" and not set(items) - {"type", "description"} else set()
    keys = tuple(owner.get("x-kubernetes-list-map-keys") or ())

    def check(value: Any, old: Any, path: Path, errors: Errors) -> None:
        if plain and {type(item) for item in value} <= plain:
            return
        before = {_key(item, keys): item for item in old} if keys and isinstance(old, list) else {}
        for index, item in enumerate(value):
            single(item, before.get(_key(item, keys), check) if before else check, (path, index), errors)

    return check


def _unique(keys: tuple[str, ...]) -> Check:
    def check(value: Any, old: Any, path: Path, errors: Errors) -> None:
        seen = set()
        for index, item in enumerate(value):
            key = _key(item, keys)
            if key in seen:
                errors.append(FieldError(f"{show(path)}[{index}]", "FieldValueDuplicate", f"Duplicate value: {key}"))
            seen.add(key)

    return check


def _key(item: Any, keys: tuple[str, ...]) -> str:
    if keys and isinstance(item, dict):
        return as_json({key: item[key] for key in keys if key in item})
    return as_json(item)


# -- objects -----------------------------------------------------------------------------------------------------


def _of_objects(node: Node) -> list[Check]:
    checks: list[Check] = []
    if node.get("required"):
        checks.append(_required(tuple(node["required"])))
    if node.get("maxProperties") is not None or node.get("minProperties") is not None:
        checks.append(_count(node.get("maxProperties"), node.get("minProperties"), "properties"))
    properties = {name: compile_check(child) for name, child in (node.get("properties") or {}).items()}
    additional = node.get("additionalProperties")
    rest = compile_check(additional) if isinstance(additional, dict) else None
    if properties or rest:
        checks.append(_fields(properties, rest))
    return checks


def _required(names: tuple[str, ...]) -> Check:
    def check(value: Any, old: Any, path: Path, errors: Errors) -> None:
        for name in names:
            if name not in value:
                errors.append(required(show((path, name))))

    return check


def _fields(properties: dict[str, Check], rest: Check | None) -> Check:
    def check(value: Any, old: Any, path: Path, errors: Errors) -> None:
        before = old if isinstance(old, dict) else {}
        for name, item in value.items():
            single = properties.get(name, rest)
            if single is not None:
                single(item, before.get(name, check), (path, name), errors)

    return check
