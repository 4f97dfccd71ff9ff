"""J5, from its other end: what no container runtime could load is never called installed, and says which rule it is."""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.manifests import Manifest, profile
from scenarios.world import World

INVALID = "InvalidSeccompProfile"
MODE = [{"index": 1, "op": "SCMP_CMP_EQ", "value": 0o777}]


def rule(action: str, *names: str, **more: Any) -> Manifest:
    return {"action": action, "names": list(names) or ["mkdir"], **more}


def with_rules(name: str, *rules: Manifest, **spec: Any) -> Manifest:
    made = profile(name, **spec)
    made["spec"]["syscalls"] += rules
    return made


SECOND = "rule 2 (spec.syscalls[1])"
ASKING = rule("SCMP_ACT_NOTIFY")
TWICE = (rule("SCMP_ACT_LOG", args=MODE), rule("SCMP_ACT_KILL", args=MODE))
SOCKET = (rule("SCMP_ACT_LOG", "socket", args=MODE), rule("SCMP_ACT_ALLOW", "socket"))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (profile("wrong", architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_S390X"]), "differ in byte order"),
        (with_rules("wrong", ASKING), f"{SECOND} has SCMP_ACT_NOTIFY on mkdir"),
        (profile("wrong", default="SCMP_ACT_NOTIFY"), "SCMP_ACT_NOTIFY cannot be the default action"),
        (with_rules("wrong", *TWICE), f"{SECOND} and rule 3 (spec.syscalls[2])"),
        (with_rules("wrong", *SOCKET, architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]), "on SCMP_ARCH_X86"),
        (with_rules("wrong", rule("SCMP_ACT_ERRNO", errnoRet=4095)), "errnoRet 4095"),
    ],
)
def test_j5_what_no_runtime_loads_is_rejected_and_told_by_its_rule(world: World, wrong: Manifest, told: str) -> None:
    world.apply(wrong)

    world.until(world.rejected("wrong", INVALID))
    world.until(world.told("wrong", INVALID))
    assert told in world.condition(world.profile("wrong"), "Ready")["message"]
    assert world.profile_files("wrong") == {}

    plain = profile("wrong")["spec"]
    world.edit("SeccompProfile", "wrong", **{"architectures": None, **plain})
    world.until(world.installed("wrong"))


def test_j5_a_base_that_makes_it_so_takes_nothing_from_the_nodes(world: World) -> None:
    base, built = profile("base", allow=["read"]), profile("built", allow=["write"], baseProfileName="base")
    world.apply(base, built)
    world.until(world.installed("built"))
    before = world.profile_files("built")

    asking = [*base["spec"]["syscalls"], ASKING]
    world.edit("SeccompProfile", "base", syscalls=asking)

    world.until(world.rejected("built", INVALID))
    message = world.condition(world.profile("built"), "Ready")["message"]
    assert f"{SECOND} of base {world.namespace}/base has SCMP_ACT_NOTIFY on mkdir" in message
    assert world.profile_files("built") == before, "what stood there stays"

    world.edit("SeccompProfile", "built", listenerPath="/var/run/security-profiles-operator/agent.sock")
    world.until(world.installed("built"))


def test_b4_a_refusal_that_a_base_undoes_is_told(world: World) -> None:
    """The union is never stricter than either side; that its author wanted it to be is worth a word."""
    base = profile("base", allow=["read", "mkdir"])
    world.apply(base, with_rules("built", rule("SCMP_ACT_KILL"), baseProfileName="base"))

    world.until(world.installed("built"))

    told = world.condition(world.profile("built"), "RefusalsStand")
    assert (told["status"], told["reason"]) == ("False", "RefusalsDropped")
    assert f"base {world.namespace}/base lets through: mkdir (SCMP_ACT_KILL)" in told["message"]
    assert "mkdir" in world.allowed_by_file("built")

    base["spec"]["syscalls"][0]["names"].remove("mkdir")
    world.edit("SeccompProfile", "base", syscalls=base["spec"]["syscalls"])
    world.until(world.lets_through("built", "exit_group", "nanosleep", "read"))
    world.until(world.observed("built", "RefusalsStand", "True"))


def test_j5_what_depends_on_the_runtime_is_installed_and_told(world: World) -> None:
    world.apply(profile("flagged", flags=["SECCOMP_FILTER_FLAG_LOG"], architectures=["SCMP_ARCH_RISCV64"]))

    world.until(world.installed("flagged"))

    told = world.condition(world.profile("flagged"), "LoadsEverywhere")
    assert (told["status"], told["reason"]) == ("False", "DependsOnRuntime")
    for each in ("SCMP_ARCH_RISCV64: runc before 1.2", "SECCOMP_FILTER_FLAG_LOG: runc before 1.2"):
        assert each in told["message"]
