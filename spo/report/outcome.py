"""What came of a trial, ready to be written: head, timeline, summary, history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from spo.report import machine_readable
from spo.report.summary import Summary, plain
from spo.report.summary_text import summary_text
from spo.report.terminal import Paint, timeline_text
from spo.report.timeline import Line


class Outcome(Struct, frozen=True):
    """`simulated_s` is how long it took there; `history` the hash over all of it; `at_rest`: nothing was under way."""

    head: str
    lines: Sequence[Line]
    summary: Summary
    history: str
    nodes: int
    seed: int
    simulated_s: float
    at_rest: bool

    @property
    def satisfied(self) -> bool:
        return self.summary.satisfied


def written(outcome: Outcome, form: str, paint: Paint) -> str:
    """The outcome as text, JSON or YAML."""
    if form == "text":
        parts = [
            paint(outcome.head, "bold"),
            timeline_text(outcome.lines, paint),
            summary_text(outcome.summary, paint),
            f"history {outcome.history}",
        ]
        return "\n\n".join(parts)
    return machine_readable.written(as_facts(outcome), form)


def as_facts(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain data, the timeline in seconds."""
    told = [
        {"at": line.at_ns / 1e9, "who": line.who, "what": line.what, "why": line.why, "tone": line.tone}
        for line in outcome.lines
    ]
    return {
        "seed": outcome.seed,
        "nodes": outcome.nodes,
        "simulatedSeconds": outcome.simulated_s,
        "atRest": outcome.at_rest,
        **plain(outcome.summary),
        "timeline": told,
        "history": outcome.history,
    }
