"""YAML text to plain data, straight from the parser's events: thrice as fast as PyYAML does it, and it knows lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from msgspec import Struct

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

TEXT = "tag:yaml.org,2002:str"
# YAML 1.1, as kubectl reads it (sigs.k8s.io/yaml): yes and no are booleans, a date is text.
WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
WORDS |= dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True)
WORDS |= dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False)
INTEGER = re.compile(r"[-+]?(0b[01]+|0x[0-9a-fA-F]+|0o?[0-7]+|[1-9][0-9_]*|0)\Z")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
CUT_OFF = "the file looks cut off: save it again, whole"
MAX_ALIASED = 100_000  # values that aliases may stand for in one document: a bomb stops here

Path = tuple[str | int, ...]


class BadYaml(Exception):
    """The text is no YAML that a manifest can be made of: where, what, and what to do about it."""

    def __init__(self, line: int, problem: str, remedy: str, field: str = "") -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem
        self.remedy = remedy
        self.field = field


class Document(Struct, frozen=True):
    """One document: its value, its first line, and the lines on which the elements of a top-level `items` begin."""

    value: Any
    line: int
    item_lines: tuple[int, ...] = ()


def documents(text: str, progress: Callable[[int], None] = lambda line: None) -> Iterator[Document]:
    """The documents of a text, one after the other. `progress` is told the line that was reached.

    Raises BadYaml: broken syntax, a key given twice, a key that is no text, an unknown tag or alias.
    """
    try:
        reader = _Reader(yaml.parse(text, Loader=LOADER), progress)
        yield from reader.documents()
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text) from None
    except RecursionError:
        raise BadYaml(1, "lists and mappings are nested too deep", "this is no manifest") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadYaml(
            line, f"character #x{ord(text[error.position]):04x} is not allowed in YAML", "remove it"
        ) from None


def _syntax(error: yaml.MarkedYAMLError, text: str) -> BadYaml:
    mark = error.problem_mark or error.context_mark
    line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else 1
    problem = "not YAML: " + ", ".join(part for part in (error.context, error.problem) if part)
    if mark is None or mark.index >= len(text.rstrip()):
        return BadYaml(line, f"{problem}; the text ends here", CUT_OFF)
    lines = text.split("\n")
    if "\t" in lines[line - 1]:
        return BadYaml(line, problem, "indent with spaces, not with tabs")
    return BadYaml(
        line, f"{problem}: `{lines[line - 1].strip()[:60]}`", "mend the YAML on this line or the one before it"
    )


class _Reader:
    """Builds values from events by recursion; never goes back."""

    def __init__(self, events: Iterator[Any], progress: Callable[[int], None]) -> None:
        self._events = events
        self._progress = progress
        self._scalars: dict[str, Any] = {}  # what a plain word means; dumps repeat the same few thousand
        self._anchors: dict[str, Any] = {}
        self._aliased = 0
        self._item_lines: list[int] = []

    def documents(self) -> Iterator[Document]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors, self._aliased, self._item_lines = {}, 0, []
                first = next(self._events)
                value = self._value(first, ())
                yield Document(value, first.start_mark.line + 1, tuple(self._item_lines))

    def _value(self, event: Any, path: Path) -> Any:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            value = self._scalar(event, path)
        elif kind is yaml.MappingStartEvent:
            value = self._mapping(event, path)
        elif kind is yaml.SequenceStartEvent:
            value = self._sequence(path)
        else:
            return self._alias(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        return value

    def _scalar(self, event: Any, path: Path) -> Any:
        text: str = event.value
        if not event.implicit[0]:
            if event.implicit[1] or event.tag in (None, "!", TEXT):
                return text
            raise BadYaml(
                event.start_mark.line + 1, f"the tag {event.tag} means nothing here", "remove the tag", written(path)
            )
        try:
            return self._scalars[text]
        except KeyError:
            value = self._scalars[text] = _meaning(text)
            return value

    def _sequence(self, path: Path) -> list[Any]:
        found: list[Any] = []
        top = path == ("items",)
        while type(event := next(self._events)) is not yaml.SequenceEndEvent:
            if top:
                self._item_lines.append(event.start_mark.line + 1)
                self._progress(event.start_mark.line + 1)
            found.append(self._value(event, (*path, len(found))))
        return found

    def _mapping(self, start: Any, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[Any] = []
        while type(event := next(self._events)) is not yaml.MappingEndEvent:
            key = self._key(event, path)
            value = self._value(next(self._events), (*path, key))
            if key == "<<" and not event.style:
                merged += value if isinstance(value, list) else [value]
            elif key in found:
                line = event.start_mark.line + 1
                raise BadYaml(line, f"`{key}` is given twice", "keep one of the two", written((*path, key)))
            else:
                found[key] = value
        for other in merged:
            if not isinstance(other, dict):
                raise BadYaml(
                    start.start_mark.line + 1, "`<<` merges mappings only", "write the fields out", written(path)
                )
            found = {**other, **found}
        return found

    def _key(self, event: Any, path: Path) -> str:
        if type(event) is yaml.ScalarEvent:
            meant = self._scalar(event, path)
            if isinstance(meant, str):
                return meant
            if type(meant) is int:
                return str(meant)  # as kubectl does
            said = event.value or "nothing"
        else:
            said = "a list or mapping"
        line = event.start_mark.line + 1
        raise BadYaml(line, f"a key must be text, here it is {said}", "put the key in quotes", written(path))

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            line = event.start_mark.line + 1
            raise BadYaml(line, f"the alias *{event.anchor} has no anchor before it", f"define &{event.anchor} first")
        value = self._anchors[event.anchor]
        self._aliased += _size(value, MAX_ALIASED)
        if self._aliased > MAX_ALIASED:
            raise BadYaml(event.start_mark.line + 1, "aliases stand for too many values", "write the values out")
        return _copy(value)


def written(path: Path) -> str:
    """A path as the API writes it: `spec.syscalls[0].names`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _meaning(text: str) -> Any:
    if text in WORDS:
        return WORDS[text]
    if INTEGER.match(text):
        digits = text.replace("_", "").lower()
        octal = re.fullmatch(r"([-+]?)0([0-7]+)", digits)
        return int(f"{octal[1]}0o{octal[2]}" if octal else digits, 0)
    if FLOAT.match(text):
        return float(text)
    return text


def _size(value: Any, enough: int) -> int:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return 1
    total = 1
    for part in value:
        total += _size(part, enough)
        if total > enough:
            break
    return total


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value
