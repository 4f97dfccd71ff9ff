"""What happened, as a person reads it: facts in, folded lines out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from spo.model.listing import listed

Tone = Literal["plain", "good", "bad", "you"]

KeyOf = Callable[["Fact"], object]

WINDOW_NS = 5 * 10**9  # the same thing done in so short a time, on many nodes or to many objects, is one line
FROM_ONE_OWNER = 2  # from so many on, pods of one owner share a line
DIFFERENT = {"pod": 12}  # and so many different objects; of other kinds, fewer
DIFFERENT_OTHERS = 3
SHOWN = 3  # names of a shared line


class Fact(Struct, frozen=True):
    """One thing that happened: `who` (on `node`) `verb` the `noun` `subject` `tail`, because `why`.

    A `remark` (a Kubernetes Event) gives a reason for what happens to the same subject at about the same time.
    """

    at_ns: int
    who: str
    verb: str
    noun: str = ""
    subject: str = ""
    tail: str = ""
    why: str = ""
    node: str = ""
    tone: Tone = "plain"
    remark: bool = False


class Line(Struct, frozen=True):
    """One line of the timeline; `at_ns` counts from the start."""

    at_ns: int
    who: str
    what: str
    why: str = ""
    tone: Tone = "plain"


class _Group(Struct):
    """Facts that differ in node or subject only. `parts`: how many lines they would be."""

    first: Fact
    nodes: dict[str, None]  # used as ordered sets
    subjects: dict[str, None]
    parts: int = 1


def lines(facts: Iterable[Fact], start_ns: int = 0) -> list[Line]:
    """The timeline of these facts (in order of time): what many did at about the same time stands in one line."""
    groups = _by_node(_with_remarks(facts))
    groups = _by_subject(groups, _same_owner, lambda fact: FROM_ONE_OWNER)
    groups = _by_subject(groups, _same_kind, lambda fact: DIFFERENT.get(fact.noun, DIFFERENT_OTHERS))
    return [_line(group, start_ns) for group in groups]


def _with_remarks(facts: Iterable[Fact]) -> list[Fact]:
    """Remarks become the reason of the bad news about their subject that come with them, or stay on their own."""
    result: list[Fact] = []
    waiting: dict[tuple[str, str], int] = {}  # noun and subject: where its remark stands
    for fact in facts:
        about = (fact.noun, fact.subject)
        at = waiting.get(about)
        if fact.remark:
            waiting[about] = len(result)
        elif at is not None and fact.tone == "bad" and _within(result[at], fact):
            fact = replace(fact, why=result[at].why)
            del waiting[about]
            result[at] = fact
            continue
        result.append(fact)
    return result


def _by_node(facts: Iterable[Fact]) -> list[_Group]:
    """One group for the same thing done on several nodes."""
    return _fold((_Group(fact, {fact.node: None}, {fact.subject: None}) for fact in facts), _same_thing)


def _by_subject(groups: Sequence[_Group], key_of: KeyOf, many: Callable[[Fact], int]) -> list[_Group]:
    """One group for the same thing done to `many` objects; fewer stay apart, each with its own line."""
    shared = [group for group in _fold(map(_copy, groups), key_of) if group.parts >= many(group.first)]
    by_key: dict[object, list[_Group]] = {}
    for group in shared:
        by_key.setdefault(key_of(group.first), []).append(group)
    result: list[_Group] = []
    for group in groups:
        candidates = by_key.get(key_of(group.first), ())
        common = next((each for each in candidates if _within(each.first, group.first)), None)
        if common is None:
            result.append(group)
        elif common.first is group.first:
            result.append(common)
    return result


def _fold(groups: Iterable[_Group], key_of: KeyOf) -> list[_Group]:
    """Groups of the same key and time become one, at the place of the first."""
    result: list[_Group] = []
    latest: dict[object, _Group] = {}
    for group in groups:
        key = key_of(group.first)
        found = latest.get(key)
        if found is None or not _within(found.first, group.first):
            latest[key] = group
            result.append(group)
        else:
            found.nodes |= group.nodes
            found.subjects |= group.subjects
            found.parts += 1
    return result


def _same_thing(fact: Fact) -> object:
    return replace(fact, at_ns=0, node="")


def _same_owner(fact: Fact) -> object:
    owner = fact.subject.rpartition("-")[0] if fact.noun.endswith("pod") else ""
    return replace(fact, at_ns=0, node="", subject=owner or fact.subject)


def _same_kind(fact: Fact) -> object:
    # What a person does stays in its order: only what is done in one go shares a line.
    return replace(fact, at_ns=fact.at_ns if fact.tone == "you" else 0, node="", subject="")


def _within(first: Fact, later: Fact) -> bool:
    return 0 <= later.at_ns - first.at_ns <= WINDOW_NS


def _copy(group: _Group) -> _Group:
    return _Group(group.first, dict(group.nodes), dict(group.subjects))


def _line(group: _Group, start_ns: int) -> Line:
    fact = group.first
    nodes = [node for node in group.nodes if node]
    who = fact.who
    if nodes:
        who += f" {nodes[0]}" if len(nodes) == 1 else f" on {len(nodes):,} nodes"
    what = " ".join(part for part in (fact.verb, _named(fact.noun, list(group.subjects)), fact.tail) if part)
    return Line(fact.at_ns - start_ns, who, what, fact.why, fact.tone)


def _named(noun: str, subjects: Sequence[str]) -> str:
    if len(subjects) == 1:
        return f"{noun} {subjects[0]}".strip()
    stem = _stem(subjects)
    if stem:
        return f"{len(subjects):,} {noun}s {stem}…"
    return f"{len(subjects):,} {noun}s {listed(subjects, SHOWN, ',')}"


def _stem(names: Sequence[str]) -> str:
    """What all names begin with, up to the last dash: pods of one owner share it."""
    first, last = min(names), max(names)  # what these two share, all share
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    stem = first[:same]
    cut = stem.rfind("-") + 1
    return stem[:cut] if cut > stem.find("/") + 1 else ""
