"""What libseccomp makes of a profile, and what the kernel's filter machine says of a call: for comparing ours with.

Loading follows runc (libcontainer/seccomp): a rule with the default action is left out, names that libseccomp does not
know are ignored, and an argument that is named twice means *or*.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
import platform
import select
import signal
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

ACTIONS = {  # SCMP_ACT_*, seccomp.h; errno or tracer's message go into the low bits
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
    "SCMP_ACT_KILL_THREAD": 0x00000000,
    "SCMP_ACT_KILL": 0x00000000,
    "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_ERRNO": 0x00050000,
    "SCMP_ACT_NOTIFY": 0x7FC00000,
    "SCMP_ACT_TRACE": 0x7FF00000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_ALLOW": 0x7FFF0000,
}
WITH_NUMBER = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")
OPERATORS = {f"SCMP_CMP_{name}": number for number, name in enumerate("NE LT LE EQ GE GT MASKED_EQ".split(), start=1)}
UNKNOWN = -1  # __NR_SCMP_ERROR
X86, X86_64 = 0x40000003, 0xC000003E  # AUDIT_ARCH_*
BIG_ENDIAN = frozenset(
    "SCMP_ARCH_" + name for name in "MIPS MIPS64 MIPS64N32 PPC PPC64 S390 S390X PARISC PARISC64".split()
)
FILTER_MAX = 4096  # instructions: linux/filter.h, BPF_MAXINSNS
INSTRUCTION_BYTES = 8
EPERM = 1
EEXIST = 17
PATIENCE_S = 10


class _Condition(ctypes.Structure):
    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


def library() -> Any:
    """libseccomp; skips, with the reason, where it is not."""
    if platform.machine() != "x86_64":
        pytest.skip("the filter machine here reads calls of x86_64")
    name = ctypes.util.find_library("seccomp")
    if name is None:
        pytest.skip("libseccomp is not installed (Debian package libseccomp2)")
    found = ctypes.CDLL(name)
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_init.argtypes = [ctypes.c_uint32]
    found.seccomp_release.argtypes = [ctypes.c_void_p]
    found.seccomp_load.argtypes = [ctypes.c_void_p]
    found.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    found.seccomp_arch_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    found.seccomp_arch_remove.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    found.seccomp_arch_resolve_name.argtypes = [ctypes.c_char_p]
    found.seccomp_arch_resolve_name.restype = ctypes.c_uint32
    found.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    found.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    found.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.POINTER(_Condition),
    ]
    return found


class Filter:
    """A profile (OCI JSON) as libseccomp compiles it. Gives verdicts as SECCOMP_RET_* values, data bits included.

    Compiled by a child, which is given up after `PATIENCE_S`: of some rules libseccomp never comes back.
    """

    def __init__(self, lib: Any, profile: Mapping[str, Any]) -> None:
        def work() -> bytes:
            with _compiled(lib, profile) as context:
                return _exported(lib, context)

        self._lib = lib
        self.program: list[Instruction] = list(struct.iter_unpack("<HBBI", _by_a_child(work)))

    def verdict(self, name: str, args: Sequence[int], architecture: int = X86_64) -> int:
        """What happens to the call."""
        number = self._lib.seccomp_syscall_resolve_name_arch(architecture, name.encode())
        return _run(self.program, struct.pack("<iIQ6Q", number, architecture, 0, *args))


def refusals(lib: Any, profiles: Sequence[Mapping[str, Any]]) -> list[str]:
    """What libseccomp, or the kernel, has against each profile; empty: it loads, on a node of its byte order."""

    def refusal(profile: Mapping[str, Any]) -> str:
        try:
            with _compiled(lib, profile) as context:
                size = len(_exported(lib, context)) // INSTRUCTION_BYTES
                return "" if size <= FILTER_MAX else f"{size} instructions"
        except AssertionError as error:
            return str(error) or "an architecture"

    found: list[str] = json.loads(_by_a_child(lambda: json.dumps([refusal(each) for each in profiles]).encode()))
    return found


def hold_to(profile: Mapping[str, Any]) -> None:
    """From now on this process, and whatever it becomes, is held to the profile by the kernel."""
    lib = library()
    with _compiled(lib, profile) as context:
        code = lib.seccomp_load(context)
        assert code == 0, os.strerror(-code)


@contextmanager
def _compiled(lib: Any, profile: Mapping[str, Any]) -> Iterator[Any]:
    """libseccomp's filter context of a profile."""
    default = _action(profile["defaultAction"], profile.get("defaultErrnoRet"))
    context = lib.seccomp_init(default)
    assert context
    try:
        names = profile.get("architectures", ())
        if names and BIG_ENDIAN.issuperset(names):  # so is the node
            assert lib.seccomp_arch_remove(context, X86_64) == 0
        for name in names:
            token = lib.seccomp_arch_resolve_name(name.removeprefix("SCMP_ARCH_").lower().encode())
            assert lib.seccomp_arch_add(context, token) in (0, -EEXIST)
        for rule in profile.get("syscalls", ()):
            _add(lib, context, rule, default)
        yield context
    finally:
        lib.seccomp_release(context)


def _add(lib: Any, context: Any, rule: Mapping[str, Any], default: int) -> None:
    action = _action(rule["action"], rule.get("errnoRet"))
    if action == default:
        return
    given = [_Condition(a["index"], OPERATORS[a["op"]], a["value"], a["valueTwo"]) for a in rule.get("args", ())]
    twice = len({condition.arg for condition in given}) < len(given)
    alternatives = [[condition] for condition in given] if twice else [given]
    for name in rule["names"]:
        number = lib.seccomp_syscall_resolve_name(name.encode())
        for conditions in alternatives if number != UNKNOWN else ():
            array = (_Condition * len(conditions))(*conditions)
            code = lib.seccomp_rule_add_array(context, action, number, len(conditions), array)
            assert code == 0, f"libseccomp refuses {rule}: {os.strerror(-code)}"


def _action(name: str, number: int | None) -> int:
    return ACTIONS[name] | ((EPERM if number is None else number & 0xFFFF) if name in WITH_NUMBER else 0)


# -- the kernel's filter machine -------------------------------------------------------------------------------------

Instruction = tuple[int, int, int, int]  # code, jt, jf, k


def _by_a_child(work: Callable[[], bytes]) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, work())
        except BaseException as error:
            os.write(2, f"{error}\n".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        came = select.select([pipe], [], [], PATIENCE_S)[0]
        if not came:
            os.kill(child, signal.SIGKILL)
        done = pipe.read()
    os.waitpid(child, 0)
    assert came, f"libseccomp has not come back after {PATIENCE_S} s"
    assert done, "libseccomp made no filter; the child says why"
    return done


def _exported(lib: Any, context: Any) -> bytes:
    place = os.memfd_create("filter")
    try:
        assert lib.seccomp_export_bpf(context, place) == 0
        return os.pread(place, os.fstat(place).st_size, 0)
    finally:
        os.close(place)


def _run(program: Sequence[Instruction], data: bytes) -> int:
    """Classic BPF, as far as seccomp filters use it (linux/filter.h, kernel/seccomp.c seccomp_check_filter)."""
    accumulator = place = 0
    while True:
        code, if_true, if_false, operand = program[place]
        place += 1
        match code:
            case 0x20:  # LD W ABS
                (accumulator,) = struct.unpack_from("<I", data, operand)
            case 0x54:  # ALU AND K
                accumulator &= operand
            case 0x05:  # JMP JA
                place += operand
            case 0x15:  # JMP JEQ K
                place += if_true if accumulator == operand else if_false
            case 0x25:  # JMP JGT K
                place += if_true if accumulator > operand else if_false
            case 0x35:  # JMP JGE K
                place += if_true if accumulator >= operand else if_false
            case 0x06:  # RET K
                return operand
            case _:
                raise AssertionError(f"an instruction that seccomp filters do not have: {code:#x}")
