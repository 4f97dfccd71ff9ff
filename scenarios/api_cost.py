"""What the operator cost the API server, story by story: requests, and bytes of bodies and watch lines.

python -m scenarios.api_cost SIMULATED REAL      (files of `pytest scenarios --figures FILE`)
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

COUNTED = ("api_requests_total", "api_sent_bytes_total", "api_received_bytes_total")
SHOWN = 12

Figures = dict[str, list[float]]  # story → one number for each of COUNTED


def write(file: Path, figures: Mapping[str, list[float]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{json.dumps(story)}: {json.dumps(numbers)}" for story, numbers in sorted(figures.items()))
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def table(simulated: Figures, real: Figures) -> str:
    """The sums over the stories that both worlds told, and those that cost most, on the real cluster, first."""
    both = sorted(simulated.keys() & real.keys(), key=lambda story: (-real[story][0], story))
    sums = [[sum(each[story][n] for story in both) for n in range(len(COUNTED))] for each in (simulated, real)]
    rows = [
        ("", "requests", "", "KB sent", "", "KB received", ""),
        ("story", "sim", "real", "sim", "real", "sim", "real"),
    ]
    rows.append((f"all {len(both)} stories", *_cells(*sums)))
    rows += [(story.partition("::")[2][:72], *_cells(simulated[story], real[story])) for story in both[:SHOWN]]
    return "\n".join(f"{name:<74}" + "".join(f"{cell:>9}" for cell in cells) for name, *cells in rows)


def _cells(simulated: list[float], real: list[float]) -> tuple[str, ...]:
    numbers = [number for pair in zip(simulated, real, strict=True) for number in pair]
    return tuple(f"{number:.0f}" if place < 2 else f"{number / 1000:.1f}" for place, number in enumerate(numbers))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scenarios.api_cost", description=__doc__.partition("\n")[0])
    parser.add_argument("simulated", type=Path)
    parser.add_argument("real", type=Path)
    files = parser.parse_args()
    print(table(json.loads(files.simulated.read_text()), json.loads(files.real.read_text())))


if __name__ == "__main__":
    main()
