"""Words on a terminal: colours where they can be seen, plain text in a pipe, lines that fit."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TextIO

from msgspec import Struct

from spo.report.timeline import Line

CODES = {"good": "32", "bad": "31", "you": "1;36", "dim": "2", "bold": "1", "who": "34", "command": "1;33"}
MARKS = {"good": "✓", "bad": "✗", "you": "▸"}
CLOCK, WHO = 8, 21  # widths of the first columns
LONG_WORD = re.compile(r"[^\s\"]{200,}")
NARROWEST, WIDEST = 60, 140


class Paint(Struct, frozen=True):
    """How to write: with colours or without, and in how many columns (0: do not wrap)."""

    coloured: bool = False
    columns: int = 0

    def __call__(self, text: str, style: str) -> str:
        code = CODES.get(style)
        return f"\033[{code}m{text}\033[0m" if self.coloured and code and text else text

    def wrapped(self, text: str, indent: int) -> list[str]:
        """The text as lines that fit beside an indent; names without end are cut."""
        text = LONG_WORD.sub(lambda word: f"{word[0][:40]}… ({len(word[0])} characters)", text)
        if not self.columns:
            return text.splitlines() or [""]
        width = max(self.columns - indent, NARROWEST // 2)
        lines = [textwrap.wrap(line, width, break_on_hyphens=False) or [""] for line in text.splitlines() or [""]]
        return [part for line in lines for part in line]


def paint_for(stream: TextIO) -> Paint:
    """Colours and wrapping on a terminal (unless NO_COLOR is set: https://no-color.org), neither in a pipe."""
    if not stream.isatty():
        return Paint()
    columns = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    return Paint(not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb", columns)


def timeline_text(lines: Iterable[Line], paint: Paint) -> str:
    """The timeline: time since the start, a mark, who, what; below it, why."""
    return "\n".join(part for line in lines for part in _line(line, paint))


def _line(line: Line, paint: Paint) -> list[str]:
    indent = CLOCK + 4 + WHO + 1
    who = line.who.ljust(WHO)
    head = f"{paint(clock(line.at_ns).rjust(CLOCK), 'dim')}  {paint(MARKS.get(line.tone, ' '), line.tone)} "
    head += paint(who, "you" if line.tone == "you" else "who") + " "
    indent = max(indent, CLOCK + 5 + len(who))
    first, *rest = paint.wrapped(line.what, indent)
    texts = [head + paint(first, line.tone)]
    texts += [" " * indent + paint(part, line.tone) for part in rest]
    for number, part in enumerate(paint.wrapped(line.why, indent + 2) if line.why else []):
        texts.append(" " * indent + paint(("└ " if number == 0 else "  ") + part, "dim"))
    return texts


def clock(at_ns: int) -> str:
    """Time since the start: `3.2 s`, `4m05s`, `2h00m`."""
    seconds = at_ns / 1e9
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    return f"{whole // 60}m{whole % 60:02d}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def table(rows: Sequence[Sequence[str]], indent: int = 2) -> list[str]:
    """Rows as columns that stand below each other; the last column is as long as it is."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return [
        (" " * indent + "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]])).rstrip()
        for row in rows
    ]


class Progress:
    """One line on stderr that is written over; nothing at all unless stderr is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._on = self._stream.isatty()
        self._shown = ""

    def __call__(self, text: str) -> None:
        if self._on and text != self._shown:
            self._shown = text
            self._stream.write(f"\r\033[K{text[: NARROWEST + 19]}")
            self._stream.flush()

    def done(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write("\r\033[K")
            self._stream.flush()
            self._shown = ""
