"""Whatever a client sends, a built-in kind takes it in or refuses it; it never breaks."""

from __future__ import annotations

import copy
import json
import random
from importlib.resources import files
from typing import Any

import pytest

from spo.sim.api.builtin import KINDS
from spo.sim.api.kinds import Object, Undecodable
from spo.sim.api.verbs.strategic import strategic_merge

TEXTS = ("", "a", "x-1", "Always", "1", "a.b.c", "None", "Localhost", "ž", "../x", "https://a/b", "a b", "dg==")
TRIES = 80
TYPES: dict[str, dict[str, str]] = json.loads((files("spo.sim.api.builtin") / "types.json").read_text())


def _some(code: str, luck: random.Random, depth: int = 0) -> Any:
    """A value of a type of the table; fields are left out, null or empty as luck will have it."""
    if depth and luck.random() < 0.01:
        return luck.choice([None, {}, [], 0, "", True])  # perhaps of another type
    if code[0] == "?":
        return luck.random() < 0.5 or _some(code[1:], luck, depth + 1)
    if code[0] == "[":
        return [_some(code[1:-1], luck, depth + 1) for _ in range(luck.choice((0, 1, 1, 2)))]
    if code[0] == "{":
        return {luck.choice(TEXTS): _some(code[1:-1], luck, depth + 1) for _ in range(luck.choice((0, 1, 2)))}
    simple = {
        "s": luck.choice(TEXTS),
        "i": luck.choice((-1, 0, 1, 5, 1 << 40)),
        "n": luck.choice((-1, 0.5, 3)),
        "b": luck.random() < 0.5,
        "t": "2026-01-01T00:00:00Z",
        "u": "2026-01-01T00:00:00.000000Z",
        "q": luck.choice(("1", "100m", 2)),
        "y": "dg==",
        "*": luck.choice((None, {}, {"a": 1}, 5, "x")),
    }
    if code in simple:
        return simple[code]
    kept = 0.9 if depth < 2 else 0.5 if depth < 5 else 0.1
    return {name: _some(field, luck, depth + 1) for name, field in TYPES[code].items() if luck.random() < kept}


def _object(kind: Any, luck: random.Random) -> Object:
    obj: Object = _some(kind.type, luck)
    metadata = {"name": "a", "namespace": "n", "uid": "u", "labels": {"a": "b"}}
    return {**obj, "apiVersion": kind.resource.api_version, "kind": kind.resource.kind, "metadata": metadata}


def _taken(kind: Any, obj: Object) -> bool:
    try:
        kind.unknown_fields(obj)
    except Undecodable:
        return False
    kind.drop_nulls(obj)
    kind.default(obj)
    return True


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_no_object_breaks_a_kind(kind: Any) -> None:
    luck = random.Random(kind.type)
    old: Object | None = None
    for _ in range(TRIES):
        obj = _object(kind, luck)
        if not _taken(kind, obj):
            continue
        made = copy.deepcopy(obj)
        kind.prepare_create(made)
        if not kind.validate(made, None):
            kind.warnings(made, None)
        assert set(kind.fields(made)) == set(kind.supported_fields)
        again = copy.deepcopy(made)
        kind.default(again)
        assert again == made, "what is complete stays as it is"
        if old is not None:
            changed, status = copy.deepcopy(obj), copy.deepcopy(obj)
            kind.prepare_update(changed, old)
            kind.validate(changed, old)
            kind.prepare_status(status, old)
            kind.validate_status(status, old)
            strategic_merge(old, {"metadata": {"labels": {"x": "y"}}}, kind)
        old = made
    assert old is not None, "luck made no object that fits its type"
