"""The steps of a run: how long each took and what came of it, told at the end and kept in a file for who started it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from hack.packages import say

TOP = Path(__file__).resolve().parent.parent
TAIL = 60


class Step:
    """One that goes on; `came_of_it` is told beside its name."""

    came_of_it = ""


class Steps:
    """All of them, in order. `file` will hold what `tell` says; what an earlier run left there goes at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lines: list[str] = []
        self.failed: list[str] = []  # and the run went on
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)

    @contextmanager
    def step(self, name: str, go_on: bool = False) -> Iterator[Step]:
        """The body is a step. If that fails, the error goes on, or the run does."""
        say(f"== {name}")
        started, step, end = time.monotonic(), Step(), " FAILED"
        try:
            yield step
            end = f": {step.came_of_it}" if step.came_of_it else ""
        except (subprocess.CalledProcessError, SystemExit) as error:
            if not go_on:
                raise
            say(str(error))
            self.failed.append(name)
        finally:
            self._lines.append(f"{time.monotonic() - started:7.1f} s  {name}{end}")

    def tell(self) -> None:
        self._file.write_text("".join(f"{line}\n" for line in self._lines))
        say("\n".join(["", *self._lines]))


class Beside:
    """A command that runs beside everything else, and takes only the time that nobody else wants."""

    def __init__(self, log: Path, *command: str) -> None:
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as output:
            self._running = subprocess.Popen(["nice", "-n", "19", *command], cwd=TOP, stdout=output, stderr=output)

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.terminate()  # if nobody waited for it, nobody will
        self._running.wait()

    def wait(self) -> None:
        """Until it has ended; ends with an error, and the end of what it said, if it failed."""
        if code := self._running.wait():
            say("\n".join(self._log.read_text(errors="replace").splitlines()[-TAIL:]))
            raise subprocess.CalledProcessError(code, self._running.args)


class Told(NamedTuple):
    """What pytest reports: how many tests passed, and the reasons of those that were skipped."""

    passed: int
    skipped: Sequence[str]

    def __str__(self) -> str:
        return f"{self.passed} passed" + (f", {len(self.skipped)} skipped" if self.skipped else "")


def call(*command: str, **environment: str) -> None:
    """Run a command, which must succeed, in the top directory."""
    subprocess.run(command, check=True, cwd=TOP, env={**os.environ, **environment})


def tests(*options: str, **environment: str) -> Told:
    """Run pytest; every test that runs must pass."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        call(sys.executable, "-m", "pytest", f"--junitxml={report}", *options, **environment)
        return read(report.read_text())


def all_tests(*options: str, **environment: str) -> Told:
    """Run pytest where every test must run, too: ends with an error, and the reasons, if one was skipped."""
    told = tests(*options, **environment)
    if told.skipped or not told.passed:
        raise SystemExit("\n".join(["these had to run, and were skipped:", *(told.skipped or ["all: there is none"])]))
    return told


def read(report: str) -> Told:
    """A report in JUnit's form."""
    cases = list(ElementTree.fromstring(report).iter("testcase"))
    skipped = [(case, case.find("skipped")) for case in cases]
    reasons = [f"{case.get('name')}: {why.get('message')}" for case, why in skipped if why is not None]
    return Told(len(cases) - len(reasons), reasons)
