"""Field selectors: the language of `fieldSelector` (apimachinery, fields)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from spo.sim.api.kinds import Kind
from spo.sim.api.status import bad_request
from spo.sim.store import Record

Object = dict[str, Any]


class Term(Struct, frozen=True):
    field: str
    value: str
    equal: bool


class FieldSelector(Struct, frozen=True):
    """All terms must hold. What the store has at hand is compared without opening the object."""

    terms: tuple[Term, ...] = ()

    def matches(self, record: Record, fields: Callable[[Record], Mapping[str, str]]) -> bool:
        """`fields` opens a record, if it must."""
        for term in self.terms:
            found = _at_hand(record, term.field)
            value = fields(record).get(term.field, "") if found is None else found
            if (value == term.value) is not term.equal:
                return False
        return True

    def equality(self, field: str) -> str | None:
        """The one value `field` must have, if the selector asks for one."""
        return next((term.value for term in self.terms if term.equal and term.field == field), None)


NO_FIELDS = FieldSelector()


def _at_hand(record: Record, field: str) -> str | None:
    if field == "metadata.name":
        return record.key.name
    if field == "metadata.namespace":
        return record.key.namespace
    if field == "spec.nodeName":
        return record.node
    return None


def parse(text: str, kind: Kind) -> FieldSelector:
    """Read a selector on objects of `kind`. Raises ApiError 400."""
    if not text:
        return NO_FIELDS
    terms = []
    for part in _split(text):
        if not part:
            continue
        field, operator, value = _cut(part, text)
        if not field and not value:
            continue  # the selector `=` selects everything
        if field not in kind.supported_fields:
            raise bad_request(kind.field_refusal(field))
        terms.append(Term(field, _plain(value), operator != "!="))
    return FieldSelector(tuple(terms))


def _cut(part: str, text: str) -> tuple[str, str, str]:
    for at, sign in enumerate(part):
        if sign == "\\":
            continue
        for operator in ("!=", "==", "="):
            if part.startswith(operator, at):
                return part[:at], operator, part[at + len(operator) :]
    raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")


def _split(text: str) -> list[str]:
    parts, escaped, start = [], False, 0
    for at, sign in enumerate(text):
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = True
        elif sign == ",":
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _plain(value: str) -> str:
    for sign in "\\,=":
        value = value.replace("\\" + sign, sign)
    return value
