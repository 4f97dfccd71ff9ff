"""What `kubectl get pods` prints: the one word for a pod's state above all (printPod of kubernetes' pkg/printers)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from spo.sim.api.kinds import Object
from spo.sim.api.tables.ages import since

NONE = "<none>"
_FINISHED = {  # phase → row condition
    "Succeeded": {"type": "Completed", "status": "True", "reason": "Succeeded",
                  "message": "The pod has completed successfully."},
    "Failed": {"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."},
}  # fmt: skip


class _Count(Struct):
    """What was seen of the containers so far."""

    reason: str
    ready: int = 0
    restarts: int = 0
    last: str = ""  # restart

    def restarted(self, status: Object) -> None:
        self.restarts += status.get("restartCount") or 0
        ended = ((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or ""
        self.last = max(self.last, ended)


def pod(obj: Object, now_s: float) -> list[Any]:
    """The cells of a pod's row."""
    spec, status, meta = obj.get("spec") or {}, obj.get("status") or {}, obj["metadata"]
    conditions = status.get("conditions") or ()
    count = _Count(status.get("reason") or status.get("phase", ""))
    if any(c["type"] == "PodScheduled" and c.get("reason") == "SchedulingGated" for c in conditions):
        count.reason = "SchedulingGated"
    sidecars = {c["name"] for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"}
    of_sidecars = _Count("")
    initializing = _initial(spec, status, sidecars, count, of_sidecars)
    if not initializing or _is_true(conditions, "Initialized"):
        count.restarts, count.last = of_sidecars.restarts, of_sidecars.last
        _running(status, conditions, count)
    if "deletionTimestamp" in meta:
        if status.get("reason") == "NodeLost":
            count.reason = "Unknown"
        elif status.get("phase") not in _FINISHED:
            count.reason = "Terminating"
    restarts = str(count.restarts)
    if count.restarts and count.last:
        restarts += f" ({since(count.last, now_s)} ago)"
    total = len(spec.get("containers") or ()) + len(sidecars)
    age = since(meta.get("creationTimestamp"), now_s)
    addresses: list[Object] = status.get("podIPs") or [{}]
    return [
        meta["name"], f"{count.ready}/{total}", count.reason, restarts, age, addresses[0].get("ip") or NONE,
        spec.get("nodeName") or NONE, status.get("nominatedNodeName") or NONE, _gates(spec, conditions),
    ]  # fmt: skip


def row_conditions(obj: Object) -> list[Object]:
    """What the row of a finished pod says of it."""
    found = _FINISHED.get((obj.get("status") or {}).get("phase", ""))
    return [found] if found else []


def _initial(spec: Object, status: Object, sidecars: set[str], count: _Count, of_sidecars: _Count) -> bool:
    """Is the first init container that is not through still in the way?"""
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        sidecar = container["name"] in sidecars
        count.restarted(container)
        if sidecar:
            of_sidecars.restarted(container)
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), (state.get("waiting") or {}).get("reason", "")
        if ended and ended.get("exitCode") == 0:
            continue
        if sidecar and container.get("started"):
            count.ready += bool(container.get("ready"))
            continue
        if ended:
            count.reason = "Init:" + _why(ended)
        elif waiting and waiting != "PodInitializing":
            count.reason = "Init:" + waiting
        else:
            count.reason = f"Init:{index}/{len(spec['initContainers'])}"
        return True
    return False


def _why(ended: Object) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _running(status: Object, conditions: Any, count: _Count) -> None:
    running, failed = False, ""
    for container in reversed(status.get("containerStatuses") or ()):
        count.restarted(container)
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), (state.get("waiting") or {}).get("reason")
        if waiting:
            count.reason = waiting
        elif ended:
            count.reason = _why(ended)
            failed = count.reason if ended.get("exitCode") else failed
        elif container.get("ready") and "running" in state:
            running = True
            count.ready += 1
    if count.reason == "Completed":
        if running and _is_true(conditions, "Ready"):
            count.reason = "Running"
        else:
            count.reason = failed or ("NotReady" if running else count.reason)


def _is_true(conditions: Any, kind: str) -> bool:
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)


def _gates(spec: Object, conditions: Any) -> str:
    gates = spec.get("readinessGates") or ()
    if not gates:
        return NONE
    return f"{sum(_is_true(conditions, gate['conditionType']) for gate in gates)}/{len(gates)}"
