"""`spo install`: what it would do, and why the operator does not come up."""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.command_line import CommandLine
from spo.installation.install import dry_run, install, trouble, watch
from spo.model.resource import DEPLOYMENTS, SPODS
from spo.render.install import IMAGE, NAMESPACE, manifests
from spo.render.rbac import MANAGER
from spo.testbed.world import boot

SPOD = "spod"


@pytest.fixture
def bare() -> CommandLine:
    """A cluster without the operator."""
    return CommandLine(boot(nodes=2, operator=False))


@pytest.fixture
def desk(bare: CommandLine) -> CommandLine:
    """A cluster into which the operator was installed."""
    install(bare.live, manifests(), bare.said.append)
    assert watch(bare.live, NAMESPACE, IMAGE, 60, bare.said.append)
    bare.said.clear()
    return bare


def would(desk: CommandLine, wanted: list[dict[str, Any]]) -> list[str]:
    revision = desk.world.cluster.store.revision
    dry_run(desk.live, wanted, desk.said.append)
    assert desk.world.cluster.store.revision == revision
    return desk.said


def test_a_dry_run_on_an_empty_cluster_would_create_everything(bare: CommandLine) -> None:
    said = would(bare, manifests())

    assert len(said) == len(manifests())
    assert all(line.startswith("would create ") for line in said)


def test_a_dry_run_after_installing_would_change_nothing(desk: CommandLine) -> None:
    assert would(desk, manifests()) == [f"would leave {len(manifests())} of {len(manifests())} objects as they are"]


def test_a_dry_run_names_what_would_change_and_nothing_else(desk: CommandLine) -> None:
    said = would(desk, manifests(image="registry.example/spo:2"))

    assert said[0] == f"would change Deployment {NAMESPACE}/{MANAGER}"
    assert len(said) == 2


def test_an_image_that_is_not_the_operators_is_named_with_pod_and_node(bare: CommandLine) -> None:
    image = "registry.example/spo:9"
    install(bare.live, manifests(image=image), bare.said.append)
    assert not watch(bare.live, NAMESPACE, image, 30, bare.said.append)

    lines = trouble(bare.live, NAMESPACE)

    assert len(lines) == 2  # one a pod
    for line in lines:
        assert f"pod {MANAGER}-" in line and " on node-" in line and f"image {image}: " in line
        assert "is this an image of the operator?" in line and IMAGE in line


def test_a_manager_that_runs_and_does_nothing_is_named(desk: CommandLine) -> None:
    containers = [{"name": MANAGER, "image": "registry.example/spo:9"}]
    template = {"spec": {"initContainers": None, "containers": containers}}
    desk.live.merge(DEPLOYMENTS, NAMESPACE, MANAGER, {"spec": {"template": template}})
    desk.sleep(120)

    (line, _) = trouble(desk.live, NAMESPACE)

    assert "image registry.example/spo:9: runs, but does not do a manager's work" in line


def test_what_spod_has_to_say_is_said(desk: CommandLine) -> None:
    desk.live.merge(SPODS, NAMESPACE, SPOD, {"spec": {"priorityClassName": "none-such"}})
    desk.sleep(30)

    assert any(
        line.startswith("spod: CannotCreateSPOD: ") and "none-such" in line for line in trouble(desk.live, NAMESPACE)
    )


def test_when_all_is_well_there_is_no_trouble(desk: CommandLine) -> None:
    assert trouble(desk.live, NAMESPACE) == []
