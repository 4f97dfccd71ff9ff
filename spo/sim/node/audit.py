"""A node's audit log: lines as the kernel writes them, the newest kept, the rest counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from importlib.resources import files

from spo.sim.node.kernel import SIGSYS, Decision

BACKLOG_LINES = 8192
AUDIT_ARCH_X86_64 = 0xC000003E


class AuditLog:
    """Lines in order; `first` is the number of the oldest one still here, so a reader knows what it missed."""

    def __init__(self, limit_lines: int = BACKLOG_LINES) -> None:
        self.lines: deque[str] = deque(maxlen=limit_lines)
        self.written = 0
        self._listeners: list[Callable[[str], None]] = []

    @property
    def first(self) -> int:
        return self.written - len(self.lines)

    def append(self, line: str) -> None:
        self.lines.append(line)
        self.written += 1
        for listener in self._listeners:
            listener(line)

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with each new line."""
        self._listeners.append(listener)


@cache
def syscall_numbers() -> dict[str, int]:
    """Name → number on x86_64."""
    text = files("spo.sim.node").joinpath("data/syscalls-x86_64.txt").read_text()
    pairs = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {name: int(number) for name, number in pairs}


def seccomp_line(now_ns: int, serial: int, pid: int, comm: str, exe: str, syscall: str, verdict: Decision) -> str:
    """The SECCOMP record of one verdict (docs/kernel.md 2), as a reader of the audit socket gets it, with its type."""
    killed = verdict.kills
    stamp = f"{now_ns // 10**9}.{now_ns // 10**6 % 1000:03d}:{serial}"
    return (
        f"type=1326 audit({stamp}): auid=4294967295 uid=0 gid=0 ses=4294967295 pid={pid} "
        f"comm={quoted(comm[:15])} exe={quoted(exe)} sig={SIGSYS if killed else 0} arch={AUDIT_ARCH_X86_64:x} "
        f"syscall={syscall_numbers().get(syscall, -1)} compat=0 ip=0x7f42df405f37 code=0x{verdict.code:x}"
    )


def quoted(text: str) -> str:
    """Audit's way with untrusted strings: in quotes; bare hex if they hold blanks, quotes or control characters."""
    raw = text.encode()
    if any(byte in (0x20, 0x22) or byte < 0x21 or byte > 0x7E for byte in raw):
        return raw.hex().upper()
    return f'"{text}"'
