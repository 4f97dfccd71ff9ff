"""spod, row by row: each setting has its effect on the daemon set or is refused by name, and leaves no trace."""

from __future__ import annotations

import pytest

from scenarios.driver import Refused
from scenarios.manifests import Manifest, profile
from scenarios.spod_settings import ABOUT_PROFILES, IN_EFFECT, LINUX, REFUSED, RESOURCES, on_nodes
from scenarios.world import World

NOWHERE = {"key": "spo.test/no-node-has-this", "operator": "Exists"}


def manager(world: World) -> Manifest:
    """The manager's container."""
    found = world.own.get("Deployment", "security-profiles-operator")
    assert found is not None
    container: Manifest = found["spec"]["template"]["spec"]["containers"][0]
    return container


def run_daemons_of(world: World, image: str) -> None:
    """Tell the manager of another image for the daemons."""
    container = manager(world)
    others = [each for each in container["env"] if each["name"] != "OPERATOR_IMAGE"]
    container["env"] = [*others, {"name": "OPERATOR_IMAGE", "value": image}]
    world.own.edit("Deployment", "security-profiles-operator", template={"spec": {"containers": [container]}})


def daemon_set(world: World) -> Manifest:
    found = world.driver.get("DaemonSet", world.operator_namespace, "spod")
    assert found is not None
    return found


def test_each_setting_of_the_daemons_takes_effect_and_without_it_its_default_is_back(world: World) -> None:
    before = daemon_set(world)["spec"]
    assert not any(effect(before["template"]["spec"]) for _, effect in IN_EFFECT.values())

    for setting, (value, effect) in IN_EFFECT.items():
        world.patch_spod(**{setting: value})
        world.until(world.daemons_ask(effect))
    world.until(world.rolled_out(lambda pod: all(effect(pod) for _, effect in IN_EFFECT.values())))

    for setting, (_, effect) in IN_EFFECT.items():
        world.patch_spod(**{setting: None})
        world.until(world.daemons_ask(lambda pod, effect=effect: not effect(pod)))  # type: ignore[misc]
    world.until(world.rolled_out(lambda pod: pod == before["template"]["spec"]))
    assert daemon_set(world)["spec"] == before
    world.until(world.spod_remarks("AllSupported"))


def test_settings_about_profiles_roll_no_daemon_out_again(world: World) -> None:
    before = daemon_set(world)["metadata"]["generation"]

    world.patch_spod(**ABOUT_PROFILES)
    world.until(world.spod_is_heard())

    assert daemon_set(world)["metadata"]["generation"] == before
    world.until(world.spod_remarks("AllSupported"))


def test_settings_of_a_later_release_are_each_refused_by_name_and_change_nothing(world: World) -> None:
    before = daemon_set(world)["metadata"]["generation"]

    for setting, value in REFUSED.items():
        world.patch_spod(**{setting: value})
        world.until(world.spod_remarks("NotInThisRelease", f"spec.{setting}:"))
        world.patch_spod(**{setting: None})
        world.until(world.spod_remarks("AllSupported"))

    assert daemon_set(world)["metadata"]["generation"] == before
    world.until(world.spod_says("RUNNING", ""))


# -- what a user can get wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        pytest.param({"affinity": on_nodes({**LINUX, "operator": "Is"})}, "operator", id="no operator"),
        pytest.param(
            {
                "affinity": {
                    "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
                }
            },
            "nodeSelectorTerms",
            id="no terms",
        ),
        pytest.param({"priorityClassName": "My_Class"}, "priorityClassName", id="no name"),
        pytest.param({"tolerations": [{"effect": "Never"}]}, "tolerations", id="no effect"),
    ],
)
def test_what_can_never_be_right_is_refused_by_the_api(world: World, wrong: Manifest, field: str) -> None:
    with pytest.raises(Refused, match=field):
        world.patch_spod(**wrong)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        pytest.param(
            {"daemonResourceRequirements": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1024Mi"}}},
            "spec.daemonResourceRequirements.requests.memory",
            id="more than the limit",
        ),
        pytest.param(
            {"daemonResourceRequirements": {"limits": {"memroy": "1Gi"}}},
            "spec.daemonResourceRequirements.limits.memroy",
            id="no such resource",
        ),
        pytest.param(
            {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}, "spec.tolerations[0].value", id="value"
        ),
        pytest.param({"affinity": on_nodes({**LINUX, "values": []})}, "spec.affinity.nodeAffinity", id="no values"),
    ],
)
def test_what_no_pod_can_have_is_named_and_the_daemons_stay_as_they_are(
    world: World, wrong: Manifest, field: str
) -> None:
    before = daemon_set(world)["metadata"]["generation"]

    world.patch_spod(**wrong)

    world.until(world.spod_says("ERROR", field))
    assert daemon_set(world)["metadata"]["generation"] == before
    world.apply(profile("meanwhile"))
    world.until(world.installed("meanwhile"))

    world.patch_spod(**dict.fromkeys(wrong))
    world.until(world.spod_says("RUNNING", ""))


def test_a_selector_that_no_node_fits_is_named_and_what_was_installed_stays(world: World) -> None:
    world.apply(profile("before"))
    world.until(world.installed("before"))

    world.patch_spod(affinity=on_nodes(NOWHERE))
    world.until(world.spod_says("ERROR", "no node"))
    assert sorted(world.profile_files("before")) == world.driver.nodes()
    world.apply(profile("meanwhile"))

    world.patch_spod(affinity=None)
    world.until(world.spod_says("RUNNING", ""))
    world.until(world.installed("before"))
    world.until(world.installed("meanwhile"))


def test_a_quota_that_is_exceeded_is_named_and_the_daemons_come_when_it_is_gone(world: World) -> None:
    quota: Manifest = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "no-pods"}}
    world.own.apply({**quota, "spec": {"hard": {"pods": "0"}}})
    world.own.until(world.own.counted("no-pods"))

    world.patch_spod(daemonResourceRequirements=RESOURCES)
    world.until(world.spod_says("ERROR", "exceeded quota: no-pods"))

    world.own.delete("ResourceQuota", "no-pods")
    world.patch_spod(daemonResourceRequirements=None)
    world.until(world.spod_says("RUNNING", ""))


def test_an_image_that_cannot_be_pulled_is_named_with_its_pod_and_what_was_installed_stays(world: World) -> None:
    world.apply(profile("before"))
    world.until(world.installed("before"))

    before = manager(world)["image"]
    run_daemons_of(world, "registry.invalid/spo:1")
    world.until(world.spod_says("ERROR", "registry.invalid/spo:1"))
    assert sorted(world.profile_files("before")) == world.driver.nodes()

    run_daemons_of(world, before)
    world.until(world.rolled_out(lambda pod: pod["containers"][0]["image"] == before))
    world.until(world.spod_says("RUNNING", ""))
    world.until(world.installed("before"))


def test_a_spod_that_is_edited_every_second_ends_as_it_was_edited_last(world: World) -> None:
    amounts = [f"{128 + number}Mi" for number in range(1, 6)]
    for number, amount in enumerate(amounts):
        world.patch_spod(daemonResourceRequirements={"limits": {"memory": amount}})
        world.apply(profile(f"number-{number}"))
        world.driver.until(lambda: False, 1)

    world.until(world.rolled_out(lambda pod: pod["containers"][0]["resources"]["limits"] == {"memory": amounts[-1]}))

    world.until(world.spod_says("RUNNING", ""))
    for number in range(len(amounts)):
        world.until(world.installed(f"number-{number}"))
