"""What a reader of the documentation types, as it stands there, for the tasks that this release has."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from scenarios.manifests import profile
from scenarios.world import World

# The documentation's blocks, word for word. `oc` and `kubectl` are interchangeable; $NS is the operator's namespace.
RESTRICT_SYSCALLS = """
oc -n $NS patch spod spod --type merge -p '{"spec":{"allowedSyscalls": ["exit", "exit_group", "futex", "nanosleep"]}}'
"""
BASE_SYSCALLS = """
apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata:
  namespace: my-namespace
  name: example-name
spec:
  defaultAction: SCMP_ACT_ERRNO
  baseProfileName: runc-v1.0.0
  syscalls:
    - action: SCMP_ACT_ALLOW
      names:
        - exit_group
"""
LOG_EVERYTHING = """
apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata:
  name: log
  namespace: default
spec:
  defaultAction: SCMP_ACT_LOG
"""
DAEMON_RESOURCES = """
oc -n $NS patch spod spod --type merge -p '{"spec":{"daemonResourceRequirements": {
    "requests": {"memory": "256Mi", "cpu": "250m"},
    "limits": {"memory": "512Mi", "cpu": "500m"}}}}'
"""
PRIORITY_CLASS = """
oc -n $NS patch spod spod --type=merge -p '{"spec":{"priorityClassName":"my-priority-class"}}'
"""
# Tasks of later releases: what they switch on is refused by name.
MEMORY_OPTIMIZATION = """
oc -n $NS patch spod spod --type=merge -p '{"spec":{"enableMemoryOptimization":true}}'
"""
LOG_ENRICHER = """
oc -n $NS patch spod spod --type=merge -p '{"spec":{"enableLogEnricher":true}}'
"""

APPLY = "oc apply -f -"  # what a reader does with a manifest


def test_documented_restrict_the_allowed_syscalls(world: World) -> None:
    world.types(RESTRICT_SYSCALLS)

    world.apply(profile("sleeper", allow=["nanosleep", "exit_group"]), profile("maker", allow=["exit_group", "mkdir"]))
    world.until(world.installed("sleeper"))
    world.until(world.rejected("maker"))


def test_documented_base_syscalls_for_a_container_runtime(world: World) -> None:
    there = world.at(yaml.safe_load(BASE_SYSCALLS)["metadata"]["namespace"])
    there.driver.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": there.namespace}})

    world.types(APPLY, BASE_SYSCALLS)

    there.until(there.installed("example-name"))
    assert {"exit_group", "execve", "capset"} <= there.allowed_by_file("example-name")
    there.delete("SeccompProfile", "example-name")
    there.until(there.gone("example-name"))
    assert there.profile_files("example-name") == {}


def test_documented_a_profile_that_logs_everything(world: World) -> None:
    there = world.at(yaml.safe_load(LOG_EVERYTHING)["metadata"]["namespace"])

    world.types(APPLY, LOG_EVERYTHING)

    there.until(there.installed("log"))
    assert {file["defaultAction"] for file in there.profile_files("log").values()} == {"SCMP_ACT_LOG"}
    assert there.profile("log")["status"]["localhostProfile"] == there.under("log")
    there.delete("SeccompProfile", "log")
    there.until(there.gone("log"))
    assert there.profile_files("log") == {}


def test_documented_daemon_resource_requirements(world: World) -> None:
    world.types(DAEMON_RESOURCES)

    documented = {"requests": {"memory": "256Mi", "cpu": "250m"}, "limits": {"memory": "512Mi", "cpu": "500m"}}
    world.until(world.rolled_out(lambda pod: _daemon(pod)["resources"] == documented))


def test_documented_priority_class_name_of_the_daemons(world: World) -> None:
    world.create_priority_class("my-priority-class", value=1000)

    world.types(PRIORITY_CLASS)

    world.until(world.rolled_out(lambda pod: pod["priorityClassName"] == "my-priority-class"))


@pytest.mark.parametrize(
    ("block", "field"),
    [
        pytest.param(MEMORY_OPTIMIZATION, "enableMemoryOptimization", id="memory optimisation"),
        pytest.param(LOG_ENRICHER, "enableLogEnricher", id="log enricher"),
    ],
)
def test_documented_what_a_later_release_will_have_is_taken_and_named(world: World, block: str, field: str) -> None:
    world.types(block)

    world.until(world.spod_remarks("NotInThisRelease", f"spec.{field}"))
    world.until(world.spod_runs())


def _daemon(pod: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = pod["containers"][0]
    return container
