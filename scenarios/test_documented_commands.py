"""What a reader of the documentation types, as it stands there, for the tasks that this release has."""

from __future__ import annotations

import argparse
import json
import shlex
from typing import Any

import yaml

from scenarios.hands import Hands
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
DAEMON_RESOURCES = """
oc -n $NS patch spod spod --type merge -p '{"spec":{"daemonResourceRequirements": {
    "requests": {"memory": "256Mi", "cpu": "250m"},
    "limits": {"memory": "512Mi", "cpu": "500m"}}}}'
"""
PRIORITY_CLASS = """
oc -n $NS patch spod spod --type=merge -p '{"spec":{"priorityClassName":"my-priority-class"}}'
"""
KINDS = {"spod": "SecurityProfilesOperatorDaemon"}  # short names


def run(block: str, hands: Hands) -> None:
    """Do what the block's command line does, read as a shell reads it."""
    client, *words = shlex.split(block.replace("$NS", hands.operator_namespace))
    assert client in ("oc", "kubectl")
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("-n", dest="namespace", required=True)
    parser.add_argument("verb", choices=["patch"])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("name")
    parser.add_argument("--type", choices=["merge"], required=True)
    parser.add_argument("-p", dest="patch", type=json.loads, required=True)
    said = parser.parse_args(words)
    hands.patch(KINDS[said.kind], said.namespace, said.name, said.patch)


def daemon(pod: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = pod["containers"][0]
    return container


def test_documented_restrict_the_allowed_syscalls(world: World) -> None:
    run(RESTRICT_SYSCALLS, world.hands)

    world.apply(profile("sleeper", allow=["nanosleep", "exit_group"]), profile("maker", allow=["exit_group", "mkdir"]))
    world.until(world.installed("sleeper"))
    world.until(world.rejected("maker"))


def test_documented_base_syscalls_for_a_container_runtime(world: World) -> None:
    manifest = yaml.safe_load(BASE_SYSCALLS)
    there = World(world.hands, manifest["metadata"]["namespace"])
    world.hands.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": there.namespace}})

    there.apply(manifest)

    there.until(there.installed("example-name"))
    assert {"exit_group", "execve", "capset"} <= there.allowed_by_file("example-name")
    there.delete("SeccompProfile", "example-name")
    there.until(there.gone("example-name"))
    world.hands.delete("Namespace", "", there.namespace)


def test_documented_daemon_resource_requirements(world: World) -> None:
    run(DAEMON_RESOURCES, world.hands)

    documented = {"requests": {"memory": "256Mi", "cpu": "250m"}, "limits": {"memory": "512Mi", "cpu": "500m"}}
    world.until(world.rolled_out(lambda pod: daemon(pod)["resources"] == documented))


def test_documented_priority_class_name_of_the_daemons(world: World) -> None:
    world.create_priority_class("my-priority-class", value=1000)

    run(PRIORITY_CLASS, world.hands)

    world.until(world.rolled_out(lambda pod: pod["priorityClassName"] == "my-priority-class"))
