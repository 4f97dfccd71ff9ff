"""A. Restrict the allowed syscalls."""

from __future__ import annotations

from scenarios.manifests import ORDINARY, pod, profile
from scenarios.world import World


def test_a1_without_a_list_any_syscall_may_be_allowed(world: World) -> None:
    world.apply(profile("anything", allow=["mount", "ptrace", "reboot"]))

    world.until(world.installed("anything"))


def test_a2_with_a_list_only_what_keeps_to_it_is_installed(world: World) -> None:
    world.patch_spod(allowedSyscalls=["exit", "exit_group", "futex", "nanosleep"])
    world.apply(profile("sleeper", allow=["nanosleep", "exit_group"]), profile("maker", allow=["exit_group", "mkdir"]))

    world.until(world.installed("sleeper"))
    world.until(world.rejected("maker"))


def test_a2_what_a_base_profile_lets_through_counts_too(world: World) -> None:
    world.patch_spod(allowedSyscalls=["exit_group"])
    world.apply(profile("base", allow=["mkdir"]), profile("built", allow=["exit_group"], baseProfileName="base"))

    world.until(world.rejected("built"))
    assert "mkdir" in world.condition(world.profile("built"), "Ready")["message"]


def test_a2_a_default_action_that_lets_through_lets_everything_through(world: World) -> None:
    world.patch_spod(allowedSyscalls=["exit_group"])
    world.apply(profile("log", allow=[], default="SCMP_ACT_LOG"))

    world.until(world.rejected("log"))


def test_a2_a_syscall_that_is_logged_is_let_through_and_one_that_is_refused_is_not(world: World) -> None:
    world.patch_spod(allowedSyscalls=["exit_group"])
    logged, refused = profile("logged", allow=["exit_group"]), profile("refused", allow=["exit_group"])
    logged["spec"]["syscalls"].append({"action": "SCMP_ACT_LOG", "names": ["mkdir"]})
    refused["spec"]["syscalls"].append({"action": "SCMP_ACT_KILL", "names": ["mkdir"]})
    world.apply(logged, refused)

    world.until(world.rejected("logged"))
    world.until(world.installed("refused"))


def test_a3_a_rejected_profile_leaves_no_file_and_says_why(world: World) -> None:
    world.patch_spod(allowedSyscalls=["exit_group"])
    world.apply(profile("maker", allow=["exit_group", "mkdir", "ptrace"]))

    world.until(world.rejected("maker"))
    world.until(world.told("maker", "ProfileNotAllowed"))
    assert world.profile_files("maker") == {}
    ready = world.condition(world.profile("maker"), "Ready")
    assert ready["status"] == "False"
    for said in (ready["message"], *world.events("maker", "ProfileNotAllowed")):
        assert "mkdir" in said and "ptrace" in said and "exit_group" not in said
        assert "spod" in said, "the remedy names where to look"
    assert world.driver.metric("seccomp_profile_error_total", reason="ProfileNotAllowed") > 0


def test_a3_a_rejected_profile_that_is_corrected_is_installed(world: World) -> None:
    world.patch_spod(allowedSyscalls=["exit_group"])
    world.apply(profile("maker", allow=["mkdir"]))
    world.until(world.rejected("maker"))

    world.edit("SeccompProfile", "maker", syscalls=[{"action": "SCMP_ACT_ALLOW", "names": ["exit_group"]}])

    world.until(world.installed("maker"))


def test_a4_a_shorter_list_removes_what_no_longer_complies(world: World) -> None:
    world.apply(profile("sleeper", allow=["nanosleep", "exit_group"]), profile("quitter", allow=["exit_group"]))
    world.patch_spod(allowedSyscalls=["nanosleep", "exit_group"])
    world.until(world.installed("sleeper"))
    world.until(world.installed("quitter"))

    world.patch_spod(allowedSyscalls=["exit_group"])

    world.until(world.gone("sleeper"))
    assert world.profile_files("sleeper") == {}
    assert world.node_statuses("sleeper") == {}
    assert "nanosleep" in world.events("sleeper", "ProfileRemoved")[0]
    world.stays(world.installed("quitter"), for_s=30)


def test_a4_with_uninstall_the_object_is_kept_and_marked(world: World) -> None:
    world.patch_spod(nonCompliantProfiles="Uninstall")
    world.apply(profile("sleeper", allow=["nanosleep"]))
    world.until(world.installed("sleeper"))

    world.patch_spod(allowedSyscalls=["exit_group"])

    world.until(world.rejected("sleeper"))
    world.until(world.on_nodes("sleeper"))
    world.patch_spod(nonCompliantProfiles="Delete")
    world.stays(world.rejected("sleeper"), for_s=30)


def test_a4_a_typo_never_destroys_an_object(world: World) -> None:
    world.patch_spod(allowedSyscalls=["nanosleep"])
    world.apply(profile("sleeper", allow=["nanosleep"]))
    world.until(world.installed("sleeper"))

    world.edit("SeccompProfile", "sleeper", syscalls=[{"action": "SCMP_ACT_ALLOW", "names": ["nanosleeep"]}])

    world.until(world.rejected("sleeper"))
    world.until(world.on_nodes("sleeper"))
    world.stays(world.rejected("sleeper"), for_s=30)


def test_a4_a_base_that_is_edited_into_non_compliance_destroys_nothing(world: World) -> None:
    world.patch_spod(allowedSyscalls=["nanosleep", "read"])
    world.apply(profile("base", allow=["read"]), profile("sleeper", allow=["nanosleep"], baseProfileName="base"))
    world.until(world.installed("sleeper"))

    world.edit("SeccompProfile", "base", syscalls=[{"action": "SCMP_ACT_ALLOW", "names": ["mount"]}])

    world.until(world.rejected("sleeper"))
    world.until(world.rejected("base"))
    world.until(world.on_nodes("sleeper"))


def test_a4_the_operators_own_profiles_are_never_removed(world: World) -> None:
    own = world.own
    own.until(own.installed("runc-v1.0.0"))

    world.patch_spod(allowedSyscalls=["exit_group"])

    own.stays(own.installed("runc-v1.0.0"), for_s=60)


def test_a4_a_profile_in_use_stays_on_its_node_until_the_pod_is_gone(world: World) -> None:
    world.apply(profile("app", allow=ORDINARY, baseProfileName="runc-v1.0.0"))
    world.until(world.installed("app"))
    node = world.driver.nodes()[-1]
    world.apply(pod("user", under=world.under("app"), node=node))
    world.until(world.running("user"))

    world.patch_spod(allowedSyscalls=["exit_group"])

    world.until(world.terminating("app"))
    world.until(world.on_nodes("app", node))
    world.stays(world.on_nodes("app", node), for_s=60)
    world.delete("Pod", "user")
    world.until(world.gone("app"))
    assert world.profile_files("app") == {}


def test_a6_a_longer_list_installs_what_now_complies_at_once(world: World) -> None:
    world.patch_spod(allowedSyscalls=["exit_group"])
    world.apply(profile("sleeper", allow=["nanosleep", "exit_group"]))
    world.until(world.rejected("sleeper"))
    world.stays(world.rejected("sleeper"), for_s=600)

    world.patch_spod(allowedSyscalls=["exit_group", "nanosleep"])

    world.until(world.installed("sleeper"), max_s=5)


def test_a6_without_the_list_everything_is_installed_again(world: World) -> None:
    world.patch_spod(allowedSyscalls=["exit_group"])
    world.apply(profile("maker", allow=["mkdir"]))
    world.until(world.rejected("maker"))

    world.patch_spod(allowedSyscalls=None)

    world.until(world.installed("maker"), max_s=5)


def test_a5_nodes_where_nobody_uses_it_lose_it_at_once_and_the_object_ends_with_the_last_user(world: World) -> None:
    world.apply(profile("app", allow=ORDINARY, baseProfileName="runc-v1.0.0"))
    world.until(world.installed("app"))
    first, second, *_ = world.driver.nodes()
    world.apply(pod("one", under=world.under("app"), node=first), pod("two", under=world.under("app"), node=second))
    world.until(world.running("one"))
    world.until(world.running("two"))

    world.patch_spod(allowedSyscalls=["exit_group"])

    world.until(world.on_nodes("app", first, second))
    world.delete("Pod", "one")
    world.until(world.on_nodes("app", second))
    world.until(world.terminating("app"))
    world.delete("Pod", "two")
    world.until(world.gone("app"))


def test_a7_only_the_allowed_actions_may_let_through_with_or_without_a_list(world: World) -> None:
    world.patch_spod(allowedSeccompActions=["SCMP_ACT_ALLOW"])
    logs = profile("logs", allow=["exit_group"])
    logs["spec"]["syscalls"].append({"action": "SCMP_ACT_LOG", "names": ["mkdir"]})
    world.apply(logs, profile("allows", allow=["mkdir"]), profile("logs-all", allow=[], default="SCMP_ACT_LOG"))

    world.until(world.installed("allows"))
    world.until(world.rejected("logs"))
    world.until(world.rejected("logs-all"))
    assert "SCMP_ACT_LOG" in world.condition(world.profile("logs"), "Ready")["message"]

    world.patch_spod(allowedSeccompActions=None)
    world.until(world.installed("logs"))
    world.until(world.installed("logs-all"))


def test_a7_what_refuses_is_always_permitted(world: World) -> None:
    world.patch_spod(allowedSeccompActions=["SCMP_ACT_ALLOW"])
    strict = profile("strict", allow=["exit_group"], default="SCMP_ACT_KILL_PROCESS")
    for action in ("SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_TRAP"):
        strict["spec"]["syscalls"].append({"action": action, "names": [f"mk{'dir' if 'E' in action else 'nod'}"]})
    world.apply(strict)

    world.until(world.installed("strict"))
