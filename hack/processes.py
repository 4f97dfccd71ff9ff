"""Servers in the background: each with a log and a pid file in one directory, and known by when it was started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

STOP_S = 10  # a server that still has clients would take its time
TAIL = 15


class Processes:
    """The servers whose logs and pid files are in `state`."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def start(self, name: str, *command: object, environment: Mapping[str, str] | None = None) -> int:
        """Start a server that outlives us. Gives its pid."""
        with open(self.state / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=self.state,
                env=None if environment is None else dict(environment),
            )
        self._file(name).write_text(f"{process.pid} {born(process.pid)}")
        return process.pid

    def names(self) -> list[str]:
        """All that were started and not stopped."""
        return sorted(path.stem for path in self.state.glob("*.pid"))

    def pid(self, name: str) -> int:
        return int(self._file(name).read_text().split()[0])

    def alive(self, name: str) -> bool:
        """Does it run? A number that belongs to somebody else by now does not count."""
        if not self._file(name).exists():
            return False
        pid, _, since = self._file(name).read_text().partition(" ")
        return born(int(pid)) == since != ""

    def stop(self, name: str) -> None:
        """End it, politely at first. Returns when it is gone."""
        if not self._file(name).exists():
            return
        pid = self.pid(name)
        for sent in (signal.SIGTERM, signal.SIGKILL):
            if not self.alive(name):
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sent)
            deadline = time.monotonic() + STOP_S
            while self.alive(name) and time.monotonic() < deadline:
                time.sleep(0.05)
        self._file(name).unlink()

    def wait(self, what: str, ready: Callable[[], bool], seconds: float, log: str) -> None:
        """Return when `ready`; after too long a time end with the last lines of the log."""
        deadline, reason = time.monotonic() + seconds, "not ready"
        while time.monotonic() < deadline:
            try:
                if ready():
                    return
            except (OSError, KeyError) as error:
                reason = repr(error)
            time.sleep(0.2)
        file = self.state / f"{log}.log"
        tail = "\n".join(file.read_text(errors="replace").splitlines()[-TAIL:])
        raise SystemExit(f"{what} did not come up in {seconds:.0f} s ({reason}); the end of {file}:\n{tail}")

    def _file(self, name: str) -> Path:
        return self.state / f"{name}.pid"


def born(pid: int) -> str:
    """When a process was started, in the kernel's words; empty if it has ended."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state == "Z" else rest[18]
