"""Fields of a JSON document, read one by one: what is wrong with one is noted, and the next one is looked at."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from spo.convert.objections import Objection, meant

CORRECT = "correct it, or leave it out"


class Fields:
    """Each method gives the value of a field, or something harmless in its place if that is wrong or not there."""

    def __init__(self) -> None:
        self.objections: list[Objection] = []

    def wrong(self, field: str, what: str, remedy: str) -> None:
        """Note it."""
        self.objections.append(Objection(field, what, remedy))

    def only(self, given: Mapping[str, Any], field: str, known: Collection[str]) -> None:
        """An object has no other fields than these."""
        for name in given:
            if name not in known:
                path = f"{field}.{name}" if field else name
                self.wrong(path, "no such field is known", meant(name, known, CORRECT))

    def is_object(self, value: Any, field: str) -> bool:
        if not isinstance(value, dict):
            self.wrong(field, f"must be an object, here it is {_shown(value)}", "write its fields in braces")
        return isinstance(value, dict)

    def items(self, value: Any, field: str) -> list[Any]:
        if value is not None and not isinstance(value, list):
            self.wrong(field, f"must be a list, here it is {_shown(value)}", "put it in brackets")
        return value if isinstance(value, list) else []

    def text(self, value: Any, field: str) -> str:
        if value is not None and not isinstance(value, str):
            self.wrong(field, f"must be text, here it is {_shown(value)}", "put it in quotes")
        return value if isinstance(value, str) else ""

    def words(self, value: Any, field: str) -> tuple[str, ...]:
        return tuple(self.text(each, f"{field}[{at}]") for at, each in enumerate(self.items(value, field)))

    def whole(self, value: Any, field: str, most: int, why: str) -> int | None:
        """A whole number from 0 to `most`, which is the limit for the reason that is said."""
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            remedy = "write it without quotes or point"
            self.wrong(field, f"must be a whole number, here it is {_shown(value)}", remedy)
            return None
        if not 0 <= value <= most:
            self.wrong(field, f"{value} is not between 0 and {most}", f"correct it: {why}")
            return None
        return value

    def one_of(self, value: Any, field: str, known: Collection[str], what: str, otherwise: str = "") -> str:
        """A word that a SeccompProfile has. `otherwise`: the remedy if the word is not like any of them."""
        name = self.text(value, field)
        if value is None:
            self.wrong(field, "is missing", f"give the {what}: {', '.join(known)}")
        elif name not in known and isinstance(value, str):
            remedy = otherwise or f"use one of {', '.join(known)}"
            self.wrong(field, f"a SeccompProfile has no {what} {name}", meant(name, known, remedy))
        return name

    def some_of(
        self, value: Any, field: str, known: Collection[str], what: str, otherwise: str = ""
    ) -> tuple[str, ...]:
        """Several of them, each once."""
        found = (
            self.one_of(each, f"{field}[{at}]", known, what, otherwise)
            for at, each in enumerate(self.items(value, field))
        )
        return tuple(dict.fromkeys(found))


def _shown(value: Any) -> str:
    return json.dumps(value)[:40]
