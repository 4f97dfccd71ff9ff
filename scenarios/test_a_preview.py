"""A8. A preview says what a new list would remove before it is applied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scenarios.manifests import ORDINARY, Manifest, pod, profile
from scenarios.world import World
from spo.preview.answer import Question, answer, as_facts
from spo.preview.input import NewLists
from spo.report.terminal import Progress

NEW_LIST = ["exit_group"]
KINDS = ("SeccompProfile", "Pod")


def dump(world: World, file: Path) -> Path:
    """What `kubectl get seccompprofiles,pods,spod -o json` gives."""
    items: list[Manifest] = [world.spod()]
    for kind in KINDS:
        for item in world.driver.list(kind, world.namespace):
            items.append({"apiVersion": "v1", "kind": kind, **item})
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return file


def preview(file: Path, lists: NewLists) -> tuple[bool, dict[str, Any]]:
    """`spo explain allow-list -f FILE --list … -o json`: is it harmless, and what it says of each profile."""
    given = as_facts(answer(Question([str(file)], lists), Progress()))
    return given["harmless"], {each["name"]: each for each in given["profiles"]}


def arrange(world: World) -> None:
    """Some that keep to the new list, some that do not, one in use, one that was never permitted."""
    world.patch_spod(allowedSyscalls=sorted({*NEW_LIST, "nanosleep", *ORDINARY, *RUNTIME}))
    world.apply(
        profile("stays", allow=["exit_group"]),
        profile("goes", allow=["exit_group", "nanosleep"]),
        profile("used", allow=ORDINARY, baseProfileName="runc-v1.0.0"),
        profile("never", allow=["ptrace"]),
    )
    for name in ("stays", "goes", "used"):
        world.until(world.installed(name))
    world.until(world.rejected("never"))
    world.apply(pod("user", under=world.under("used"), node=world.driver.nodes()[0]))
    world.until(world.running("user"))


# What the base runc-v1.0.0 lets through.
RUNTIME = """
    capget capset chdir close epoll_ctl epoll_pwait execve faccessat2 fchown fcntl fstat fstatfs futex getcwd getdents64
    getpid getppid mmap newfstatat openat prctl read rt_sigreturn sched_yield setgid setgroups setuid tgkill
""".split()


def test_a8_what_the_preview_says_is_what_then_happens(world: World, tmp_path: Path) -> None:
    arrange(world)
    node = world.driver.nodes()[0]

    harmless, said = preview(dump(world, tmp_path / "dump.json"), NewLists(",".join(NEW_LIST)))

    assert not harmless
    assert {name: said[name]["fate"] for name in ("stays", "goes", "used", "never")} == {
        "stays": "kept",
        "goes": "removed",
        "used": "removed",
        "never": "rejected",
    }
    assert said["goes"]["offences"] == [{"syscall": "nanosleep", "action": "SCMP_ACT_ALLOW"}]
    assert said["used"]["staysOn"] == [node]
    assert said["used"]["users"] == [{"pod": f"{world.namespace}/user", "node": node}]

    world.patch_spod(allowedSyscalls=NEW_LIST)

    world.until(world.gone("goes"))
    world.until(world.on_nodes("used", node))
    world.stays(world.installed("stays"), for_s=30)
    world.stays(world.rejected("never"), for_s=30)
    world.delete("Pod", "user")
    world.until(world.gone("used"))


def test_a8_a_longer_list_is_harmless_and_the_preview_says_what_it_installs(world: World, tmp_path: Path) -> None:
    world.patch_spod(allowedSyscalls=["exit_group"])
    world.apply(profile("quitter", allow=["exit_group"]), profile("sleeper", allow=["nanosleep"]))
    world.until(world.installed("quitter"))
    world.until(world.rejected("sleeper"))

    harmless, said = preview(dump(world, tmp_path / "dump.json"), NewLists("exit_group,nanosleep"))

    assert harmless
    assert (said["quitter"]["fate"], said["sleeper"]["fate"]) == ("kept", "installed")
    world.patch_spod(allowedSyscalls=["exit_group", "nanosleep"])
    world.until(world.installed("sleeper"))
    world.stays(world.installed("quitter"), for_s=30)


def test_a8_with_uninstall_the_preview_says_that_objects_are_kept(world: World, tmp_path: Path) -> None:
    world.apply(profile("sleeper", allow=["nanosleep"]))
    world.until(world.installed("sleeper"))
    wanted = {**world.spod(), "spec": {"allowedSyscalls": ["exit_group"], "nonCompliantProfiles": "Uninstall"}}
    (tmp_path / "spod.json").write_text(json.dumps(wanted))

    harmless, said = preview(dump(world, tmp_path / "dump.json"), NewLists(spod=str(tmp_path / "spod.json")))

    assert (harmless, said["sleeper"]["fate"]) == (False, "rejected")
    world.patch_spod(**wanted["spec"])
    world.until(world.rejected("sleeper"))
    world.until(world.on_nodes("sleeper"))
