"""All figures of the last runs in one table: target, figure and verdict. No verdict ends a build: machines differ."""

from __future__ import annotations

import msgspec
from measure import RESULTS, Figure, row, table


def main() -> None:
    rows: list[tuple[str, ...]] = []
    for path in sorted(RESULTS.glob("*.json")):
        result = msgspec.json.decode(path.read_bytes())
        figures = [msgspec.convert(each, Figure) for each in result["figures"]]
        rows += [(f"{result['benchmark']}: {name}", *rest) for name, *rest in map(row, figures)]
    print(table(("figure", "value", "unit", "target", ""), rows))
    missed = sum(each[-1] == "MISSED" for each in rows)
    print(f"\n{len(rows)} figures, {sum(bool(each[-1]) for each in rows)} with a target, {missed} missed")


if __name__ == "__main__":
    main()
