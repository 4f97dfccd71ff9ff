"""The kubelet asks where the processes answer."""

from __future__ import annotations

from typing import Any

import pytest

from spo.model.meta import ObjectMeta
from spo.model.spod import SecurityProfilesOperatorDaemon
from spo.render import health
from spo.render.daemonset import DaemonSetSettings, daemonset
from spo.render.install import manager


def pod_of(role: str) -> dict[str, Any]:
    if role == "manager":
        manifest = manager("operators", "spo:1")
    else:
        manifest = daemonset(
            SecurityProfilesOperatorDaemon(ObjectMeta(name="spod")), DaemonSetSettings("operators", "spo:1")
        )
    pod: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("role", ["manager", "daemon"])
def test_each_role_is_asked_on_the_port_where_it_serves(role: str) -> None:
    pod = pod_of(role)
    (container,) = pod["containers"]
    assert "hostNetwork" not in pod
    assert container["args"] == [role]
    assert container["ports"] == [{"name": "health", "containerPort": health.PORT}]
    for probe, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "health"}


def test_a_process_is_given_up_after_half_a_minute() -> None:
    probe = health.health()["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 30


@pytest.mark.parametrize("role", ["manager", "daemon"])
def test_our_own_pods_are_confined_from_their_first_start_on(role: str) -> None:
    pod = pod_of(role)
    (container,) = pod["containers"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}  # of whatever names none of its own
    security = container["securityContext"]
    assert security["seccompProfile"]["type"] == "Localhost"
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
