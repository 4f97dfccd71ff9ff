"""Whatever libseccomp does not load is never installed; and the simulated runtime refuses it in runc's words.

Filters are made by libseccomp here, of random profiles as we write them, so most of it needs no root; runc is asked
about a few files. An example of the random tests is 25 profiles: `--hypothesis-profile thorough` makes 10,000 of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from subprocess import check_output
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spo.model.meta import ObjectMeta
from spo.model.seccomp import ACTIONS, ERRNO_MAX, OPERATORS, Argument, SeccompProfile, SeccompProfileSpec, Syscall
from spo.render.architectures import BIG_ENDIAN, CARRIED, CARRIERS, MULTIPLEXED
from spo.render.collisions import collision
from spo.render.conditions import Inexact
from spo.render.loadable import NotLoadable
from spo.render.resolve import resolve
from spo.render.seccomp import render
from spo.sim.node.disk import Disk
from spo.sim.node.kernel import BadProfile
from spo.sim.node.runtime import RUNC_FAILED, SECCOMP_ROOT, CannotStart, Confinement, filter_of
from spo.sim.node.seccomp_loading import RUNC, make_filter
from tests.kernel.bundle import run, runc
from tests.kernel.seccomp import library, refusals

pytestmark = pytest.mark.kernel

LITTLE = ("X86_64", "X86", "X32", "AARCH64", "ARM", "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC64LE", "RISCV64")
NAMES = ("read", "mkdir", "socket", "bind", "shmget", "socketcall", "ipc")
VALUES = (0, 1, 2, 8, 0xFF, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, (1 << 63) - 1)
NUMBERS = (None, None, None, 0, 2, "13", ERRNO_MAX, ERRNO_MAX + 1, 0xFFFF)
EQUAL = ("SCMP_CMP_EQ", "SCMP_CMP_MASKED_EQ")
RULES_OF_ONE = 2000
PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


@pytest.fixture(scope="module")
def lib() -> Any:
    return library()


def _rule(luck: Random, name: str) -> Syscall:
    operators = luck.choice((EQUAL, EQUAL, OPERATORS))
    few = luck.choice((VALUES, VALUES[:2]))
    args = tuple(
        Argument(index, luck.choice(operators), luck.choice(few), luck.choice(few))
        for index in (luck.randrange(3) for _ in range(luck.choice((0, 1, 1, 2, 2, 3))))
    )
    names = (name, luck.choice(NAMES)) if luck.random() < 0.2 else (name,)
    action = luck.choice(("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", *ACTIONS))
    return Syscall(tuple(dict.fromkeys(names)), action, luck.choice(NUMBERS), args)


# Drawn once: to draw each part of each rule of 10,000 profiles would take minutes.
RULES = {name: [_rule(Random(f"{name} {n}"), name) for n in range(RULES_OF_ONE)] for name in NAMES}


def rules(name: str, count: int = 5) -> st.SearchStrategy[tuple[Syscall, ...]]:
    """Rules of one syscall, most of them."""
    return st.lists(st.sampled_from(RULES[name]), min_size=1, max_size=count).map(tuple)


many = st.sampled_from(NAMES).flatmap(rules)
architectures = st.one_of(
    st.lists(st.sampled_from([f"SCMP_ARCH_{name}" for name in LITTLE]), max_size=3, unique=True),
    st.lists(st.sampled_from(sorted(BIG_ENDIAN)), max_size=2, unique=True),
    st.lists(st.sampled_from(["SCMP_ARCH_NATIVE", "SCMP_ARCH_X86", "SCMP_ARCH_S390X"]), unique=True),
).map(tuple)


def profile(
    default: str, listed: tuple[str, ...], syscalls: tuple[Syscall, ...], base: tuple[Syscall, ...] = ()
) -> tuple[SeccompProfile, SeccompProfile]:
    """A profile with somebody to ask, and its base."""
    spec = SeccompProfileSpec(
        default, base_profile_name="base" if base else "", architectures=listed, listener_path="/a", syscalls=syscalls
    )
    below = SeccompProfileSpec("SCMP_ACT_ERRNO", syscalls=base)
    return SeccompProfile(spec, ObjectMeta("mine", "shop")), SeccompProfile(below, ObjectMeta("base", "shop"))


profiles = st.builds(profile, st.sampled_from(ACTIONS), architectures, many, st.just(()) | many)


def file_of(mine: SeccompProfile, base: SeccompProfile) -> dict[str, Any] | None:
    """The file that would be installed; None if none is."""
    resolved = resolve(mine, lambda namespace, name: base, "operator")
    assert resolved.problem is None
    try:
        found: dict[str, Any] = json.loads(render(resolved))
    except (Inexact, NotLoadable):
        return None
    return found


@settings(**PATIENT)
@given(given=st.lists(profiles, min_size=25, max_size=25))
def test_what_libseccomp_does_not_load_is_never_installed(
    lib: Any, given: list[tuple[SeccompProfile, SeccompProfile]]
) -> None:
    files = [file for each in given if (file := file_of(*each)) is not None]

    for file, refusal in zip(files, refusals(lib, files), strict=True):
        assert refusal == "", file


def two_rules(operators: Sequence[str]) -> st.SearchStrategy[tuple[Syscall, ...]]:
    """Of one syscall, both of them."""
    pairs = [
        st.tuples(*[st.sampled_from([each for each in RULES[name] if is_alone(each, operators)])] * 2)
        for name in NAMES
        if name not in CARRIERS
    ]
    return st.one_of(*pairs)


def is_alone(rule: Syscall, operators: Sequence[str]) -> bool:
    return len(rule.names) == 1 and all(arg.op in operators for arg in rule.args)


def pairs(
    operators: Sequence[str], listed: st.SearchStrategy[tuple[str, ...]]
) -> st.SearchStrategy[tuple[SeccompProfile, SeccompProfile]]:
    return st.builds(profile, st.just("SCMP_ACT_KILL_PROCESS"), listed, two_rules(operators))


def written(mine: SeccompProfile) -> dict[str, Any]:
    """The profile as its author wrote it."""
    return {
        "defaultAction": mine.spec.default_action,
        "architectures": mine.spec.architectures,
        "listenerPath": mine.spec.listener_path,
        "syscalls": [
            {
                "names": rule.names,
                "action": rule.action,
                **({} if rule.errno_ret is None else {"errnoRet": int(rule.errno_ret)}),
                "args": [{"index": a.index, "op": a.op, "value": a.value, "valueTwo": a.value_two} for a in rule.args],
            }
            for rule in mine.spec.syscalls
        ],
    }


@settings(**PATIENT, max_examples=40)
@given(given=st.lists(pairs(OPERATORS, architectures), min_size=25, max_size=25))
def test_two_rules_of_a_syscall_that_are_said_to_collide_do_not_load(
    lib: Any, given: list[tuple[SeccompProfile, SeccompProfile]]
) -> None:
    """Of three, libseccomp may drop one that stands in the way."""
    those = [
        mine for mine, _ in given if collision(mine.spec.syscalls, mine.spec.default_action, mine.spec.architectures)
    ]
    files = [written(mine) for mine in those]

    for file, refusal in zip(files, refusals(lib, files), strict=True):
        assert refusal != "", file


known_to_runc = st.lists(
    st.sampled_from(["SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390X"]),
    max_size=3,
    unique=True,
).map(tuple)


@settings(**PATIENT, max_examples=40)
@given(given=st.lists(pairs(EQUAL, known_to_runc), min_size=25, max_size=25))
def test_the_simulated_runtime_refuses_of_two_rules_what_libseccomp_refuses_and_nothing_else(
    lib: Any, given: list[tuple[SeccompProfile, SeccompProfile]]
) -> None:
    """As authors write them. That of big-endian architectures alone no filter is made is of the node here."""
    files = [written(mine) for mine, _ in given if not BIG_ENDIAN.issuperset(mine.spec.architectures or {"none"})]

    for file, refusal in zip(files, refusals(lib, files), strict=True):
        try:
            make_filter(json.dumps(file).encode())
            assert refusal == "", file
        except BadProfile:
            assert refusal != "", file


@pytest.mark.parametrize("number", [0, ERRNO_MAX, ERRNO_MAX + 1, 0xFFFF])
def test_error_numbers_end_below_4095_and_messages_to_tracers_do_not(lib: Any, number: int) -> None:
    def asking(action: str) -> dict[str, Any]:
        return {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["mkdir"], "action": action, "errnoRet": number}],
        }

    errno, trace = refusals(lib, [asking("SCMP_ACT_ERRNO"), asking("SCMP_ACT_TRACE")])
    assert (errno == "") is (number <= ERRNO_MAX)
    assert trace == ""


@pytest.mark.parametrize("architecture", sorted(MULTIPLEXED))
def test_all_that_is_multiplexed_is_known(lib: Any, architecture: str) -> None:
    """Only there are two rules without conditions refused, and a rule on the number that stands for the call."""
    plain = "SCMP_ARCH_MIPS64" if architecture in BIG_ENDIAN else "SCMP_ARCH_X86_64"
    errno, kill = ({"names": [name], "action": "SCMP_ACT_ERRNO"} for name in CARRIED), "SCMP_ACT_KILL"
    asked = []
    for rule_of_one, (name, (carrier, number)) in zip(errno, CARRIED.items(), strict=True):
        by_number = {"index": 0, "op": "SCMP_CMP_EQ", "value": number, "valueTwo": 0}
        twice = [rule_of_one, {"names": [name], "action": kill}]
        through = [{"names": [carrier], "action": kill, "args": [by_number]}, rule_of_one]
        asked += [
            {"defaultAction": "SCMP_ACT_ALLOW", "architectures": [listed], "syscalls": each}
            for listed in (architecture, plain)
            for each in (twice, through)
        ]

    found = [bool(refusal) for refusal in refusals(lib, asked)]

    assert found == [True, True, False, False] * len(CARRIED)


# -- runc ------------------------------------------------------------------------------------------------------------


@cache
def release() -> str:
    found = re.search(r"runc version (\S+?)(\+|\n)", check_output([runc(), "--version"], text=True))
    assert found is not None
    return found[1]


def rule(action: str = "SCMP_ACT_ERRNO", *names: str, **more: Any) -> dict[str, Any]:
    return {"names": names or ("mkdir",), "action": action, **more}


def file(*syscalls: dict[str, Any], default: str = "SCMP_ACT_ALLOW", **more: Any) -> dict[str, Any]:
    return {"defaultAction": default, "syscalls": syscalls, **more}


MODE = [{"index": 1, "op": "SCMP_CMP_EQ", "value": 0o777, "valueTwo": 0}]
TWO_ACTIONS = (rule("SCMP_ACT_ERRNO", args=MODE), rule("SCMP_ACT_KILL", args=MODE))
SOCKET = (rule("SCMP_ACT_ERRNO", "socket", args=MODE), rule("SCMP_ACT_KILL", "socket"))
NOBODY = "/var/run/security-profiles-operator/nobody.sock"

FILES = {
    "both byte orders": file(rule(), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_S390X"]),
    "the other byte order": file(rule(), architectures=["SCMP_ARCH_PPC64"]),
    "an architecture that a newer runc knows": file(rule(), architectures=["SCMP_ARCH_RISCV64"]),
    "an architecture that it does not know": file(rule(), architectures=["SCMP_ARCH_PARISC"]),
    "nobody is asked": file(rule("SCMP_ACT_NOTIFY")),
    "nobody is asked about what does not exist": file(rule("SCMP_ACT_NOTIFY", "mkdirr")),
    "nobody listens": file(rule("SCMP_ACT_NOTIFY"), listenerPath=NOBODY),
    "asked about write": file(rule("SCMP_ACT_NOTIFY", "write"), listenerPath=NOBODY),
    "asked about everything": file(rule(), default="SCMP_ACT_NOTIFY", listenerPath=NOBODY),
    "a flag": file(rule(), flags=["SECCOMP_FILTER_FLAG_LOG"]),
    "a flag that it does not know": file(rule(), flags=["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]),
    "two actions on the same conditions": file(*TWO_ACTIONS),
    "a longer condition, then a shorter": file(
        rule("SCMP_ACT_KILL", args=[{**MODE[0], "index": 0}, *MODE]), rule(args=[{**MODE[0], "index": 0}])
    ),
    "a multiplexed syscall, without conditions": file(*SOCKET, architectures=["SCMP_ARCH_X86"]),
    "an errno that is too large": file(rule(errnoRet=4095)),
    "an errno that is too large, on conditions": file(rule(errnoRet=4095, args=MODE)),
    "an errno that is too large in 16 bits": file(rule(errnoRet=70000)),
    "a default errno that is too large": file(rule("SCMP_ACT_LOG"), default="SCMP_ACT_ERRNO", defaultErrnoRet=4095),
    "what exists nowhere may have any errno": file(rule("SCMP_ACT_ERRNO", "mkdirr", errnoRet=4095)),
    "what exists nowhere may collide": file(
        rule("SCMP_ACT_ERRNO", "mkdirr", args=MODE), rule("SCMP_ACT_KILL", "mkdirr", args=MODE)
    ),
    "the same condition twice": file(TWO_ACTIONS[0], TWO_ACTIONS[0]),
    "a shorter condition, then a longer": file(
        rule(args=[{**MODE[0], "index": 0}]), rule("SCMP_ACT_KILL", args=[{**MODE[0], "index": 0}, *MODE])
    ),
    "two rules without conditions": file(rule(), rule("SCMP_ACT_KILL")),
    "a syscall that is multiplexed elsewhere": file(*SOCKET),
    "a large message to tracers": file(rule("SCMP_ACT_TRACE", errnoRet=0xFFFF)),
}


def said_by_runc(directory: Path, profile: dict[str, Any]) -> str:
    """Why it does not start the container; empty: it does."""
    ended = run(directory, ["true"], profile)
    failed = re.search(r'msg="runc run failed: (.*)"\n', ended.stderr)
    return failed[1] if failed else ""


def said_by_the_simulated_one(profile: dict[str, Any]) -> str:
    disk = Disk()
    disk.write(f"{SECCOMP_ROOT}/operator/shop/p.json", json.dumps(profile).encode())
    try:
        filter_of(disk, Confinement("Localhost", "operator/shop/p.json"), release())
    except CannotStart as error:
        return str(error).removeprefix(RUNC_FAILED).removesuffix(": unknown")
    return ""


@pytest.mark.parametrize("what", FILES)
def test_runc_and_the_simulated_runtime_say_the_same_of_a_file(tmp_path: Path, what: str) -> None:
    assert said_by_the_simulated_one(FILES[what]) == said_by_runc(tmp_path, FILES[what])


def test_most_of_these_files_are_refused_and_some_are_not() -> None:
    """Else the test above would tell nothing."""
    refused = [what for what, profile in FILES.items() if said_by_the_simulated_one(profile)]
    assert 15 <= len(refused) < len(FILES) - 4


@pytest.mark.parametrize(
    ("number", "made", "said"),
    [(0, False, ""), (65536, False, ""), (65537, False, "Operation not permitted"), (28, False, "No space left")],
)
def test_of_an_error_number_sixteen_bits_count(tmp_path: Path, number: int, made: bool, said: str) -> None:
    """65536 becomes 0: the call says that it succeeded, and has done nothing."""
    ended = run(tmp_path, ["mkdir", "/made"], file(rule(errnoRet=number)))

    assert (ended.returncode == 0) is (said == "")
    assert said in ended.stderr
    assert (tmp_path / "bundle/rootfs/made").is_dir() is made
    assert make_filter(json.dumps(file(rule(errnoRet=number))).encode(), RUNC).verdict("mkdir").errno == number & 0xFFFF
