"""The states a profile can be in, on a node and altogether, with what each means for the condition `Ready`."""

from __future__ import annotations

from collections.abc import Iterable

# Worst first: a profile is only as well as its least well node (docs/reference.md 1).
READY_REASON = {
    "Error": "Unavailable",
    "Terminating": "Deleting",
    "Partial": "Unavailable",
    "Disabled": "Unavailable",
    "Pending": "Creating",
    "InProgress": "Creating",
    "Installed": "Available",
}
WORST_FIRST = tuple(READY_REASON)

ERROR = "Error"
TERMINATING = "Terminating"
PARTIAL = "Partial"
DISABLED = "Disabled"
PENDING = "Pending"
IN_PROGRESS = "InProgress"
INSTALLED = "Installed"


def overall(states: Iterable[str]) -> str:
    """The state of a profile whose nodes are in these states: the worst of them; `Pending` if there are none.

    A word we do not know (a newer daemon's) counts as Error: nobody may take it for installed.
    """
    known = (state if state in READY_REASON else ERROR for state in states)
    return min(known, key=WORST_FIRST.index, default=PENDING)


def ready(state: str) -> tuple[str, str]:
    """Status and reason of the condition `Ready` for a profile in this state."""
    return ("True" if state == INSTALLED else "False"), READY_REASON.get(state, "Unavailable")
