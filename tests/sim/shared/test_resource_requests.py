"""What a pod needs of a node."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from spo.model.quantity import NANO
from spo.sim.shared.resource_requests import NOTHING, Needs, Spec, Usage, conflict, needs_of


def container(cpu: str = "", **more: Any) -> dict[str, Any]:
    return {**({"resources": {"requests": {"cpu": cpu}}} if cpu else {}), **more}


def needs(**spec: Any) -> Needs:
    return needs_of(msgspec.json.decode(msgspec.json.encode({"containers": [container()], **spec}), type=Spec))


def cpu(found: Needs) -> float:
    return dict(found.amounts).get("cpu", 0) / NANO


def test_most_pods_need_nothing_and_that_is_one_thing() -> None:
    assert needs() is NOTHING


def test_containers_add_up_and_init_containers_come_before() -> None:
    both = [container("500m"), container("1")]

    assert cpu(needs(containers=both)) == 1.5
    assert cpu(needs(containers=both, initContainers=[container("4"), container("3")])) == 4


def test_a_sidecar_counts_beside_the_others() -> None:
    sidecar = container("1", restartPolicy="Always")

    assert cpu(needs(containers=[container("1")], initContainers=[sidecar])) == 2
    assert cpu(needs(containers=[container("1")], initContainers=[sidecar, container("3")])) == 4


def test_overhead_comes_on_top_and_the_pods_own_amounts_are_the_least() -> None:
    assert cpu(needs(containers=[container("1")], overhead={"cpu": "250m"})) == 1.25
    assert cpu(needs(containers=[container("1")], resources={"requests": {"cpu": "3"}})) == 3


def test_ports_are_those_of_the_host() -> None:
    ports = [{"containerPort": 80}, {"containerPort": 81, "hostPort": 8081, "protocol": "UDP", "hostIP": "10.0.0.1"}]

    assert needs(containers=[container(ports=ports)]).ports == (("UDP", "10.0.0.1", 8081),)


@pytest.mark.parametrize(
    ("port", "clashes"),
    [
        (("TCP", "10.0.0.1", 80), True),
        (("TCP", "", 80), True),
        (("TCP", "10.0.0.2", 80), False),
        (("UDP", "10.0.0.1", 80), False),
        (("TCP", "10.0.0.1", 81), False),
    ],
)
def test_a_port_is_taken_for_its_address_or_for_all(port: Any, clashes: bool) -> None:
    assert conflict([port], [("TCP", "10.0.0.1", 80)]) == clashes


def test_a_node_says_what_it_lacks() -> None:
    usage, half = Usage(), Needs((("cpu", NANO // 2),), (("TCP", "", 80),))
    usage.add(half)
    room = {"cpu": NANO, "memory": NANO}

    assert usage.lacks(Needs((("cpu", NANO),)), room, 9) == "Insufficient cpu"
    assert usage.lacks(Needs((("example.com/x", 1),)), room, 9) == "Insufficient example.com/x"
    assert usage.lacks(half, room, 9) == "node(s) didn't have free ports for the requested pod ports"
    assert usage.lacks(NOTHING, room, 1) == "Too many pods"
    usage.remove(half)
    assert usage.lacks(half, room, 9) == ""
