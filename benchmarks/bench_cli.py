"""The command line: how long until `spo --help` stands on the screen, and how long the stories take."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from measure import Figure, Found, main

ROOT = Path(__file__).parent.parent
STARTS = 15  # the best of so many: what it costs, not what else the machine was doing
PROCESSES = "2"  # as `make test` runs them
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "spo --help": ("-m", "spo.cli.main", "--help"),
    "spo try --help": ("-m", "spo.cli.main", "try", "--help"),
}


def start(command: tuple[str, ...]) -> Found:
    """The best of many starts, in milliseconds of CPU and of the wall."""
    spent = []
    for _ in range(STARTS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=True, cwd=ROOT)
        wall = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall))
    return {"cpu_ms": min(cpu for cpu, _ in spent) * 1000, "wall_ms": min(wall for _, wall in spent) * 1000}


def stories() -> Found:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "--numprocesses", PROCESSES, "scenarios"]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):  # 1: some story failed; that is for the tests to say
        raise SystemExit("the stories could not be run: pytest scenarios says why")
    return {
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "wall_s": time.perf_counter() - began,
        "said": done.stdout.decode().strip().splitlines()[-1],
        "passed": done.returncode == 0,
    }


def report() -> tuple[list[Figure], dict[str, Any]]:
    starts = {name: start(command) for name, command in COMMANDS.items()}
    told = stories()
    print(f"pytest scenarios: {told['said']}", end="\n\n")
    bare, helped = starts["python -c pass"], starts["spo --help"]
    figures = [
        Figure("spo --help", helped["wall_ms"], "ms", 150),
        Figure("spo --help, in starts of Python itself", helped["cpu_ms"] / bare["cpu_ms"], "×"),
        Figure("spo try --help", starts["spo try --help"]["wall_ms"], "ms"),
        Figure("pytest scenarios, both processes together", told["cpu_s"], "CPU s", 60),
        Figure("pytest scenarios", told["wall_s"], "s"),
    ]
    return figures, {"starts": starts, "stories": told}


if __name__ == "__main__":
    main("cli", report)
