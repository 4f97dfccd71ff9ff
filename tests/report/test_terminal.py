"""Colour only where it can be seen; nothing is lost in a pipe or on a narrow terminal."""

from __future__ import annotations

import io
import re

import pytest

from spo.report.terminal import Paint, Progress, clock, paint_for, table, timeline_text
from spo.report.timeline import Line

LINE = Line(3_200_000_000, "kubelet node-1", "cannot start pod shop/late", "no such file or directory " * 6, "bad")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_plain_text_on_whole_lines() -> None:
    text = timeline_text([LINE], paint_for(io.StringIO()))
    assert "\033" not in text
    assert text.split("\n")[0].split() == ["3.2", "s", "✗", "kubelet", "node-1", "cannot", "start", "pod", "shop/late"]
    assert len(text.split("\n")) == 2


def test_a_terminal_gets_colours_unless_it_asks_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\033[31m" in timeline_text([LINE], paint_for(Terminal()))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in timeline_text([LINE], paint_for(Terminal()))


def test_long_reasons_are_wrapped_and_complete() -> None:
    text = timeline_text([LINE], Paint(coloured=False, columns=80))
    assert max(len(line) for line in text.split("\n")) <= 80
    assert len(re.findall("directory", text)) == 6


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (3.24, "3.2 s"), (59.94, "59.9 s"), (65, "1m05s"), (3600, "1h00m"), (7384, "2h03m")],
)
def test_times_are_written_for_people(seconds: float, text: str) -> None:
    assert clock(round(seconds * 1e9)) == text


def test_tables_stand_in_columns() -> None:
    assert table([["a", "bb", "c"], ["aaa", "b", ""]]) == ["  a    bb  c", "  aaa  b"]


def test_progress_is_silent_in_a_pipe_and_cleans_up_on_a_terminal() -> None:
    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        progress = Progress(stream)
        progress("reading")
        progress.done()
    assert pipe.getvalue() == ""
    assert terminal.getvalue().endswith("\r\033[K")
