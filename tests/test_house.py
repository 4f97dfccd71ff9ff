"""The house stands as ARCHITECTURE.md draws it: who imports whom, what pure rooms touch, how long modules are, and what
they cite."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
LINES_MAX = 400
COMMANDS_LINES_MAX = 1500


class Room(NamedTuple):
    """What a part of `spo` may import: other rooms, and which libraries."""

    rooms: str
    libraries: frozenset[str] | None  # None: any


def words(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


# No clock, randomness, environment, network, file or thread: nothing here can tell one run from another.
PURE = words(
    "__future__ abc base64 binascii bisect collections collections.abc contextlib copy dataclasses datetime difflib",
    "enum functools hashlib heapq itertools json math operator posixpath re string struct textwrap types typing zlib",
    "msgspec msgspec.json msgspec.structs",
)
# The simulated world may also read what ships with it; its one source of chance is the timeline's.
SIMULATED = PURE | words("codecs gzip importlib.resources shlex unicodedata urllib.parse yaml")
LUCKY = words(
    "spo.sim.timeline spo.sim.faults.injector spo.sim.keys"
)  # the modules that may name the type of that source

# What everything that decides may know of the world.
PLAIN = "model events intents interest"
CORRIDOR = f"{PLAIN} doors cache queue observe loop roles render admission audit reconcile"

ROOMS = {
    "model": Room("", PURE),
    "events": Room("model", PURE),
    "intents": Room("model", PURE),
    "interest": Room("model", PURE),
    "queue": Room("model events", PURE),
    "doors": Room(PLAIN, PURE),
    "cache": Room("model events interest", PURE),
    "render": Room("model", PURE),
    "audit": Room("model", PURE),
    "admission": Room("model cache render", PURE),
    "reconcile": Room("model events intents cache render", PURE),
    "observe": Room("model events intents doors", PURE),
    "loop": Room(f"{PLAIN} doors cache queue observe", PURE),
    "roles": Room(f"{PLAIN} doors cache queue observe loop render admission audit reconcile", PURE),
    # A Kubernetes, and nothing of ours: what runs in a pod is handed in.
    "sim": Room("model doors", SIMULATED),
    # The simulated API server over HTTPS: sockets, certificates, and the clock that drives its time.
    "sim.http": Room("model sim", None),
    "real": Room(f"{PLAIN} doors", None),
    # Around the operator: what goes in, what is told of it, what would be, and how it comes to a cluster.
    "report": Room("model sim", None),
    "input": Room("model render sim report", None),
    # Decisions only, on what `input` has read: from one form of a profile to another.
    "convert": Room("model render input", PURE),
    "installation": Room(f"{PLAIN} doors render reconcile real report", None),
    "testbed": Room(f"{CORRIDOR} sim sim.http report input installation", None),
    "preview": Room(f"{CORRIDOR} sim report input installation testbed", None),
    "replay": Room("model events doors", None),
    # A role in a real process.
    "run_role": Room(f"{CORRIDOR} real", None),
    "cli": Room(
        f"{CORRIDOR} run_role sim sim.http real report input convert installation testbed preview replay", None
    ),
    "pytest_plugin": Room("model sim sim.http input", None),
}
# All that the simulated Kubernetes knows of the operator's code: how kinds are named, how quantities are counted, and
# what a program in a pod looks like.
OF_OURS_IN_SIM = words("spo.model.resource spo.model.quantity spo.doors.process")

CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
NOT_THE_SAME_TWICE = {"open", "hash", "input"}  # `hash` of a string depends on the process


# What prose may send a reader to: a document and its section, or a file; and how documents are called that nobody who
# has only a clone can open.
DOCUMENT = re.compile(r"(?<![\w/.-])([\w./-]+\.md)\b(?: (\d+)\b)?")
FILE = re.compile(r"(?<![\w/.-])(?:docs|spo|tests|scenarios|benchmarks|hack)/[\w./{},*-]+\.(?:py|txt|json|sh)\b")
ELSEWHERE = re.compile(r"\b[a-z]+-(?:facts|behaviour|differences|measured|bugs)\b(?!\.)")
SOURCES = ("spo", "tests", "scenarios", "benchmarks", "hack")


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / "spo").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = dict(modules())


def room_of(module: str) -> str:
    if f"{module}.".startswith("spo.sim.http."):
        return "sim.http"
    return module.split(".")[1] if "." in module else ""


def folder_of(module: str) -> str:
    path = MODULES.get(module)
    return module if path is not None and path.name == "__init__.py" else module.rpartition(".")[0]


def imports(module: str) -> Iterator[str]:
    """What a module imports, anywhere in it; `from spo.sim import keys` counts as `spo.sim.keys`, a module."""
    return imported(MODULES[module])


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides which room it comes from"
            name = node.module or ""
            for full in (f"{name}.{alias.name}" for alias in node.names):
                yield full if full in MODULES else name


def calls(module: str) -> Iterator[str]:
    """What a module calls that would make two runs differ."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(name) if name in NOT_THE_SAME_TWICE:
                yield name
            case ast.Attribute(ast.Name(owner), name) if (owner, name) in CLOCKS:
                yield f"{owner}.{name}"


def prose(path: Path) -> Iterator[str]:
    """What a file says to people: all of it; of Python its docstrings and comments."""
    if path.suffix != ".py":
        yield path.read_text()
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    with tokenize.open(path) as file:
        yield from (token.string for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.COMMENT)


def missing(path: Path, text: str) -> Iterator[str]:
    """What the text cites, and a clone does not have."""
    for name, section in DOCUMENT.findall(text):
        found = next((base / name for base in (ROOT, path.parent, ROOT / "docs") if (base / name).is_file()), None)
        if found is None or (section and f"\n## {section}. " not in found.read_text()):
            yield f"{name} {section}".rstrip()
    for cited in FILE.findall(text):
        begin, brace, rest = cited.partition("{")
        choices, _, end = rest.partition("}")
        for each in [f"{begin}{choice}{end}" for choice in choices.split(",")] if brace else [cited]:
            if not any(ROOT.glob(each)):
                yield each
    yield from ELSEWHERE.findall(text)


@pytest.mark.parametrize("module", [name for name in MODULES if room_of(name)])
def test_a_room_imports_only_the_rooms_it_may(module: str) -> None:
    own = room_of(module)
    assert own in ROOMS, f"{module} is in no room of the table: say in ROOMS (and ARCHITECTURE.md) what it may import"
    found = {room_of(name) for name in imports(module) if name.split(".")[0] == "spo"}

    assert found - {own, *ROOMS[own].rooms.split()} == set()


def test_the_simulated_kubernetes_knows_nothing_of_the_operator() -> None:
    inside = [name for name in MODULES if room_of(name) in ("sim", "sim.http")]
    found = {name for module in inside for name in imports(module) if name.split(".")[0] == "spo"}

    assert {name for name in found if not f"{name}.".startswith("spo.sim.")} - OF_OURS_IN_SIM == set()


def test_commands_are_for_typing_and_nobody_imports_them() -> None:
    outside = [path for folder in ("scenarios", "benchmarks", "hack") for path in (ROOT / folder).rglob("*.py")]
    users = [*outside, *(path for name, path in MODULES.items() if room_of(name) != "cli")]
    names = {path: {name for name in imported(path) if f"{name}.".startswith("spo.cli.")} for path in users}

    assert {str(path.relative_to(ROOT)): found for path, found in names.items() if found} == {}
    assert sum(len(path.read_text().splitlines()) for path in (ROOT / "spo/cli").glob("*.py")) <= COMMANDS_LINES_MAX


@pytest.mark.parametrize("module", [name for name in MODULES if room_of(name) and ROOMS.get(room_of(name))])
def test_a_pure_room_touches_nothing_that_differs_between_two_runs(module: str) -> None:
    libraries = ROOMS[room_of(module)].libraries
    if libraries is None:
        return
    allowed = libraries | {"random"} if module in LUCKY else libraries
    found = {name for name in imports(module) if name.split(".")[0] != "spo"}

    assert found - allowed == set()
    assert list(calls(module)) == []


def test_the_table_is_free_of_circles() -> None:
    def reach(room: str, seen: tuple[str, ...]) -> None:
        assert room not in seen, " -> ".join((*seen, room))
        for other in ROOMS[room].rooms.split():
            reach(other, (*seen, room))

    for room in ROOMS:
        reach(room, ())


def test_no_two_folders_import_each_other() -> None:
    """But a folder and the folders in it: what stands flat is used by all of them, and one module joins them."""
    arrows = {
        (folder, other)
        for module in MODULES
        for name in imports(module)
        if name.split(".")[0] == "spo" and (folder := folder_of(module)) != (other := folder_of(name))
    }
    both = {(a, b) for a, b in arrows if (b, a) in arrows and a < b}

    assert {(a, b) for a, b in both if not f"{b}.".startswith(f"{a}.")} == set()


def test_no_module_is_too_long_to_read() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*.py")
    }

    assert {path: length for path, length in lengths.items() if length > LINES_MAX} == {}


def test_every_module_opens_with_a_line_that_says_what_lives_there() -> None:
    silent = [
        name
        for name, path in MODULES.items()
        if path.name != "__init__.py" and ast.get_docstring(ast.parse(path.read_text())) is None
    ]

    assert silent == []


def test_only_what_a_clone_contains_is_cited() -> None:
    written = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.yaml")]
    written += [path for folder in SOURCES for end in ("*.py", "*.md") for path in (ROOT / folder).rglob(end)]
    cited = {
        str(path.relative_to(ROOT)): {each for text in prose(path) for each in missing(path, text)} for path in written
    }

    assert {path: found for path, found in cited.items() if found} == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see docs/kernel.md 1 and differences.md", []),
        ("see docs/kernel.md 99", ["docs/kernel.md 99"]),
        ("see docs/nothing.md", ["docs/nothing.md"]),
        ("see spo/model/{spod,states}.py, tests/kernel/test_*.py", []),
        ("see spo/model/{spod,nothing}.py", ["spo/model/nothing.py"]),
        ("see some-facts 1.2", ["some-facts"]),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(text: str, found: list[str]) -> None:
    assert list(missing(ROOT / "tests/conformance/servers.py", text)) == found
