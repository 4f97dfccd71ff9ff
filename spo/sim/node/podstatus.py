"""What the kubelet writes into a pod's status: phase, conditions, container statuses. Pure.

Shapes: recorded from a kubelet 1.36.3. Left out: resources, volume mounts and `qosClass` (the API server's).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from spo.sim.node.container import Container

Object = dict[str, Any]


def phase_of(inits: Sequence[Container], containers: Sequence[Container], restart_policy: str, stopped: bool) -> str:
    """Pending until all are up once, Running, then Succeeded or Failed when nothing will run any more."""
    failed_init = any(each.state == "terminated" and each.exit_code for each in inits if not each.is_sidecar)
    if failed_init and (restart_policy == "Never" or stopped):
        return "Failed"
    if stopped or restart_policy != "Always":
        ended = [each for each in containers if each.state == "terminated"]
        failing = any(each.exit_code for each in ended)
        if len(ended) == len(containers) and (stopped or restart_policy == "Never" or not failing):
            return "Failed" if failing else "Succeeded"
        if stopped:
            return "Failed"
    up_once = all(each.state != "waiting" or each.last for each in containers)
    return "Running" if up_once and all(_is_past(each) for each in inits) else "Pending"


def _is_past(init: Container) -> bool:
    return init.is_done or bool(init.is_sidecar and init.last)


def container_status(container: Container) -> Object:
    image = container.image
    status: Object = {
        "name": container.name,
        "state": container.shown(),
        "lastState": container.last,
        "ready": is_ready(container),
        "restartCount": container.restarts,
        "image": image,
        "imageID": image_id(image) if container.container_id else "",
        "started": container.state == "running",
    }
    if container.container_id:
        status["containerID"] = container.container_id
    return status


def is_ready(container: Container) -> bool:
    if container.is_init and not container.is_sidecar:
        return container.succeeded
    return container.state == "running" and container.is_warm


def image_id(image: str) -> str:
    return "sha256:" + hashlib.sha256(image.encode()).hexdigest()


def conditions(
    inits: Sequence[Container],
    containers: Sequence[Container],
    phase: str,
    has_sandbox: bool,
    standing: Sequence[Mapping[str, Any]],
    gates: Sequence[str],
    generation: int,
    now: str,
) -> list[Object]:
    """The kubelet's five, in their order, and whatever else stands there. A turn of status is stamped `now`.

    `gates`: conditions of others that the pod wants to be true before it is ready.
    """
    unready = [each.name for each in (*_sidecars(inits), *containers) if not is_ready(each)]
    waiting = [each.name for each in inits if not _is_past(each)]
    if phase in ("Succeeded", "Failed"):
        ready: tuple[str, ...] = ("False", "PodCompleted" if phase == "Succeeded" else "PodFailed")
    elif unready:
        ready = ("False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    else:
        ready = ("True",)
    initialized: tuple[str, ...] = ("True",)
    if waiting and phase != "Succeeded":
        text = f"containers with incomplete status: [{' '.join(waiting)}]"
        initialized = ("False", "ContainersNotInitialized", text)
    before = {each["type"]: each for each in standing}
    rows: dict[str, tuple[str, ...]] = {
        "PodReadyToStartContainers": ("True" if has_sandbox else "False",),
        "Initialized": initialized,
        "Ready": _gated(gates, before) if gates and ready == ("True",) else ready,
        "ContainersReady": ready,
        "PodScheduled": ("True",),
    }
    ours = [_condition(type_, row, before.get(type_, {}), generation, now) for type_, row in rows.items()]
    return ours + [dict(each) for type_, each in before.items() if type_ not in rows]


def _gated(gates: Sequence[str], standing: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Whether everyone who has a say says that the pod is ready (pkg/kubelet/status, GeneratePodReadyCondition)."""
    faults = []
    for gate in gates:
        status = standing.get(gate, {}).get("status")
        if status is None:
            faults.append(f'corresponding condition of pod readiness gate "{gate}" does not exist.')
        elif status != "True":
            faults.append(f'the status of pod readiness gate "{gate}" is not "True", but {status}')
    return ("False", "ReadinessGatesNotReady", ", ".join(faults)) if faults else ("True",)


def _sidecars(inits: Sequence[Container]) -> list[Container]:
    return [each for each in inits if each.is_sidecar]


def _condition(type_: str, row: tuple[str, ...], old: Mapping[str, Any], generation: int, now: str) -> Object:
    made = {
        "type": type_,
        "observedGeneration": generation,
        "status": row[0],
        "lastProbeTime": None,
        "lastTransitionTime": old["lastTransitionTime"] if old.get("status") == row[0] else now,
    }
    return {**made, **dict(zip(("reason", "message"), row[1:], strict=False))}
