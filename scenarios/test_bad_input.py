"""Bad input: who is wrong is told which object, which field and what to do; and everybody else keeps what they had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scenarios.driver import Driver, Refused
from scenarios.manifests import Manifest, profile, spod
from scenarios.world import World

SPOD = "SecurityProfilesOperatorDaemon"
EVENTS_ON_SPOD = {"kind": SPOD}


@pytest.fixture(autouse=True)
def bystander(world: World) -> Iterator[None]:
    """A profile that has nothing to do with any of it: whatever happens, it stays installed, on the same nodes."""
    world.apply(profile("bystander"))
    world.until(world.installed("bystander"))
    before = world.profile_files("bystander")
    yield
    world.until(world.installed("bystander"))
    assert world.profile_files("bystander") == before


@pytest.fixture
def own(world: World) -> World:
    """The operator's own namespace, where spod is."""
    return world.own


def refusal(ask: Callable[[], Any]) -> str:
    with pytest.raises(Refused) as refused:
        ask()
    return str(refused.value)


def with_rule(name: str, **rule: Any) -> Manifest:
    made = profile(name)
    made["spec"]["syscalls"][0].update(rule)
    return made


# -- what the API server refuses -------------------------------------------------------------------------------------


def test_an_unknown_field_is_refused_with_its_path_when_validation_is_strict(world: World, driver: Driver) -> None:
    typo = with_rule("typo", actoin="SCMP_ACT_LOG")
    typo["metadata"]["namespace"] = world.namespace

    said = refusal(lambda: driver.create_with_warnings(typo, "Strict"))

    assert 'unknown field "spec.syscalls[0].actoin"' in said
    assert world.get("SeccompProfile", "typo") is None


def test_an_unknown_field_is_pruned_with_a_warning_when_validation_warns(world: World, driver: Driver) -> None:
    typo = profile("typo", defaultActoin="SCMP_ACT_LOG")
    typo["metadata"]["namespace"] = world.namespace

    warnings = driver.create_with_warnings(typo, "Warn")

    assert any('unknown field \\"spec.defaultActoin\\"' in warning for warning in warnings), warnings
    assert "defaultActoin" not in world.profile("typo")["spec"]
    world.until(world.installed("typo"))


@pytest.mark.parametrize("name", ["Sleeper", "under_score", "schläfer", "寝る人", "..", "a/b", "-dash", ""])
def test_an_invalid_name_is_refused(world: World, name: str) -> None:
    said = refusal(lambda: world.apply(profile(name)))

    assert "name" in said
    assert world.driver.list("SeccompProfile", world.namespace) == [world.profile("bystander")]


@pytest.mark.parametrize("length", [251, 253, 300])
def test_a_name_that_is_too_long_for_a_file_is_refused(world: World, length: int) -> None:
    said = refusal(lambda: world.apply(profile("x" * length)))

    assert "metadata.name: Too long: may not be more than 250 bytes" in said


def test_the_longest_name_there_can_be_is_installed_and_removed_again(world: World) -> None:
    name = "x" * 250
    world.apply(profile(name))
    world.until(world.installed(name))
    assert sorted(world.profile_files(name)) == world.driver.nodes()

    world.delete("SeccompProfile", name)

    world.until(world.gone(name))
    assert world.profile_files(name) == {}


NO_ARGUMENT = {"op": "SCMP_CMP_EQ", "value": 1}


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"errnoRet": -1}, "spec.syscalls[0].errnoRet: Invalid value: -1"),
        ({"errnoRet": "-1"}, 'spec.syscalls[0].errnoRet: Invalid value: "-1"'),
        ({"errnoRet": 65536}, "spec.syscalls[0].errnoRet: Invalid value: 65536"),
        ({"errnoRet": "65536"}, 'spec.syscalls[0].errnoRet: Invalid value: "65536"'),
        ({"args": [{**NO_ARGUMENT, "index": -1}]}, "spec.syscalls[0].args[0].index: Invalid value: -1"),
        ({"args": [{**NO_ARGUMENT, "index": 6}]}, "spec.syscalls[0].args[0].index: Invalid value: 6"),
        ({"args": [{**NO_ARGUMENT, "index": 0, "value": -1}]}, "spec.syscalls[0].args[0].value: Invalid value: -1"),
        ({"names": []}, "spec.syscalls[0].names: Invalid value"),
        ({"action": "ALLOW"}, 'spec.syscalls[0].action: Unsupported value: "ALLOW": supported values: "SCMP_ACT_'),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_field(world: World, rule: dict[str, Any], field: str) -> None:
    said = refusal(lambda: world.apply(with_rule("wrong", **rule)))

    assert '"wrong" is invalid' in said and field in said


@pytest.mark.parametrize("edit", [{"errnoRet": -1}, {"names": []}])
def test_an_edit_that_is_refused_changes_nothing(world: World, edit: dict[str, Any]) -> None:
    wrong = with_rule("bystander", **edit)

    refusal(lambda: world.edit("SeccompProfile", "bystander", syscalls=wrong["spec"]["syscalls"]))

    world.stays(world.installed("bystander"), for_s=30)


# -- what is taken, and explained ------------------------------------------------------------------------------------


def test_a_profile_with_5000_syscalls_is_installed_and_its_remark_stays_readable(world: World) -> None:
    names = [f"call_{number:04}" for number in range(5000)]
    world.apply(profile("many", allow=names))

    world.until(world.installed("many"))

    assert world.allowed_by_file("many") == set(names)
    many = world.profile("many")
    assert all(name in many["metadata"]["annotations"]["syscalls"] for name in names)
    remark = world.condition(many, "SyscallsKnown")["message"]
    assert "call_0000" in remark and "and 4980 more" in remark and len(remark) < 1024


def test_a_resolved_list_that_is_too_long_for_an_annotation_is_left_to_the_file(world: World) -> None:
    names = [f"call_with_a_rather_long_name_of_forty_letters_{number:04}" for number in range(5000)]
    world.apply(profile("huge", allow=names))

    world.until(world.installed("huge"))

    assert world.allowed_by_file("huge") == set(names)
    assert "syscalls" not in world.profile("huge")["metadata"].get("annotations", {})


def test_a_profile_of_5000_syscalls_against_a_short_list_is_rejected_in_a_few_words(world: World) -> None:
    world.patch_spod(allowedSyscalls=["exit_group", "nanosleep"])
    world.apply(profile("many", allow=[f"call_{number:04}" for number in range(5000)]))

    world.until(world.rejected("many"))

    message = world.condition(world.profile("many"), "Ready")["message"]
    assert "call_0000" in message and "more" in message and len(message) < 1024
    assert world.profile_files("many") == {}


def test_a_syscall_that_no_kernel_knows_is_installed_and_named_in_a_condition(world: World) -> None:
    world.apply(profile("typo", allow=["nanosleep", "nanosleeep"]))

    world.until(world.installed("typo"))

    known = world.condition(world.profile("typo"), "SyscallsKnown")
    assert (known["status"], known["reason"]) == ("False", "UnknownSyscalls")
    assert "nanosleeep" in known["message"] and "nanosleep," not in known["message"]
    assert "Correct the names" in known["message"]

    world.edit("SeccompProfile", "typo", syscalls=profile("typo", allow=["nanosleep"])["spec"]["syscalls"])
    world.until(world.installed("typo"))
    assert world.condition(world.profile("typo"), "SyscallsKnown")["status"] == "True"


def test_a_base_profile_that_does_not_exist_is_told_and_found_when_it_comes(world: World) -> None:
    world.apply(profile("built", baseProfileName="late"))
    world.until(world.rejected("built", "InvalidSeccompProfile"))
    message = world.condition(world.profile("built"), "Ready")["message"]
    assert f"{world.namespace}/built" in message and "late" in message and "spec.baseProfileName" in message

    world.apply(profile("late", allow=["read"]))

    world.until(world.installed("built"), max_s=5)


def test_a_cycle_of_base_profiles_is_told_and_ends_nothing_else(world: World) -> None:
    world.apply(profile("chicken", baseProfileName="egg"), profile("egg", baseProfileName="chicken"))

    world.until(world.rejected("chicken", "InvalidSeccompProfile"))
    world.until(world.rejected("egg", "InvalidSeccompProfile"))

    assert "cycle" in world.condition(world.profile("egg"), "Ready")["message"]


# -- spod ------------------------------------------------------------------------------------------------------------


def test_a_second_spod_is_told_that_nobody_reads_it(world: World, own: World) -> None:
    own.apply(spod("second", own.namespace, allowedSyscalls=["read"]))

    own.until(own.told("second", "NotTheOne", **EVENTS_ON_SPOD))
    world.stays(world.installed("bystander"), for_s=30)

    second = own.get(SPOD, "second")
    assert second is not None and second["status"]["state"] == "ERROR"
    for type_ in ("Ready", "SettingsInEffect"):
        said = own.condition(second, type_)
        assert (said["status"], said["reason"]) == ("False", "NotTheOne")
        assert "only the object spod" in said["message"] and "second" in said["message"]


def test_a_spod_in_another_namespace_is_told_that_nobody_reads_it(world: World) -> None:
    world.apply(spod("spod", world.namespace, allowedSyscalls=["read"]))

    world.until(world.told("spod", "NotTheOne", **EVENTS_ON_SPOD))
    world.stays(world.installed("bystander"), for_s=30)

    stray = world.get(SPOD, "spod")
    assert stray is not None and stray["status"]["state"] == "ERROR"
    said = world.condition(stray, "SettingsInEffect")["message"]
    assert world.operator_namespace in said and f"{world.namespace}/spod" in said


def test_a_typo_on_the_allow_list_is_named_on_spod(world: World, own: World) -> None:
    world.patch_spod(allowedSyscalls=["exit_group", "nanosleep", "raed"])

    own.until(own.told("spod", "UnknownOnList", **EVENTS_ON_SPOD))
    world.until(world.spod_remarks("UnknownOnList"))
    said = own.condition(world.spod(), "SettingsInEffect")
    assert (said["status"], said["reason"]) == ("False", "UnknownOnList")
    assert "raed" in said["message"] and "nanosleep" not in said["message"]


def test_an_empty_list_restricts_nothing_and_says_so(world: World, own: World) -> None:
    world.patch_spod(allowedSyscalls=[])

    own.until(own.told("spod", "EmptyList", **EVENTS_ON_SPOD))
    world.stays(world.installed("bystander"), for_s=30)

    said = own.condition(world.spod(), "SettingsInEffect")
    assert (said["status"], said["reason"]) == ("False", "EmptyList")
    assert "spec.allowedSyscalls" in said["message"] and "remove the field" in said["message"]


@pytest.mark.parametrize(
    ("nested", "ours"),
    [
        ({"security": {"allowedSyscalls": ["exit"]}}, "allowedSyscalls"),
        ({"enricher": {"enableLogEnricher": True}}, "enableLogEnricher"),
        ({"scheduling": {"priorityClassName": "low"}}, "priorityClassName"),
    ],
)
def test_the_nested_form_of_newer_releases_is_refused_by_name(world: World, nested: Manifest, ours: str) -> None:
    said = refusal(lambda: world.patch_spod(**nested))

    (field,) = nested
    assert f"spec.{field}" in said and ours in said


@pytest.mark.parametrize("amount", ["lots", "-5Mi", "5 Mi", ""])
def test_a_quantity_that_is_none_is_refused_with_its_field(world: World, amount: str) -> None:
    said = refusal(lambda: world.patch_spod(daemonResourceRequirements={"limits": {"memory": amount}}))

    assert "spec.daemonResourceRequirements.limits.memory" in said


@pytest.mark.parametrize("names", [[""], ["read", "read"], [5]])
def test_a_list_of_something_else_than_names_is_refused(world: World, names: list[Any]) -> None:
    said = refusal(lambda: world.patch_spod(allowedSyscalls=names))

    assert "spec.allowedSyscalls" in said


def test_a_setting_that_this_release_does_not_have_is_named(world: World, own: World) -> None:
    world.patch_spod(enableLogEnricher=True)

    own.until(own.told("spod", "NotInThisRelease", **EVENTS_ON_SPOD))

    def named() -> bool:
        return "spec.enableLogEnricher" in own.condition(world.spod(), "SettingsInEffect")["message"]

    assert world.driver.until(named, 30)


def test_a_deleted_spod_comes_back_with_its_daemons_and_no_profile_is_lost(world: World, own: World) -> None:
    old = world.spod()["metadata"]["uid"]

    own.delete(SPOD, "spod")

    world.until(world.spod_runs(other_than=old))
    pods = [pod for pod in world.driver.list("Pod", own.namespace) if pod["metadata"]["name"].startswith("spod-")]
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == world.driver.nodes()
    world.apply(profile("after"))
    world.until(world.installed("after"))
