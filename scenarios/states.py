"""The states that a story's profiles go through: the same in every world, times aside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PENDING = "Pending"
TERMINATING = "Terminating"
GONE = "gone"
NEW = "new"  # it has no status yet

SETTLES_S_MAX = 5.0  # so long after a story's last word its profiles are still looked at

States = dict[str, list[str]]  # profile → its states in their order


def is_settled(told: States) -> bool:
    """Is nothing of it under way?"""
    return all(states[-1] not in (NEW, PENDING) for states in told.values())


def without_passing(states: list[str]) -> list[str]:
    """What is left when timing is. Two states may last no time at all, and then nobody sees them: `Pending` (some node
    has not said yet) before any other, and `Terminating` before the end (a manager that starts anew when all nodes have
    let go has nothing to wait for). So they count only where a story ends with them, or waits for them itself; what
    stands on both sides of `Pending`, and is equal, is one state.
    """
    left: list[str] = []
    for place, state in enumerate(states):
        after = states[place + 1] if place + 1 < len(states) else None
        passes = (state == PENDING and after is not None) or (state == TERMINATING and after == GONE)
        if not passes and left[-1:] != [state]:
            left.append(state)
    return left


class StateRecorder:
    """Is told of every version of every profile."""

    def __init__(self) -> None:
        self._by_namespace: dict[str, States] = {}

    def seen(self, profile: Mapping[str, Any], *, deleted: bool = False) -> None:
        metadata = profile["metadata"]
        state = GONE if deleted else profile.get("status", {}).get("status") or NEW
        told = self._by_namespace.setdefault(metadata["namespace"], {}).setdefault(metadata["name"], [])
        if not told or told[-1] != state:
            told.append(state)

    def of(self, namespace: str, *visited: str) -> States:
        """Of the story's own namespace by name alone; of those it visits as `namespace/name`."""
        own = () if namespace in visited else (("", namespace),)
        every = (*own, *((f"{other}/", other) for other in visited))
        return {
            prefix + name: list(states)
            for prefix, place in every
            for name, states in sorted(self._by_namespace.get(place, {}).items())
        }


def write(file: Path, told: Mapping[str, States]) -> None:
    """Story → its profiles' states, as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{json.dumps(story)}: {json.dumps(states)}" for story, states in sorted(told.items()))
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def read(file: Path) -> dict[str, States]:
    found: dict[str, States] = json.loads(file.read_text())
    return found
