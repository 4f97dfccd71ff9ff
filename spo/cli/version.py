"""Say which spo this is, and what it stands on."""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version

from spo.report.machine_readable import written

DISTRIBUTION = "security-profiles-operator"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="how to print it (default: text)"
    )


def run(arguments: argparse.Namespace) -> int:
    facts = {"spo": own_version(), "python": platform.python_version(), "msgspec": version("msgspec")}
    if arguments.output == "json":
        print(written(facts, arguments.output))
    else:
        print(f"spo {facts['spo']} (Python {facts['python']}, msgspec {facts['msgspec']})")
    return 0


def own_version() -> str:
    """The version of this installation; `unknown` in a source tree that was never installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"
