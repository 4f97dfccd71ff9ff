"""What a pod needs of a node: amounts of resources, ports of the host, and how urgently. Pure.

Source: k8s.io/component-helpers/resource (PodRequests), the scheduler's plug-ins NodeResourcesFit and NodePorts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec
from msgspec import Struct

from spo.model.quantity import amount

PODS_PER_NODE = 110  # as many as a kubelet takes unless it is told otherwise
ANY_ADDRESS = ("", "0.0.0.0", "::")
Port = tuple[str, str, int]  # protocol, address, number


class Needs(Struct, frozen=True):
    """Amounts in billionths (as `Amount.nanos`); zero ones are left out."""

    amounts: tuple[tuple[str, int], ...] = ()
    ports: tuple[Port, ...] = ()
    priority: int = 0


NOTHING = Needs()


class _Resources(Struct):
    requests: dict[str, str | int | float] | None = None


class _Port(Struct, rename="camel"):
    host_port: int = 0
    host_ip: str = msgspec.field(default="", name="hostIP")
    protocol: str = "TCP"


class _Container(Struct, rename="camel"):
    resources: _Resources | None = None
    ports: list[_Port] | None = None
    restart_policy: str = ""


class Spec(Struct, rename="camel"):
    """Of a pod, undecoded but for the last: most pods have the same parts, and what they need is known."""

    containers: msgspec.Raw
    init_containers: msgspec.Raw = msgspec.Raw(b"null")
    overhead: msgspec.Raw = msgspec.Raw(b"null")
    resources: msgspec.Raw = msgspec.Raw(b"null")
    priority: int = 0


_Amounts = dict[str, str | int | float]
_decode_containers = msgspec.json.Decoder(list[_Container] | None).decode
_decode_amounts = msgspec.json.Decoder(_Amounts | None).decode
_decode_resources = msgspec.json.Decoder(_Resources | None).decode


def needs_of(spec: Spec) -> Needs:
    parts = (spec.containers, spec.init_containers, spec.overhead, spec.resources)
    return _sum(*map(bytes, parts), spec.priority)


@lru_cache(maxsize=1024)
def _sum(containers: bytes, init_containers: bytes, overhead: bytes, resources: bytes, priority: int) -> Needs:
    """What runs at the same time adds up; init containers run one after the other, before."""
    main, inits = _decode_containers(containers) or [], _decode_containers(init_containers) or []
    total: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for container in inits:
        wanted = _requests(container.resources)
        if container.restart_policy == "Always":
            total.update(wanted)
            most |= total
        else:
            most |= total + wanted
    for container in main:
        total.update(_requests(container.resources))
    total |= most
    total.update(_requests(_decode_resources(resources)) - total)
    total.update(_amounts(_decode_amounts(overhead)))
    ports = [
        (port.protocol, port.host_ip, port.host_port)
        for container in (*main, *inits)
        for port in container.ports or ()
        if port.host_port
    ]
    amounts = tuple(sorted((name, nanos) for name, nanos in total.items() if nanos))
    return Needs(amounts, tuple(ports), priority) if amounts or ports or priority else NOTHING


def _requests(resources: _Resources | None) -> Counter[str]:
    return _amounts(resources.requests if resources is not None else None)


def _amounts(quantities: _Amounts | None) -> Counter[str]:
    return Counter({name: nanos(str(quantity)) for name, quantity in (quantities or {}).items()})


@lru_cache(maxsize=4096)
def nanos(quantity: str) -> int:
    """A quantity as a number; what is none counts as nothing."""
    found = amount(quantity)
    return found.nanos if found is not None else 0


class Usage:
    """What the pods of a node need together."""

    __slots__ = ("_amounts", "_ports", "pods")

    def __init__(self) -> None:
        self.pods = 0
        self._amounts: Counter[str] = Counter()
        self._ports: Counter[Port] = Counter()

    def add(self, needs: Needs) -> None:
        self.pods += 1
        for name, each in needs.amounts:
            self._amounts[name] += each
        for port in needs.ports:
            self._ports[port] += 1

    def remove(self, needs: Needs) -> None:
        self.pods -= 1
        for name, each in needs.amounts:
            self._amounts[name] -= each
        for port in needs.ports:
            self._ports[port] -= 1

    def lacks(self, needs: Needs, allocatable: Mapping[str, int], capacity_pods: int) -> str:
        """Why a pod with these needs does not fit beside the others, as the scheduler says it; empty: it fits."""
        if self.pods >= capacity_pods:
            return "Too many pods"
        for name, each in needs.amounts:
            if each > allocatable.get(name, 0) - self._amounts[name]:
                return f"Insufficient {name}"
        if needs.ports and conflict(needs.ports, (port for port, count in self._ports.items() if count)):
            return "node(s) didn't have free ports for the requested pod ports"
        return ""


def conflict(wanted: Iterable[Port], taken: Iterable[Port]) -> bool:
    """Do two ask for the same port? An address that is not named is every address."""
    standing = tuple(taken)
    return any(
        (protocol, number) == (other, used) and (address == there or {address, there} & set(ANY_ADDRESS))
        for protocol, address, number in wanted
        for other, there, used in standing
    )
