"""How runc and libseccomp make a filter of a profile's file, on a node of x86_64: or what runc says instead.

Recorded of runc 1.1.5 with libseccomp 2.5.4 (tests/kernel/test_loadable.py), and read in runc 1.2 to 1.4. A rule that
libseccomp has no syscall for is ignored; of the names that only other architectures have it is said to be none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from spo.sim.node.audit import syscall_numbers
from spo.sim.node.kernel import BadProfile, Condition, Decision, Filter, Profile, conditions_of, decision, decode, load

RUNC = "1.1.5"
WITH_FLAGS = WITH_RISCV64 = (1, 2)  # the release of runc that came with them
FLAGS = frozenset("SECCOMP_FILTER_FLAG_" + name for name in ("TSYNC", "SPEC_ALLOW", "LOG"))

INIT_FAILED = "unable to start container process: "
NOT_INITIALISED = INIT_FAILED + "unable to init seccomp: "
EDOM = "numerical argument out of domain"
EEXIST = "file exists"
EINVAL = "two checks on same syscall argument"  # as libseccomp-golang understands it
MAX_ERRNO = 4095  # which libseccomp takes as the first that is too much


def _named(names: str) -> frozenset[str]:
    return frozenset("SCMP_ARCH_" + name for name in names.split())


LITTLE_ENDIAN = _named("X86 X86_64 X32 ARM AARCH64 MIPSEL MIPSEL64 MIPSEL64N32 PPC64LE RISCV64")
BIG_ENDIAN = _named("MIPS MIPS64 MIPS64N32 PPC PPC64 S390 S390X")
NARROW = _named("X86 X32 ARM MIPSEL MIPSEL64N32")
MULTIPLEXED = _named("X86 MIPSEL PPC64LE")

# The calls behind socketcall(2) and ipc(2), by their numbers there.
_SOCKET = """
    socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt
    getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg
""".split()
_IPC = {1: "semop semget semctl semtimedop", 11: "msgsnd msgrcv msgget msgctl", 21: "shmat shmdt shmget shmctl"}
BEHIND = {
    **{name: ("socketcall", number) for number, name in enumerate(_SOCKET, start=1)},
    **{name: ("ipc", number) for first, names in _IPC.items() for number, name in enumerate(names.split(), first)},
}
ONE_NUMBER = frozenset({"socketcall", "ipc"})

WORD = (1 << 32) - 1
ALL = (1 << 64) - 1
Step = str | tuple[int, str, int, int]  # the syscall; then argument, operator, mask and value
Tree = dict[Step, "Tree | Decision"]


@lru_cache(maxsize=256)  # the same file stands on thousands of nodes
def make_filter(data: bytes, runc: str = RUNC) -> Filter:
    """The filter of a profile's file. Raises BadProfile, in the words of this release of runc."""
    profile = decode(data)
    _refuse_what_is_not_known(profile, _release(runc))
    made = load(data)
    if (wrong := _not_initialised(profile, made)) is not None:
        raise BadProfile(NOT_INITIALISED + wrong)
    if made.asks and not made.listener:
        raise BadProfile(INIT_FAILED + "listenerPath is not set")
    return made


def _release(runc: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", runc)[:2])


def _refuse_what_is_not_known(profile: Profile, release: tuple[int, ...]) -> None:
    """runc's own tables (libcontainer/specconv, libcontainer/seccomp/config.go)."""
    if profile.flags and release < WITH_FLAGS:
        raise BadProfile("seccomp flags are not yet supported by runc")
    for flag in profile.flags or ():
        if flag not in FLAGS:
            raise BadProfile(f"seccomp flag {flag} is not known to runc")
    since = {"SCMP_ARCH_RISCV64": WITH_RISCV64}
    for architecture in profile.architectures or ():
        if architecture not in LITTLE_ENDIAN | BIG_ENDIAN or release < since.get(architecture, ()):
            raise BadProfile(f"string {architecture} is not a valid arch for seccomp")


def _not_initialised(profile: Profile, made: Filter) -> str | None:
    """What keeps runc's init from a filter (libcontainer/seccomp/seccomp_linux.go), in the order in which it looks."""
    if any(entry.action == "SCMP_ACT_NOTIFY" and "write" in entry.names for entry in profile.syscalls or ()):
        return "SCMP_ACT_NOTIFY cannot be used for the write syscall"
    if made.default.action == "NOTIFY":
        return "SCMP_ACT_NOTIFY cannot be used as default action"
    if _is_beyond_errno(made.default):
        return "error creating filter: could not create filter"
    if not LITTLE_ENDIAN.issuperset(profile.architectures or ()):
        return f"error adding architecture to seccomp filter: {EDOM}"
    forests: dict[str, Tree] = {each: {} for each in ("SCMP_ARCH_X86_64", *(profile.architectures or ()))}
    for name, action, conditions in _rules(profile, made.default):
        kind = "rule" if conditions else "filter rule"
        if _is_beyond_errno(action):
            return f"error adding seccomp {kind} for syscall {name}: {EINVAL}"
        if not all(_is_added(forest, each, name, action, conditions) for each, forest in forests.items()):
            return f"error adding seccomp {kind} for syscall {name}: {EEXIST}"
    return None


def _is_beyond_errno(action: Decision) -> bool:
    return action.action == "ERRNO" and action.errno >= MAX_ERRNO


def _rules(profile: Profile, default: Decision) -> Iterator[tuple[str, Decision, tuple[Condition, ...]]]:
    """What runc asks libseccomp for."""
    for entry in profile.syscalls or ():
        action = decision(entry.action, entry.errno_ret)
        for name in entry.names if action != default else ():
            if name in syscall_numbers() or name in BEHIND or name in ONE_NUMBER:
                yield from ((name, action, conditions) for conditions in conditions_of(entry))


# -- libseccomp's trees ----------------------------------------------------------------------------------------------


def _is_added(forest: Tree, architecture: str, name: str, action: Decision, conditions: tuple[Condition, ...]) -> bool:
    """Grow the trees of one architecture by a rule; False: where it ends, or beyond, one does something else."""
    seen = WORD if architecture in NARROW else ALL
    if architecture in MULTIPLEXED and name in BEHIND:
        carrier, number = BEHIND[name]
        others = tuple(each for each in conditions if each.index)
        path = (carrier, (0, "SCMP_CMP_EQ", seen, number), *_steps(others, seen))
        if not _grown(forest, path, action):
            return False
    return _grown(forest, (name, *_steps(conditions, seen)), action)


def _steps(conditions: tuple[Condition, ...], seen: int) -> Iterator[Step]:
    for each in sorted(conditions, key=lambda condition: condition.index):
        masked = each.op == "SCMP_CMP_MASKED_EQ"
        mask, value = (each.value & seen, each.value_two) if masked else (seen, each.value)
        if mask:
            yield each.index, each.op, mask, value & mask


def _grown(tree: Tree, path: tuple[Step, ...], action: Decision) -> bool:
    for step in path[:-1]:
        below = tree.setdefault(step, {})
        if isinstance(below, Decision):
            return True  # a shorter rule stands there: this one is dropped
        tree = below
    has_conditions = len(path) > 1  # else it takes the place of all
    if has_conditions and any(other != action for other in _leaves(tree.get(path[-1], {}))):
        return False
    tree[path[-1]] = action
    return True


def _leaves(tree: Tree | Decision) -> Iterator[Decision]:
    if isinstance(tree, Decision):
        yield tree
    else:
        for below in tree.values():
            yield from _leaves(below)
