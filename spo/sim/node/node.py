"""A node: a machine with a disk, processes and an audit log, and what the API says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spo.sim.faults import Faults, Site
from spo.sim.node.audit import AuditLog, seccomp_line
from spo.sim.node.disk import Disk
from spo.sim.node.kernel import Decision
from spo.sim.node.seccomp_loading import RUNC
from spo.sim.store import StoreKey
from spo.sim.timeline import Timeline

FIRST_PID = 1000
ARCHITECTURE = "amd64"

# Conditions of a kubelet that is well, in their order (recorded, Kubernetes 1.36.3).
WELL: tuple[tuple[str, str, str, str], ...] = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


class Node:
    """The machine. What runs on it is the kubelet's business."""

    __slots__ = (
        *("_pids", "_pod_ips", "_serial", "audit", "boots", "disk", "ip", "lives", "name", "number", "refused"),
        *("runc", "timeline"),
    )

    def __init__(self, name: str, number: int, timeline: Timeline, faults: Faults, runc: str = RUNC) -> None:
        self.name = name
        self.number = number
        self.runc = runc  # the release: containers start by its rules, and fail in its words
        self.timeline = timeline
        self.disk = Disk(name, faults.gate(Site.DISK))
        self.audit = AuditLog()
        # Pod → container → the syscall whose refusal ended it last. No API tells: a real kernel may say nothing of it.
        self.refused: dict[StoreKey, dict[str, str]] = {}
        self.ip = f"10.{128 + (number >> 8) % 64}.{number & 255}.1"
        self.lives = True
        self.boots = 1
        self._pids = FIRST_PID
        self._pod_ips = 0
        self._serial = 0

    def pid(self) -> int:
        self._pids += 1
        return self._pids

    def pod_ip(self) -> str:
        self._pod_ips += 1
        return f"{self.ip.rsplit('.', 1)[0]}.{2 + self._pod_ips % 253}"

    def note(self, pid: int, comm: str, exe: str, syscall: str, verdict: Decision) -> None:
        """The kernel writes an audit line."""
        self._serial += 1
        self.audit.append(seccomp_line(self.timeline.now_ns, self._serial, pid, comm, exe, syscall, verdict))

    def power_off(self) -> None:
        self.lives = False
        self._pids = FIRST_PID


def manifest(
    node: Node, labels: Mapping[str, str], capacity_pods: int, taints: list[Mapping[str, str]]
) -> dict[str, Any]:
    """The Node object a kubelet registers, status and all."""
    now = node.timeline.stamp()
    amounts = {"cpu": "8", "ephemeral-storage": "100Gi", "memory": "32Gi", "pods": str(capacity_pods)}
    identity = f"{node.number:032x}"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "labels": {
                "beta.kubernetes.io/arch": ARCHITECTURE,
                "beta.kubernetes.io/os": "linux",
                "kubernetes.io/arch": ARCHITECTURE,
                "kubernetes.io/hostname": node.name,
                "kubernetes.io/os": "linux",
                **labels,
            },
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": {"taints": taints} if taints else {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": node.ip}, {"type": "Hostname", "address": node.name}],
            "allocatable": amounts,
            "capacity": amounts,
            "conditions": conditions(now),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": ARCHITECTURE,
                "bootID": f"{node.boots:08x}-0000-4000-8000-{node.number:012x}",
                "containerRuntimeVersion": "containerd://1.6.20",
                "kernelVersion": "6.12.0",
                "kubeProxyVersion": "",
                "kubeletVersion": "v1.36.3",
                "machineID": identity,
                "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "systemUUID": f"{identity[:8]}-{identity[8:12]}-4000-8000-{identity[20:]}",
            },
        },
    }


def conditions(now: str) -> list[dict[str, str]]:
    return [
        {
            "type": type_,
            "status": status,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }
        for type_, status, reason, message in WELL
    ]
