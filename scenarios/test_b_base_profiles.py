"""B. Base syscalls for a container runtime."""

from __future__ import annotations

import json

from scenarios.manifests import ORDINARY, pod, profile
from scenarios.world import World


def test_b1_the_file_holds_the_union_of_profile_and_base(world: World) -> None:
    world.apply(profile("example-name", allow=["exit_group"], baseProfileName="runc-v1.0.0"))

    world.until(world.installed("example-name"))

    allowed = world.allowed_by_file("example-name")
    assert {"exit_group", "execve", "capset"} <= allowed


def test_b1_the_profiles_own_default_action_architectures_and_flags_stand(world: World) -> None:
    world.apply(
        profile("base", allow=["read"], default="SCMP_ACT_LOG", architectures=["SCMP_ARCH_ARM"]),
        profile(
            "built",
            allow=["write"],
            default="SCMP_ACT_KILL",
            architectures=["SCMP_ARCH_X86_64"],
            flags=["SECCOMP_FILTER_FLAG_LOG"],
            baseProfileName="base",
        ),
    )

    world.until(world.installed("built"))

    for file in world.profile_files("built").values():
        assert file["defaultAction"] == "SCMP_ACT_KILL"
        assert file["architectures"] == ["SCMP_ARCH_X86_64"]
        assert file["flags"] == ["SECCOMP_FILTER_FLAG_LOG"]
    assert world.allowed_by_file("built") == {"read", "write"}


def test_b1_a_container_starts_with_base_and_its_own_calls_and_not_without_the_base(world: World) -> None:
    world.apply(
        profile("with-base", allow=ORDINARY, baseProfileName="runc-v1.0.0"), profile("without-base", allow=ORDINARY)
    )
    world.until(world.installed("with-base"))
    world.until(world.installed("without-base"))

    world.apply(
        pod("starts", under="operator/default/with-base.json"),
        pod("fails", under="operator/default/without-base.json"),
    )

    world.until(world.running("starts"))
    world.until(world.told("fails", "Failed", kind="Pod"))
    assert "operation not permitted" in world.events("fails", "Failed", kind="Pod")[0]


def test_b6_the_resolved_list_and_the_base_are_readable_on_the_object(world: World) -> None:
    world.apply(profile("example-name", allow=["exit_group"], baseProfileName="runc-v1.0.0"))
    world.until(world.installed("example-name"))

    annotations = world.profile("example-name")["metadata"]["annotations"]
    resolved = {name for rule in json.loads(annotations["syscalls"]) for name in rule["names"]}
    assert resolved == world.allowed_by_file("example-name")
    assert annotations["spo.x-k8s.io/base-profiles"] == f"{world.operator_namespace}/runc-v1.0.0"


def test_b6_a_profile_without_syscalls_reads_null(world: World) -> None:
    world.apply(profile("log", allow=[], default="SCMP_ACT_LOG"))
    world.until(world.installed("log"))

    assert world.profile("log")["metadata"]["annotations"]["syscalls"] == "null"
