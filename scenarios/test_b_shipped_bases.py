"""B5. The base profiles that ship with the operator."""

from __future__ import annotations

import pytest

from scenarios.manifests import ORDINARY, pod, profile
from scenarios.world import Hope, World

SHIPPED = ("runc-v1.0.0", "crun-v1.8.1")


def shipped_and_installed(world: World, name: str) -> Hope:
    """The operator's own profile of that name is there, and on the nodes."""

    def why_not() -> str:
        found = world.driver.get("SeccompProfile", world.operator_namespace, name)
        return "" if found and found.get("status", {}).get("status") == "Installed" else f"it is {found}"

    return Hope(f"shipped profile {name} is installed", why_not)


@pytest.mark.parametrize("name", SHIPPED)
def test_b5_a_shipped_base_says_on_what_it_was_measured(world: World, name: str) -> None:
    world.until(shipped_and_installed(world, name))

    found = world.driver.get("SeccompProfile", world.operator_namespace, name)
    assert found is not None
    annotations = found["metadata"]["annotations"]
    runtime = name.split("-")[0]
    assert annotations["spo.x-k8s.io/measured-on"].startswith(f"{runtime} ")
    assert "kernel " in annotations["spo.x-k8s.io/measured-on"]
    assert "measured on" in annotations["spo.x-k8s.io/remarks"].lower()


def test_b5_with_the_documented_base_a_container_really_starts_and_does_its_work(world: World) -> None:
    world.apply(profile("sleeper", allow=ORDINARY, baseProfileName="runc-v1.0.0"))
    world.until(world.installed("sleeper"))

    world.apply(pod("user", under=world.under("sleeper"), command="sleep 1", restartPolicy="Never"))

    world.until(world.ended("user", exit_code=0))
