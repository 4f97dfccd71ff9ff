"""HorizontalPodAutoscalers as autoscaling/v1 shows them: a target for the CPU, and no other metric. Read only.

What this version cannot say would be lost in a write through it (upstream keeps it in annotations).
"""

from __future__ import annotations

from spo.model.resource import Resource
from spo.sim.api.kinds import Object, View, clone

RESOURCE = Resource("autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
_ONLY_V2 = ("metrics", "behavior")


class ScalerView(View, frozen=True, kw_only=True):
    """The kind HorizontalPodAutoscaler of autoscaling/v1."""

    def shown(self, stored: Object) -> Object:
        spec, status = stored.get("spec") or {}, stored.get("status") or {}
        shown = {name: clone(value) for name, value in spec.items() if name not in _ONLY_V2}
        for metric in spec.get("metrics") or ():
            of_resource = metric.get("resource") or {}
            target = (of_resource.get("target") or {}).get("averageUtilization")
            if of_resource.get("name") == "cpu" and target is not None:
                shown["targetCPUUtilizationPercentage"] = target
        counts = {name: value for name, value in status.items() if name not in ("conditions", "currentMetrics")}
        counts.setdefault("currentReplicas", 0)
        return {**stored, "apiVersion": RESOURCE.api_version, "spec": shown, "status": counts}


KIND = ScalerView(
    storage=RESOURCE.storage,
    resource=RESOURCE,
    singular="horizontalpodautoscaler",
    short_names=("hpa",),
    categories=("all",),
    verbs=("get", "list", "watch"),
)
