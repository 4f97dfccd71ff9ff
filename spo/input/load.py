"""Manifests from files, directories and stdin: each object with its place, or a message naming all that is wrong."""

from __future__ import annotations

import gc
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from spo.input.foreign import HELM_TEMPLATE, complaint, foreign_object, template_line
from spo.input.yaml_documents import CUT_OFF, BadYaml, documents

SUFFIXES = (".yaml", ".yml", ".json")
LOOKS_LIKE_JSON = re.compile(rb"\s*(\{\s*[\"}]|\[\s*[\"{\[\]])")
SHOW_PROGRESS_FROM_LINES = 50_000

Object = dict[str, Any]
Progress = Callable[[str], None]
Accepted = Callable[[Object], bool]


class Source(Struct, frozen=True):
    """Where an object stands: file, document (from 1), place in a List (from 1; 0: it is not in one), first line."""

    file: str
    document: int
    item: int
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Loaded(Struct, frozen=True):
    """One object of the input."""

    object: Object
    source: Source

    @property
    def kind(self) -> str:
        return str(self.object["kind"])

    @property
    def api_version(self) -> str:
        return str(self.object["apiVersion"])

    @property
    def name(self) -> str:
        metadata = self.object["metadata"]
        return str(metadata.get("name") or metadata.get("generateName") or "")

    @property
    def namespace(self) -> str:
        return str(self.object["metadata"].get("namespace") or "")

    @property
    def from_a_cluster(self) -> bool:
        """Did a server write this (a dump), not a person?"""
        metadata = self.object["metadata"]
        return bool(metadata.get("uid") and metadata.get("creationTimestamp"))

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Problem(Struct, frozen=True):
    """One thing wrong with the input: where (file and line), which object and field, what, and the remedy."""

    place: str
    what: str
    remedy: str
    subject: str = ""
    field: str = ""

    def __str__(self) -> str:
        parts = [part for part in (self.place, self.subject, self.field, self.what) if part]
        return ": ".join(parts) + f"\n    → {self.remedy}"


class BadInput(Exception):
    """The input cannot be used; nothing of it was applied."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load(
    paths: Sequence[str], progress: Progress = lambda text: None, besides: Accepted = lambda obj: False
) -> list[Loaded]:
    """All objects of these files and directories (`-`: stdin) in the order given; a directory's files by name.

    Understands YAML and JSON, several documents in a file, and Lists. Raises BadInput with every problem found, so that
    nothing is half-applied. What is accepted `besides` need not be a manifest: without kind, name and all that.
    """
    collecting = gc.isenabled()
    gc.disable()  # so many new objects, and no garbage among them: looking for some would take most of the time
    try:
        return _load(paths, progress, besides)
    finally:
        if collecting:
            gc.enable()


def _load(paths: Sequence[str], progress: Progress, besides: Accepted) -> list[Loaded]:
    loaded: list[Loaded] = []
    problems: list[Problem] = []
    for file in _files(paths, problems):
        try:
            for item in _objects(file, _read(file), progress):
                problem = None if besides(item.object) else _look_at(item)
                if problem:
                    problems.append(problem)
                else:
                    loaded.append(item)
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput(*dict.fromkeys(problems))  # once, even if a file is given twice
    if not loaded:
        raise BadInput(Problem(", ".join(paths), "there is no object in it", "give at least one manifest"))
    return loaded


def _files(paths: Sequence[str], problems: list[Problem]) -> Iterator[str]:
    for path in paths:
        if path == "-" or not Path(path).is_dir():
            yield path
            continue
        inside = sorted(
            str(p) for p in Path(path).iterdir() if p.suffix in SUFFIXES and p.name[0] != "." and p.is_file()
        )
        if not inside:
            what = f"this directory has no {', '.join(SUFFIXES)}"
            problems.append(Problem(path, what, "name a file, or another directory"))
        yield from inside


def _read(file: str) -> bytes:
    """The file's bytes: UTF-8, and not empty."""
    shown = _shown(file)
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except FileNotFoundError:
        raise BadInput(Problem(shown, "there is no such file", "check the path; `-` reads from stdin")) from None
    except OSError as error:
        raise BadInput(
            Problem(shown, f"cannot be read: {error.strerror}", "check the file and its permissions")
        ) from None
    try:
        data = data.removeprefix(b"\xef\xbb\xbf")
        if not data.isascii():
            data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(
            Problem(f"{shown}:{line}", "this is not UTF-8 text", "give YAML or JSON, saved as UTF-8")
        ) from None
    if not data.strip():
        raise BadInput(Problem(shown, "the file is empty", "put a manifest into it, or leave it out"))
    return data


def _first_line(data: bytes) -> int:
    """The line on which something stands for the first time."""
    return data[: len(data) - len(data.lstrip())].count(b"\n") + 1


def _shown(file: str) -> str:
    return "<stdin>" if file == "-" else file


# -- from text to objects -----------------------------------------------------------------------------------------


def _objects(file: str, data: bytes, progress: Progress) -> Iterator[Loaded]:
    shown = _shown(file)
    if said := complaint(data):
        raise BadInput(Problem(f"{shown}:{_first_line(data)}", said.what, said.remedy))
    if file.endswith(".json") or LOOKS_LIKE_JSON.match(data):
        yield from _from_json(shown, data)
    else:
        yield from _from_yaml(shown, data.decode(), progress)


def _from_yaml(file: str, text: str, progress: Progress) -> Iterator[Loaded]:
    lines = text.count("\n") + 1

    def tell(line: int) -> None:
        progress(f"reading {file}: {line * 100 // lines} %")

    try:
        found = documents(text, tell if lines >= SHOW_PROGRESS_FROM_LINES else lambda line: None)
        for number, document in enumerate(found, 1):
            if document.value is not None:  # an empty document, between two `---`
                yield from _unfold(document.value, Source(file, number, 0, document.line), document.item_lines)
    except BadYaml as error:
        if line := template_line(text):
            raise BadInput(Problem(f"{file}:{line}", HELM_TEMPLATE.what, HELM_TEMPLATE.remedy)) from None
        raise BadInput(Problem(f"{file}:{error.line}", error.problem, error.remedy, field=error.field)) from None


class _List(Struct):
    """A JSON List whose items are not opened yet."""

    items: list[msgspec.Raw]
    kind: str
    apiVersion: str = ""  # noqa: N815  # the manifest's word


def _from_json(file: str, data: bytes) -> Iterator[Loaded]:
    try:
        whole = msgspec.json.decode(data, type=_List)
        items = [msgspec.json.decode(raw) for raw in whole.items]
    except (msgspec.MsgspecError, RecursionError):
        yield from _json_documents(file, data.decode())  # no List, or broken: a second look tells where
        return
    lines, line, position = [], 1, 0
    for raw in whole.items:
        piece = bytes(raw)
        here = data.index(piece, position)
        line += data.count(b"\n", position, here)
        lines.append(line)
        line += piece.count(b"\n")
        position = here + len(piece)
    yield from _unfold(
        {"apiVersion": whole.apiVersion, "kind": whole.kind, "items": items}, Source(file, 1, 0, 1), lines
    )


def _json_documents(file: str, text: str) -> Iterator[Loaded]:
    """One JSON value, or several one after the other, with or without `---` between them."""
    import json  # knows where a value ends, which msgspec does not tell

    decoder = json.JSONDecoder(object_pairs_hook=_once)
    gap = re.compile(r"(\s|^---$)*", re.MULTILINE)
    number, position = 0, 0
    while True:
        start = gap.match(text, position)
        position = start.end() if start else position
        if position >= len(text):
            return
        number += 1
        line = text.count("\n", 0, position) + 1
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
            remedy = CUT_OFF if cut else "mend the JSON here"
            raise BadInput(Problem(f"{file}:{error.lineno}", f"not JSON: {error.msg}", remedy)) from None
        except RecursionError:
            raise BadInput(Problem(f"{file}:{line}", "nested too deep", "this is no manifest")) from None
        except _Twice as error:
            raise BadInput(Problem(f"{file}:{line}", f"`{error}` is given twice", "keep one of the two")) from None
        yield from _unfold(value, Source(file, number, 0, line), ())


class _Twice(Exception):
    """A name that stands twice in one JSON object."""


def _once(pairs: list[tuple[str, Any]]) -> Object:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = Counter(name for name, _ in pairs)
        raise _Twice(next(name for name, times in names.items() if times > 1))
    return found


def _unfold(value: Any, source: Source, item_lines: Sequence[int]) -> Iterator[Loaded]:
    """The object itself, or the items of a List."""
    if not isinstance(value, dict):
        said = "a list" if isinstance(value, list) else f"`{str(value)[:40]}`"
        raise BadInput(
            Problem(str(source), f"{said} where an object belongs", "start with apiVersion, kind and metadata")
        )
    items = value.get("items")
    kind = value.get("kind")
    if not isinstance(items, list) or not (kind is None or str(kind).endswith("List")):
        yield Loaded(value, source)
        return
    if kind is None:
        raise BadInput(Problem(str(source), "items without `kind: List`", CUT_OFF, field="kind"))
    for number, item in enumerate(items, 1):
        line = item_lines[number - 1] if number <= len(item_lines) else source.line
        place = Source(source.file, source.document, number, line)
        if not isinstance(item, dict):
            raise BadInput(Problem(str(place), f"items[{number - 1}] is no object", "remove it", field="items"))
        if kind != "List":  # PodList and the like, as the API answers: its items do not say what they are
            item = {"apiVersion": value.get("apiVersion"), "kind": str(kind).removesuffix("List"), **item}
        yield Loaded(item, place)


# -- what every object must have ----------------------------------------------------------------------------------

EXAMPLE = {"apiVersion": "`apiVersion: v1`", "kind": "`kind: Pod`", "metadata": "`metadata: {name: web}`"}


def _look_at(item: Loaded) -> Problem | None:
    obj, place = item.object, str(item.source)
    if said := foreign_object(obj, item.source.file):
        return Problem(place, said.what, said.remedy)
    subject = obj["kind"] if isinstance(obj.get("kind"), str) else ""
    for field in ("apiVersion", "kind"):
        value = obj.get(field)
        if not isinstance(value, str) or not value:
            what = "is missing" if value is None else "must be text"
            return Problem(place, what, f"say what it is, for example {EXAMPLE[field]}", subject, field)
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        what = "is missing" if metadata is None else "must be a mapping"
        return Problem(place, what, f"name the object, for example {EXAMPLE['metadata']}", subject, "metadata")
    for field in ("name", "generateName", "namespace"):
        value = metadata.get(field)
        if value is not None and not isinstance(value, str):
            remedy = f'put it in quotes: `{field}: "{value}"`'
            return Problem(place, f"must be text, here it is {value!r}", remedy, subject, f"metadata.{field}")
    if not metadata.get("name") and not metadata.get("generateName"):
        return Problem(place, "is missing", "give the object a name", subject, "metadata.name")
    return None
