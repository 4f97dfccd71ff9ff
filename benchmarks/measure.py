"""What the benchmarks share: each case runs alone in a fresh process, is measured there, and ends in a JSON file."""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

RESULTS = Path(__file__).parent / "results"
MIB = 1 << 20

Found = dict[str, Any]


class Figure(Struct):
    """One number that somebody asked for. `target` None: it is only told. A target is a limit from above or below."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        held = self.value >= self.target if self.at_least else self.value <= self.target
        return "held" if held else "MISSED"

    @property
    def wanted(self) -> str:
        return "" if self.target is None else f"{'≥' if self.at_least else '≤'} {shown(self.target)}"


class Meter:
    """Measures a `with` block: CPU and wall seconds, what the process holds more at its end, and its peak.

    CPU seconds are what targets in seconds are held against: a simulated world is one thread, so on a machine with
    nothing else to do both are the same, and on any other only these can be compared.
    """

    def __enter__(self) -> Meter:
        gc.collect()
        self._held = anonymous_bytes()
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu_s = time.process_time() - self._cpu
        self.wall_s = time.perf_counter() - self._wall
        gc.collect()
        self.held_bytes = anonymous_bytes() - self._held
        self.peak_mib = peak_bytes() / MIB

    def found(self) -> Found:
        return {
            "cpu_s": round(self.cpu_s, 3),
            "wall_s": round(self.wall_s, 3),
            "held_mib": round(self.held_bytes / MIB, 1),
            "peak_mib": round(self.peak_mib, 1),
        }


def anonymous_bytes() -> int:
    """What this process has of memory for itself alone, without the pages of its files."""
    return _kib("/proc/self/smaps_rollup", "Anonymous:") * 1024


def peak_bytes() -> int:
    """The most this process ever had resident."""
    return _kib("/proc/self/status", "VmHWM:") * 1024


def _kib(path: str, field: str) -> int:
    for line in Path(path).read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise LookupError(f"{path} has no {field}")


def alone(case: Callable[..., Found], **arguments: Any) -> Found:
    """Run a case in a process of its own; gives what it found."""
    command = [sys.executable, sys.argv[0], case.__name__, msgspec.json.encode(arguments).decode()]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True)
    found: Found = msgspec.json.decode(done.stdout)
    return found


def main(
    name: str, report: Callable[[], tuple[Sequence[Figure], Mapping[str, Any]]], *cases: Callable[..., Found]
) -> None:
    """A benchmark's front door: alone it runs all and reports; with a case's name and arguments it runs that one."""
    if len(sys.argv) > 1:
        case = {each.__name__: each for each in cases}[sys.argv[1]]
        print(msgspec.json.encode(case(**msgspec.json.decode(sys.argv[2]))).decode())
        return
    began = time.perf_counter()
    figures, details = report()
    result = {
        "benchmark": name,
        "machine": machine(),
        "took_s": round(time.perf_counter() - began, 1),
        "figures": figures,
        "details": details,
    }
    RESULTS.mkdir(exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(result), indent=2)
    (RESULTS / f"{name}.json").write_bytes(encoded + b"\n")
    print(table(("figure", "value", "unit", "target", ""), [row(each) for each in figures]))


def machine() -> Found:
    """Where it ran. `loop_ms`: what Python needed there, then, for a million additions; busy machines are slow."""

    def loop() -> float:
        began, total = time.process_time(), 0
        for number in range(1_000_000):
            total += number
        return time.process_time() - began

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
        "loop_ms": round(min(loop() for _ in range(5)) * 1000, 1),
    }


def row(figure: Figure) -> tuple[str, ...]:
    return (figure.name, shown(figure.value), figure.unit, figure.wanted, figure.verdict)


def shown(value: float) -> str:
    """Three digits that matter, and no more zeros than that."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns: the first to the left, numbers to the right, verdicts as they are."""
    widths = [max(len(each[column]) for each in (head, *rows)) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        aligned = [cell.rjust(width) for cell, width in zip(cells[1:-1], widths[1:-1], strict=True)]
        return "  ".join([cells[0].ljust(widths[0]), *aligned, cells[-1]]).rstrip()

    return "\n".join([line(head), *(line(each) for each in rows)])


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
