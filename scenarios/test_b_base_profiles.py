"""B. Base syscalls for a container runtime."""

from __future__ import annotations

import json

from scenarios.manifests import ORDINARY, Manifest, pod, profile
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
        pod("starts", under=world.under("with-base")),
        pod("fails", under=world.under("without-base")),
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


def test_b0_a_base_of_the_profiles_own_namespace_comes_before_the_operators(world: World) -> None:
    world.apply(
        profile("runc-v1.0.0", allow=["uname"]), profile("built", allow=["read"], baseProfileName="runc-v1.0.0")
    )

    world.until(world.installed("built"))

    assert world.allowed_by_file("built") == {"read", "uname"}
    annotations = world.profile("built")["metadata"]["annotations"]
    assert annotations["spo.x-k8s.io/base-profiles"] == f"{world.namespace}/runc-v1.0.0"


def test_b2_bases_stack_up_to_fifteen(world: World) -> None:
    stack = [profile(f"level-{level}", allow=[name], baseProfileName=f"level-{level + 1}") for level, name in STACK]
    world.apply(profile(f"level-{len(STACK)}", allow=["exit_group"]), *reversed(stack))

    world.until(world.installed("level-1"))
    assert len(world.allowed_by_file("level-1")) == len(STACK)
    world.until(world.rejected("level-0", "InvalidSeccompProfile"))
    assert "15" in world.condition(world.profile("level-0"), "Ready")["message"]


STACK = list(
    enumerate("read write close fstat mmap munmap brk ioctl pipe dup getpid socket bind listen accept kill".split())
)


def test_b2_a_cycle_is_named_and_ends_when_it_is_broken(world: World) -> None:
    world.apply(
        profile("egg", allow=["read"], baseProfileName="hen"), profile("hen", allow=["write"], baseProfileName="egg")
    )

    world.until(world.rejected("egg", "InvalidSeccompProfile"))
    world.until(world.rejected("hen", "InvalidSeccompProfile"))
    world.until(world.told("egg", "InvalidSeccompProfile"))
    message = world.condition(world.profile("egg"), "Ready")["message"]
    assert "hen" in message and "egg" in message

    world.edit("SeccompProfile", "hen", baseProfileName=None)
    world.until(world.installed("egg"))
    world.until(world.installed("hen"))
    assert world.allowed_by_file("egg") == {"read", "write"}


def test_b2_a_missing_base_is_visible_at_once_and_tried_again_when_it_appears(world: World) -> None:
    world.apply(profile("built", allow=["read"], baseProfileName="coming"))
    world.until(world.rejected("built", "InvalidSeccompProfile"), max_s=5)
    assert "coming" in world.condition(world.profile("built"), "Ready")["message"]

    world.apply(profile("coming", allow=["write"]))

    world.until(world.installed("built"), max_s=5)
    assert world.allowed_by_file("built") == {"read", "write"}


def test_b2_a_base_that_vanishes_takes_no_working_profile_from_running_pods(world: World) -> None:
    world.apply(profile("base", allow=["write"]), profile("built", allow=["read"], baseProfileName="base"))
    world.until(world.installed("base"))
    world.until(world.installed("built"))

    world.delete("SeccompProfile", "base")

    world.until(world.gone("base"))
    world.until(world.rejected("built", "InvalidSeccompProfile"))
    assert world.allowed_by_file("built") == {"read", "write"}


def test_b3_a_changed_base_installs_again_all_that_is_built_on_it_however_far(world: World) -> None:
    world.apply(
        profile("ground", allow=["read"]),
        profile("first-floor", allow=["write"], baseProfileName="ground"),
        profile("roof", allow=["close"], baseProfileName="first-floor"),
    )
    world.until(world.installed("roof"))
    world.stays(world.installed("roof"), for_s=5)  # nobody has anything left to look at

    world.edit("SeccompProfile", "ground", syscalls=[{"action": "SCMP_ACT_ALLOW", "names": ["mmap"]}])

    world.until(world.lets_through("roof", "close", "mmap", "write"))
    world.until(world.installed("roof"))


def test_b4_the_union_is_not_stricter_than_either_side(world: World) -> None:
    base, built = profile("base", allow=[]), profile("built", allow=[], baseProfileName="base")
    only = {"index": 0, "op": "SCMP_CMP_EQ"}
    base["spec"]["syscalls"] = [{"action": "SCMP_ACT_ALLOW", "names": ["personality"], "args": [{**only, "value": 0}]}]
    built["spec"]["syscalls"] = [{"action": "SCMP_ACT_ALLOW", "names": ["personality"], "args": [{**only, "value": 8}]}]
    world.apply(base, built)
    world.until(world.installed("built"))

    for file in world.profile_files("built").values():
        conditions = [rule["args"] for rule in file["syscalls"] if "personality" in rule["names"]]
        assert sorted(each[0]["value"] for each in conditions) == [0, 8], "either, not both at once"
        assert all(len(each) == 1 for each in conditions)


def test_b4_where_both_let_a_syscall_through_the_freer_action_counts(world: World) -> None:
    base, built = profile("base", allow=["read"]), profile("built", allow=["write"], baseProfileName="base")
    base["spec"]["syscalls"].append({"action": "SCMP_ACT_LOG", "names": ["write"]})
    built["spec"]["syscalls"].append({"action": "SCMP_ACT_LOG", "names": ["read"]})
    world.apply(base, built)
    world.until(world.installed("built"))

    assert world.allowed_by_file("built") == {"read", "write"}


def test_b4_what_both_sides_compare_by_size_is_all_let_through(world: World) -> None:
    """libseccomp, which runtimes load the file with, loses some of several rules that compare: none must be left."""
    base, built = profile("base", allow=[]), profile("built", allow=[], baseProfileName="base")
    base["spec"]["syscalls"] = [_socket(_where("LT", 5)), _socket(_where("GE", 60))]
    built["spec"]["syscalls"] = [_socket(_where("LE", 9)), _socket(_where("GT", 40)), _socket(_where("EQ", 1, index=1))]
    world.apply(base, built)
    world.until(world.installed("built"))

    for file in world.profile_files("built").values():
        conditions = [rule["args"] for rule in file["syscalls"] if "socket" in rule["names"]]
        assert {arg["op"] for args in conditions for arg in args} <= {
            "SCMP_CMP_EQ",
            "SCMP_CMP_MASKED_EQ",
            "SCMP_CMP_GT",
        }, "what libseccomp keeps all of"
        let_through = {
            value for value in (0, 4, 5, 9, 10, 40, 41, 59, 60) for args in conditions if _holds(args, value)
        }
        assert let_through == {0, 4, 5, 9, 41, 59, 60}, "either side's, and no more"


def test_b4_what_cannot_be_written_so_that_a_runtime_keeps_it_is_refused_by_name(world: World) -> None:
    base, built = profile("base", allow=["read"]), profile("built", allow=["write"], baseProfileName="base")
    world.apply(base, built)
    world.until(world.installed("built"))

    base["spec"]["syscalls"] += [_socket(_where("NE", 5), _where("NE", 6, index=1), _where("NE", 7, index=2))]
    world.edit("SeccompProfile", "base", syscalls=base["spec"]["syscalls"])
    world.until(world.lets_through("built", "read", "write", "socket"))
    before = world.profile_files("built")
    built["spec"]["syscalls"] += [_socket(_where("EQ", 1, index=3))]
    world.edit("SeccompProfile", "built", syscalls=built["spec"]["syscalls"])

    world.until(world.rejected("built", "InexactConditions"))
    world.until(world.told("built", "InexactConditions"))
    message = world.condition(world.profile("built"), "Ready")["message"]
    assert "socket" in message and "fewer or simpler rules" in message
    assert world.profile_files("built") == before, "what stood there stays, and nothing is half installed"

    world.edit("SeccompProfile", "built", syscalls=built["spec"]["syscalls"][:1])
    world.until(world.installed("built"))
    assert world.allowed_by_file("built") == {"read", "write", "socket"}


def _where(op: str, value: int, index: int = 0) -> Manifest:
    return {"index": index, "op": f"SCMP_CMP_{op}", "value": value}


def _socket(*args: Manifest) -> Manifest:
    return {"action": "SCMP_ACT_ALLOW", "names": ["socket"], "args": list(args)}


def _holds(args: list[Manifest], value: int) -> bool:
    """For a call with this first argument, and 0 for the others."""
    return all(
        {
            "SCMP_CMP_EQ": given == arg["value"],
            "SCMP_CMP_GT": given > arg["value"],
            "SCMP_CMP_MASKED_EQ": given & arg["value"] == arg["valueTwo"],
        }[arg["op"]]
        for arg in args
        for given in [value if arg["index"] == 0 else 0]
    )
