"""Which pods are available: ready, and so for `minReadySeconds` (pkg/api/v1/pod: IsPodAvailable)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts


class Availability:
    """Most sets want no waiting; then no pod is read."""

    def __init__(self, context: SharedContext) -> None:
        self._context = context

    def of(self, pods: Iterable[PodFacts], min_ready_s: int) -> tuple[list[PodFacts], float | None]:
        """Those that are available, and in how many seconds the next one will be (`None`: none is waiting)."""
        ready = [pod for pod in pods if pod.ready]
        if not min_ready_s:
            return ready, None
        now = self._context.timeline.now
        left = {pod.key: self._ready_at(pod) + min_ready_s - now for pod in ready}
        available = [pod for pod in ready if left[pod.key] <= 0]
        return available, min((each for each in left.values() if each > 0), default=None)

    def _ready_at(self, pod: PodFacts) -> float:
        obj = self._context.read(*pod.key) or {}
        for condition in (obj.get("status") or {}).get("conditions") or ():
            if condition["type"] == "Ready" and condition.get("lastTransitionTime"):
                return datetime.fromisoformat(condition["lastTransitionTime"]).timestamp()
        return self._context.timeline.now
