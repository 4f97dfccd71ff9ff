"""What a container does over time: syscalls, files, waiting, an exit; and what we assume of an unknown image."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

ANNOTATION = "simulation.spo.x-k8s.io/workload"


class Syscall(Struct, frozen=True, tag="call"):
    """A syscall. If it is refused and was `needed`, the program gives up with exit code 1."""

    name: str
    args: tuple[int, ...] = ()
    needed: bool = True


class Touch(Struct, frozen=True, tag="touch"):
    """A file the program opens (`openat`): for recorders, and for profiles of other kinds."""

    path: str
    mode: Literal["r", "w", "x"] = "r"


class Wait(Struct, frozen=True, tag="wait"):
    """`by` is the syscall that waits, if it matters: refused, the wait is over at once."""

    seconds: float
    by: str = ""


class Say(Struct, frozen=True, tag="say"):
    """A line on standard output: `kubectl logs` shows it."""

    text: str


class Exit(Struct, frozen=True, tag="exit"):
    code: int = 0


Step = Syscall | Touch | Wait | Say | Exit


class Workload(Struct, frozen=True):
    """Steps in order; after the last one the program runs for ever, unless it was an `Exit`.

    `stops_s` is how long it takes to end after SIGTERM; `None`: it does not listen, and is killed when its time is up.
    `comm` and `exe` are what audit lines call it.
    """

    steps: tuple[Step, ...] = ()
    stops_s: float | None = 0.1
    comm: str = "main"
    exe: str = "/usr/bin/main"


START_UP = (
    "brk arch_prctl mmap access openat newfstatat read close mprotect munmap set_tid_address set_robust_list rseq "
    "prlimit64 getrandom rt_sigaction rt_sigprocmask futex write epoll_create1 epoll_ctl epoll_wait"
).split()

# What a dynamically linked program does before it gets to work. Refusals do not end it: of a program that we do not
# know we do not claim to know what it cannot live without.
UNKNOWN = Workload(tuple(Syscall(name, needed=False) for name in START_UP))


def parse(text: str) -> Workload:
    """From the pod annotation. Raises ValueError naming what is wrong."""
    try:
        return msgspec.json.decode(text, type=Workload)
    except msgspec.MsgspecError as error:
        raise ValueError(f"annotation {ANNOTATION}: {error}") from error


def of_command(command: Sequence[str], known: Workload = UNKNOWN) -> Workload:
    """Of a command line: `sleep 5`, `echo hi`, `sh -c "sleep 1; exit 3"` do what they say; others are `known`."""
    if not command:
        return known
    comm = command[0].rsplit("/", 1)[-1]
    script = command[2] if comm in ("sh", "bash", "ash") and len(command) >= 3 and command[1] == "-c" else None
    steps = _script(script if script is not None else shlex.join(command))
    if steps is None:
        return Workload(known.steps, known.stops_s, comm, f"/bin/{comm}")
    # A shell or `sleep` as process 1 has no handler for SIGTERM, and the kernel spares process 1 the default one.
    return Workload((*known.steps, *steps), None, comm, f"/bin/{comm}")


_NUMBER = re.compile(r"\d+(\.\d+)?\Z")
_PLAIN = re.compile(r"\s*+\S++(?!\s+-)[^$`|<>&*?]*\Z")  # what `echo` says as it stands; of the rest we claim nothing


def _script(text: str) -> list[Step] | None:
    """Steps of a few plain commands joined by `;`, `&&` or newlines; `None` if there is one we do not know."""
    steps: list[Step] = []
    code = 0
    for part in re.split(r";|&&|\n", text):
        try:
            words = shlex.split(part)
        except ValueError:
            return None
        if words:
            words[0] = words[0].rsplit("/", 1)[-1]
        match words:
            case ["echo", *said]:
                steps += [Say(" ".join(said))] if _PLAIN.match(part) else []
                code = 0
            case [] | ["true" | "printf" | ":", *_]:
                code = 0
            case ["sleep", length] if _NUMBER.match(length):
                steps.append(Wait(float(length), by="clock_nanosleep"))
                code = 0
            case ["mkdir", _]:
                steps.append(Syscall("mkdir"))
                code = 0
            case ["sleep", "infinity" | "inf"]:
                return steps
            case ["false"]:
                code = 1
            case ["exit"]:
                return [*steps, Exit(code)]
            case ["exit", number] if number.isdigit():
                return [*steps, Exit(int(number) % 256)]
            case _:
                return None
    return [*steps, Exit(code)]
