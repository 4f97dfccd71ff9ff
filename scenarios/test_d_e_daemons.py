"""D. Daemon resource requirements. E. Priority class."""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.world import Refused, World

DOCUMENTED = {
    "requests": {"memory": "256Mi", "cpu": "250m"},
    "limits": {"memory": "512Mi", "cpu": "500m"},
}


def template(world: World) -> dict[str, Any]:
    found = world.driver.get("DaemonSet", world.operator_namespace, "spod")
    assert found is not None
    spec: dict[str, Any] = found["spec"]["template"]["spec"]
    return spec


def test_d1_the_daemon_container_gets_exactly_the_resources_of_spod(world: World) -> None:
    world.patch_spod(daemonResourceRequirements=DOCUMENTED)

    world.until(world.rolled_out(lambda spec: spec["containers"][0]["resources"] == DOCUMENTED))
    assert all(each.get("resources", {}) != DOCUMENTED for each in template(world)["containers"][1:])


def test_d2_without_the_field_the_defaults_come_back(world: World) -> None:
    before = template(world)["containers"][0]["resources"]
    assert before["requests"]["memory"] and before["limits"]["memory"]
    world.patch_spod(daemonResourceRequirements=DOCUMENTED)
    world.until(world.rolled_out(lambda spec: spec["containers"][0]["resources"] == DOCUMENTED))

    world.patch_spod(daemonResourceRequirements=None)

    world.until(world.rolled_out(lambda spec: spec["containers"][0]["resources"] == before))


def test_d3_a_value_that_is_no_quantity_is_refused_by_the_api(world: World) -> None:
    with pytest.raises(Refused, match="daemonResourceRequirements"):
        world.patch_spod(daemonResourceRequirements={"requests": {"memory": "plenty"}})


def test_e1_the_daemons_are_node_critical_unless_spod_names_another_class(world: World) -> None:
    assert template(world)["priorityClassName"] == "system-node-critical"
    world.create_priority_class("my-priority-class", value=1000)

    world.patch_spod(priorityClassName="my-priority-class")
    world.until(world.rolled_out(lambda spec: spec["priorityClassName"] == "my-priority-class"))

    world.patch_spod(priorityClassName=None)
    world.until(world.rolled_out(lambda spec: spec["priorityClassName"] == "system-node-critical"))


def test_e2_a_class_that_does_not_exist_is_named_on_spod_and_mended_with_it(world: World) -> None:
    world.patch_spod(priorityClassName="no-such-class")

    world.until(world.spod_says("ERROR", "no-such-class"))

    world.patch_spod(priorityClassName=None)
    world.until(world.spod_says("RUNNING", ""))
