"""Did two worlds tell the same stories? Compares what `pytest scenarios --states FILE` wrote.

    python -m scenarios.compare SIMULATED REAL

Exit code 1 if a story's profiles went through other states, or if a story was told in one world alone without standing
on the list of those that cannot be told on a real cluster.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from scenarios.not_applicable import NOT_APPLICABLE
from scenarios.states import States, read, without_passing


def differences(simulated: Mapping[str, States], real: Mapping[str, States]) -> Iterator[str]:
    """In words, one a profile."""
    for story in sorted(simulated.keys() | real.keys()):
        if story not in real or story not in simulated:
            if story.partition("[")[0] not in NOT_APPLICABLE:
                yield f"{story}: told only in the {'simulated' if story in simulated else 'real'} world"
            continue
        here, there = simulated[story], real[story]
        for name in sorted(here.keys() | there.keys()):
            if without_passing(here.get(name, [])) != without_passing(there.get(name, [])):
                yield f"{story}: {name}: simulated {_words(here.get(name))}, real {_words(there.get(name))}"


def _words(states: list[str] | None) -> str:
    return " → ".join(states) if states else "there is none"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scenarios.compare", description=__doc__.partition("\n")[0])
    parser.add_argument("simulated", type=Path)
    parser.add_argument("real", type=Path)
    asked = parser.parse_args()
    simulated, real = read(asked.simulated), read(asked.real)
    found = [*differences(simulated, real)]
    for line in found:
        print(line)
    both = len(simulated.keys() & real.keys())
    print(f"{both} stories in both worlds, {len(found)} differences", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
