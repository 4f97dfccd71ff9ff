"""The small part of CEL that rules of CRDs mostly use: paths from self and oldSelf, has(), size(), comparison, logic.

A rule beyond it is kept and reported (`Rule.test` is None): the CRD is accepted, with a warning that says so.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from spo.sim.api.fielderrors import as_json
from spo.sim.api.schema_validation import show
from spo.sim.api.status import FieldError

Test = Callable[[Any, Any], Any]  # (self, oldSelf) → value; KeyError: no such field; TypeError: no such overload
Step = tuple[str, Any]  # ("field", name), ("items", merge keys) or ("values", None)

_TOKEN = re.compile(r"""\s*(?:(&&|\|\||[=!<>]=|[!<>().])|([A-Za-z_]\w*)|(-?\d+)|"([^"\\]*)"|'([^'\\]*)')""")
_COMPARE = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_LITERALS = {"true": True, "false": False, "null": None}
_NONE = object()


class Rule(Struct, frozen=True):
    """One rule of `x-kubernetes-validations` and the place in the schema where it stands."""

    text: str
    message: str
    steps: tuple[Step, ...]
    test: Test | None  # None: not understood, not enforced
    transition: bool  # speaks of oldSelf, so it holds only for changes

    def check(self, obj: Any, old: Any) -> list[FieldError]:
        """What the rule has against the object; a value that has not changed is not judged again."""
        if self.test is None:
            return []
        errors = []
        for value, before, path in _places(obj, _NONE if old is None else old, self.steps, ()):
            if self.transition and before is _NONE:
                continue
            try:
                fine, why = self.test(value, before), self.message
            except KeyError as missing:
                fine, why = False, f"no such key: {missing.args[0]} evaluating rule: {self.message}"
            except TypeError:
                fine, why = False, f"no such overload evaluating rule: {self.message}"
            if fine is not True:
                shown = "" if isinstance(value, (dict, list)) else f"{as_json(value)}: "
                errors.append(FieldError(show(path), "FieldValueInvalid", f"Invalid value: {shown}{why}"))
        return errors


def rules_of(node: Mapping[str, Any], steps: tuple[Step, ...] = ()) -> list[Rule]:
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


def _rule(spec: Mapping[str, Any], steps: tuple[Step, ...]) -> Rule:
    text = spec["rule"]
    test = None if set(spec) - {"rule", "message"} else _parse(text)
    message = spec.get("message") or f"failed rule: {text}"
    return Rule(text, message, steps, test, bool(re.search(r"\boldSelf\b", text)))


def _places(value: Any, old: Any, steps: tuple[Step, ...], path: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Every value the steps lead to, unless it or what it is part of is unchanged; with the old value it stands for."""
    if value == old:
        return
    if not steps:
        yield value, old, path
        return
    (kind, what), rest = steps[0], steps[1:]
    if kind == "items":
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _places(item, _same(item, old, what), rest, (path, index))
    elif isinstance(value, dict):
        for name in [what] if kind == "field" else list(value):
            if name in value:
                before = old.get(name, _NONE) if isinstance(old, dict) else _NONE
                yield from _places(value[name], before, rest, (path, name))


def _same(item: Any, old: Any, keys: tuple[str, ...]) -> Any:
    """The element of the old list with the same keys; elements of lists without keys do not correspond."""
    if keys and isinstance(item, dict) and isinstance(old, list):
        for before in old:
            if isinstance(before, dict) and all(before.get(key) == item.get(key) for key in keys):
                return before
    return _NONE


# -- the language ------------------------------------------------------------------------------------------------


class _Beyond(Exception):
    """Not in the part of CEL we know."""


def _parse(text: str) -> Test | None:
    try:
        tokens = _tokens(text)
        test = _any(tokens)
        return None if tokens else test
    except _Beyond:
        return None


def _tokens(text: str) -> list[tuple[str, Any]]:
    tokens: list[tuple[str, Any]] = []
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise _Beyond(text[at:])
        sign, word, number, double, single = found.groups()
        if sign:
            tokens.append((sign, sign))
        elif word:
            tokens.append(("word", word))
        else:
            literal = int(number) if number else double if double is not None else single
            tokens.append(("literal", literal))
        at = found.end()
    return tokens


def _take(tokens: list[tuple[str, Any]], kind: str) -> Any:
    """The next token, if it is of that kind; removed. Raises _Beyond otherwise."""
    if not tokens or tokens[0][0] != kind:
        raise _Beyond(kind)
    return tokens.pop(0)[1]


def _any(tokens: list[tuple[str, Any]]) -> Test:
    tests = [_all(tokens)]
    while tokens and tokens[0][0] == "||":
        tokens.pop(0)
        tests.append(_all(tokens))
    return tests[0] if len(tests) == 1 else lambda new, old: any(test(new, old) for test in tests)


def _all(tokens: list[tuple[str, Any]]) -> Test:
    tests = [_compared(tokens)]
    while tokens and tokens[0][0] == "&&":
        tokens.pop(0)
        tests.append(_compared(tokens))
    return tests[0] if len(tests) == 1 else lambda new, old: all(test(new, old) for test in tests)


def _compared(tokens: list[tuple[str, Any]]) -> Test:
    left = _single(tokens)
    if not tokens or tokens[0][0] not in _COMPARE:
        return left
    compare = _COMPARE[tokens.pop(0)[0]]
    right = _single(tokens)
    return lambda new, old: compare(left(new, old), right(new, old))


def _single(tokens: list[tuple[str, Any]]) -> Test:
    if tokens and tokens[0][0] == "!":
        tokens.pop(0)
        inner = _single(tokens)
        return lambda new, old: not inner(new, old)
    if tokens and tokens[0][0] == "(":
        return _bracketed(tokens, _any)
    if tokens and tokens[0][0] == "literal":
        literal = tokens.pop(0)[1]
        return lambda new, old: literal
    word = _take(tokens, "word")
    if word in _LITERALS:
        return lambda new, old: _LITERALS[word]
    if word == "has":
        there = _bracketed(tokens, _path)
        return lambda new, old: _has(there, new, old)
    if word == "size":
        sized = _bracketed(tokens, _path)
        return lambda new, old: len(sized(new, old))
    tokens.insert(0, ("word", word))
    return _path(tokens)


def _bracketed(tokens: list[tuple[str, Any]], inside: Callable[[list[tuple[str, Any]]], Test]) -> Test:
    _take(tokens, "(")
    test = inside(tokens)
    _take(tokens, ")")
    return test


def _path(tokens: list[tuple[str, Any]]) -> Test:
    root = _take(tokens, "word")
    if root not in ("self", "oldSelf"):
        raise _Beyond(root)
    names = []
    while tokens and tokens[0][0] == ".":
        tokens.pop(0)
        names.append(_take(tokens, "word"))
    if tokens and tokens[0][0] == "(":
        raise _Beyond("method calls")

    def follow(new: Any, old: Any) -> Any:
        value = new if root == "self" else old
        for name in names:
            if not isinstance(value, dict):
                raise TypeError(name)
            value = value[name]
        return value

    return follow


def _has(path: Test, new: Any, old: Any) -> bool:
    try:
        path(new, old)
    except KeyError:
        return False
    return True
