"""The rules of CRDs (`x-kubernetes-validations`): where they stand, when they are judged, what they say.

A rule that calls what `cel.functions` does not know is kept and reported (`ValidationRule.test` is None): the CRD is
accepted, with a warning that says so. What rules could cost is not estimated beforehand; what one may do is limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

from spo.sim.api.cel.functions import Beyond, Maybe
from spo.sim.api.cel.language import BUDGET, ERRORS, Budget, Exhausted, Expression, Test, parse
from spo.sim.api.cel.tokens import Malformed
from spo.sim.api.custom.schema_validation import Key, show
from spo.sim.api.field_errors import as_json
from spo.sim.api.status import FieldError

Step = tuple[str, Any]  # ("field", name), ("items", merge keys) or ("values", None)

_NONE = object()
_SETTINGS = {"rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf"}
_FIELD_PATH = re.compile(r"(\.[A-Za-z_]\w*)+")
_OF_EVERY_OBJECT = ("apiVersion", "kind", "metadata")
_REASONS = {"FieldValueRequired": "Required value", "FieldValueForbidden": "Forbidden"}


class ValidationRule(Struct, frozen=True, kw_only=True):
    """One rule, and the place in the schema where it stands."""

    text: str
    message: str
    steps: tuple[Step, ...]
    test: Test | None  # None: not understood, not enforced
    transition: bool = False  # speaks of oldSelf, so it holds only for changes
    optional_old: bool = False  # speaks of it even where there is none
    telling: Test | None = None  # messageExpression
    reason: str = "FieldValueInvalid"
    below: tuple[str, ...] = ()  # fieldPath

    def check(self, obj: Any, old: Any) -> list[FieldError]:
        """What the rule has against the object; a value that has not changed is judged again only by comparing it."""
        if self.test is None:
            return []
        errors = []
        before_all = _NONE if old is None else old
        for value, before, path in _places(obj, before_all, self.steps, (), self.transition):
            if self.transition and before is _NONE and not self.optional_old:
                continue
            scope = {"self": value, "oldSelf": before, BUDGET: Budget()}
            if self.optional_old:
                scope["oldSelf"] = Maybe() if before is _NONE else Maybe(before)
            why = self._fault(scope)
            if why:
                errors.append(self._error(value, path, why))
        return errors

    def _fault(self, scope: Mapping[str, Any]) -> str:
        assert self.test is not None
        try:
            return "" if self.test(scope) is True else self._told(scope)
        except KeyError as missing:
            why = f"no such key: {missing.args[0]}"
        except TypeError:
            why = "no such overload"
        except Exhausted:
            return f"call cost exceeds limit for rule: {self.message}"
        except ERRORS as error:
            why = str(error)
        return f"{why} evaluating rule: {self.message}"

    def _told(self, scope: Mapping[str, Any]) -> str:
        try:
            told = self.telling(scope) if self.telling else ""
        except ERRORS:
            told = ""
        return told if isinstance(told, str) and told.strip() else self.message

    def _error(self, value: Any, path: Any, why: str) -> FieldError:
        for name in self.below:
            path = (path, name)
        if self.reason in _REASONS:
            return FieldError(show(path), self.reason, f"{_REASONS[self.reason]}: {why}")
        shown = "" if isinstance(value, (dict, list)) else f"{as_json(value)}: "
        return FieldError(show(path), "FieldValueInvalid", f"Invalid value: {shown}{why}")


def rules_of(node: Mapping[str, Any], steps: tuple[Step, ...] = ()) -> list[ValidationRule]:
    """All rules of a schema, outermost first."""
    rules = [_rule(spec, steps) for spec in node.get("x-kubernetes-validations") or ()]
    for name, child in (node.get("properties") or {}).items():
        rules += rules_of(child, (*steps, ("field", name)))
    if isinstance(node.get("items"), dict):
        keys = tuple(node.get("x-kubernetes-list-map-keys") or ())
        rules += rules_of(node["items"], (*steps, ("items", keys)))
    if isinstance(node.get("additionalProperties"), dict):
        rules += rules_of(node["additionalProperties"], (*steps, ("values", None)))
    return rules


def _rule(spec: Mapping[str, Any], steps: tuple[Step, ...]) -> ValidationRule:
    text, field_path = spec["rule"], spec.get("fieldPath") or ""
    test, telling = _compiled(text), _compiled(spec.get("messageExpression") or "")
    understood = not set(spec) - _SETTINGS and (not field_path or _FIELD_PATH.fullmatch(field_path))
    if spec.get("messageExpression") and telling is None:
        understood = False
    return ValidationRule(
        text=text,
        message=spec.get("message") or f"failed rule: {text}",
        steps=steps,
        test=test.value if test and understood else None,
        transition=bool(re.search(r"\boldSelf\b", text)),
        optional_old=bool(spec.get("optionalOldSelf")),
        telling=telling.value if telling else None,
        reason=spec.get("reason") or "FieldValueInvalid",
        below=tuple(field_path.split(".")[1:]),
    )


@lru_cache(1024)
def _compiled(text: str) -> Expression | None:
    try:
        return parse(text) if text else None
    except (Beyond, Malformed):
        return None


def fault_of(text: str, node: Mapping[str, Any], root: bool) -> str:
    """What the compiler has against a rule of a schema's node: it is no CEL, or reads a field that is not there."""
    try:
        expression = parse(text)
    except Beyond:
        return ""
    except Malformed as fault:
        return _pointed(text, fault.column, str(fault))
    for path in expression.paths:
        at: Mapping[str, Any] | None = node
        for depth, (name, column) in enumerate(path[1:]):
            if at is None or not _tells_its_fields(at):
                break
            if root and depth == 0 and name in _OF_EVERY_OBJECT:
                break
            if name not in at["properties"]:
                return _pointed(text, column, f"undefined field '{name}'")
            at = at["properties"][name]
    return ""


def _tells_its_fields(node: Mapping[str, Any]) -> bool:
    open_to_more = ("additionalProperties", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource")
    return bool(node.get("type") == "object" and node.get("properties")) and not any(map(node.get, open_to_more))


def _pointed(text: str, column: int, why: str) -> str:
    return f"ERROR: <input>:1:{column}: {why}\n | {text}\n | {'.' * (column - 1)}^"


def _places(
    value: Any, old: Any, steps: tuple[Step, ...], path: Any, unchanged: bool
) -> Iterator[tuple[Any, Any, Any]]:
    """Every value the steps lead to, with the old one it stands for; with `unchanged` even those that are the same."""
    if value == old and not unchanged:
        return
    if not steps:
        yield value, old, path
        return
    (kind, what), rest = steps[0], steps[1:]
    if kind == "items":
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _places(item, _same(item, old, what), rest, (path, index), unchanged)
    elif isinstance(value, dict):
        for name in [what] if kind == "field" else list(value):
            if name in value:
                before = old.get(name, _NONE) if isinstance(old, dict) else _NONE
                step = name if kind == "field" else Key(name)
                yield from _places(value[name], before, rest, (path, step), unchanged)


def _same(item: Any, old: Any, keys: tuple[str, ...]) -> Any:
    """The element of the old list with the same keys; elements of lists without keys do not correspond."""
    if keys and isinstance(item, dict) and isinstance(old, list):
        for before in old:
            if isinstance(before, dict) and all(before.get(key) == item.get(key) for key in keys):
                return before
    return _NONE
