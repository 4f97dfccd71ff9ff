"""What a kubelet tells the API server of its pods: their status, when it changed, and Events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from spo.model.resource import PODS
from spo.sim.api.status import ApiError
from spo.sim.client import Client
from spo.sim.node import podstatus
from spo.sim.node.node import Node
from spo.sim.node.podrun import PodRun
from spo.sim.shared.context import SharedContext

Object = dict[str, Any]
Outcome = Literal["written", "gone", "refused"]


class Reporter:
    """Of one node."""

    def __init__(self, node: Node, context: SharedContext, client: Client) -> None:
        self._node = node
        self._context = context
        self._timeline = context.timeline
        self._client = client

    def write(self, run: PodRun) -> Outcome:
        """Bring the pod's status up to date, if it is not."""
        obj = self._context.read(*run.key)
        if obj is None or obj["metadata"]["uid"] != run.uid:
            return "gone"
        standing = obj.get("status") or {}
        status = self._status(run, standing)
        if all(standing.get(field) == value for field, value in status.items()):
            return "written"
        return self._patch(run, status)

    def reject(self, run: PodRun) -> Outcome:
        """Say that the pod will not run here."""
        reason, message = run.failure
        status = {"phase": "Failed", "reason": reason, "message": message, "startTime": run.started}
        return self._patch(run, {**status, "observedGeneration": run.generation})

    def tell(self, run: PodRun, reason: str, message: str, field: str = "", *, warning: bool = False) -> None:
        """An Event; `field`: the container it is about."""
        self._context.recorder.tell(
            run.pod, reason, message, "kubelet", warning=warning, host=self._node.name, field=field
        )

    def _patch(self, run: PodRun, status: Object) -> Outcome:
        patch = {"metadata": {"uid": run.uid}, "status": status}
        try:
            self._client.patch(PODS, run.key.namespace, run.key.name, patch, subresource="status")
        except ApiError as error:
            return "gone" if error.code in (404, 409) else "refused"
        return "written"

    def _status(self, run: PodRun, standing: Mapping[str, Any]) -> Object:
        phase = podstatus.phase_of(run.inits, run.containers, run.restart_policy, run.stopped)
        now = self._timeline.stamp()
        before = standing.get("conditions") or ()
        status: Object = {
            "phase": phase,
            "conditions": podstatus.conditions(
                run.inits, run.containers, phase, run.has_sandbox, before, run.gates, run.generation, now
            ),
            "containerStatuses": [podstatus.container_status(each) for each in run.containers],
            "hostIP": self._node.ip,
            "hostIPs": [{"ip": self._node.ip}],
            "observedGeneration": run.generation,
            "startTime": run.started,
        }
        if run.inits:
            status["initContainerStatuses"] = [podstatus.container_status(each) for each in run.inits]
        if run.ip:
            status |= {"podIP": run.ip, "podIPs": [{"ip": run.ip}]}
        if run.failure[0]:
            status |= {"phase": "Failed", "reason": run.failure[0], "message": run.failure[1]}
        return status
