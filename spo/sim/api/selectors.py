"""Label selectors: the language of `labelSelector`, with the API server's own error texts (apimachinery, labels)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from spo.sim.api.names import label_key_faults, label_value_faults
from spo.sim.api.status import bad_request

_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)")
_OPERATORS = ("=", "==", "!=", "in", "notin", "gt", "lt")
_SYMBOLS = frozenset(("=", "==", "!=", "!", "<", ">", "(", ")", ","))
_AS_WORD = {">": "gt", "<": "lt"}


class Requirement(Struct, frozen=True):
    """One condition on one label. `operator` is `=`, `!=`, `in`, `notin`, `exists`, `!`, `gt` or `lt`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "=" | "in":
                return value in self.values
            case "!=" | "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        if value is None or not _is_integer(value):
            return False
        return int(value) > int(self.values[0]) if self.operator == "gt" else int(value) < int(self.values[0])


class LabelSelector(Struct, frozen=True):
    """All of its requirements must hold; none means everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)

    def equality(self) -> tuple[str, str] | None:
        """A label and the one value it must have, if the selector asks for one: what an index can use."""
        for requirement in self.requirements:
            if requirement.operator in ("=", "in") and len(requirement.values) == 1:
                return requirement.key, requirement.values[0]
        return None


EVERYTHING = LabelSelector()


def parse(text: str) -> LabelSelector:
    """Read a selector. Raises ApiError 400 with the text of the real parser."""
    if not text:
        return EVERYTHING
    return LabelSelector(tuple(_Parser(text).requirements()))


def as_text(selector: Mapping[str, Any]) -> str:
    """A `matchLabels`, `matchExpressions` selector as one line, sorted by key."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        values = ",".join(sorted(expression.get("values") or ()))
        match expression["operator"]:
            case "Exists":
                parts.append(expression["key"])
            case "DoesNotExist":
                parts.append("!" + expression["key"])
            case operator:
                parts.append(f"{expression['key']} {operator.lower()} ({values})")
    return ",".join(parts)


class _Parser:
    """The recursive-descent parser of apimachinery, token by token, so that its complaints come out the same."""

    def __init__(self, text: str) -> None:
        self._tokens = [found.group(1) for found in _TOKEN.finditer(text)]
        self._at = 0

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            token = self._peek()
            if token == "":
                return found
            if token != "!" and token in _SYMBOLS:
                raise bad_request(f"found '{token}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except _Fault as fault:
                raise bad_request(f"unable to parse requirement: {fault}") from None
            token = self._next()
            if token == "":
                return found
            if token != ",":
                raise bad_request(f"found '{token}', expected: ',' or 'end of string'")
            following = self._peek()
            if following != "!" and (following == "" or following in _SYMBOLS):
                raise bad_request(f"found '{following}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        absent = self._peek() == "!"
        if absent:
            self._next()
        key = self._next()
        if key == "" or key in _SYMBOLS:
            raise _Fault(f"found '{key}', expected: identifier")
        faults = label_key_faults(key)
        if faults:
            raise _Fault("; ".join(f'<nil>: Invalid value: "{key}": {fault}' for fault in faults))
        if absent:
            return Requirement(key, "!")
        if self._peek() in ("", ","):
            return Requirement(key, "exists")
        operator = self._next()
        operator = _AS_WORD.get(operator, operator)
        if operator not in _OPERATORS:
            raise _Fault(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
        values = self._set() if operator in ("in", "notin") else (self._exact(),)
        return _checked(Requirement(key, "=" if operator == "==" else operator, values))

    def _exact(self) -> str:
        token = self._peek()
        if token in ("", ","):
            return ""
        self._next()
        if token in _SYMBOLS:
            raise _Fault(f"found '{token}', expected: identifier")
        return token

    def _set(self) -> tuple[str, ...]:
        token = self._next()
        if token != "(":
            raise _Fault(f"found '{token}' expected: '('")
        values: list[str] = []
        empty = True  # nothing between commas is the empty value
        while True:
            token = self._next()
            if token == ")":
                return tuple(sorted({*values, ""} if empty else set(values)))
            if token == ",":
                if empty:
                    values.append("")
                empty = True
            elif token == "" or token in _SYMBOLS or not empty:
                raise _Fault(f"found '{token}', expected: ',' or ')'")
            else:
                values.append(token)
                empty = False

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token


class _Fault(Exception):
    """A requirement that cannot be read."""


def _checked(requirement: Requirement) -> Requirement:
    if requirement.operator in ("gt", "lt") and not _is_integer(requirement.values[0]):
        value = requirement.values[0]
        raise _Fault(f"values[0]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer")
    for index, value in enumerate(requirement.values):
        for fault in label_value_faults(value):
            raise _Fault(f'values[{index}][{requirement.key}]: Invalid value: "{value}": {fault}')
    return requirement


def _is_integer(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?\d{1,19}", text))
