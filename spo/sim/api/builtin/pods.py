"""Pods, as a kind."""

from __future__ import annotations

from spo.model.resource import PODS
from spo.sim.api.builtin import shapes
from spo.sim.api.builtin.kind import BuiltIn
from spo.sim.api.builtin.pod_validation import check_pod, warn_pod
from spo.sim.api.builtin.podspec import default_pod, default_spec, quality, tolerate
from spo.sim.api.kinds import METADATA_FIELDS, Object

_FIELDS = (
    "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
    "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName",
)  # fmt: skip
_CONDITION_TIMES = ("lastProbeTime", "lastTransitionTime")


def _default(pod: Object) -> None:
    spec = pod.setdefault("spec", {})
    default_spec(spec)
    default_pod(spec)
    status = pod.get("status") or {}
    if status.get("podIP"):
        status.setdefault("podIPs", [{"ip": status["podIP"]}])
    for condition in status.get("conditions") or ():
        for field in _CONDITION_TIMES:
            condition.setdefault(field, None)  # written even when nobody set them


def _born(pod: Object) -> None:
    tolerate(pod["spec"])
    pod["status"] = {"phase": "Pending", "qosClass": quality(pod["spec"])}


def _on_update(pod: Object, old: Object) -> None:
    """Admission adds what it added on creation, if the client left it out."""
    tolerate(pod["spec"])


def _on_status(pod: Object, old: Object) -> None:
    """The class never changes."""
    before = (old.get("status") or {}).get("qosClass")
    if before:
        pod["status"].setdefault("qosClass", before)


def _host_network(pod: Object) -> str:
    return "true" if pod["spec"].get("hostNetwork") else "false"


def _addresses(pod: Object) -> str:
    """Recorded: selecting by an address finds nothing, even where `status.podIPs` has it."""
    return ""


POD = BuiltIn(
    resource=PODS,
    type="Pod",
    short_names=("po",),
    categories=("all",),
    singular="pod",
    subresources=frozenset({"status", "binding", "eviction", "log"}),
    supported_fields=METADATA_FIELDS | frozenset(_FIELDS),
    selectors={"spec.hostNetwork": _host_network, "status.podIPs": _addresses},
    lists_known_selectors=False,
    shape=shapes.POD,
    returns_object_on_delete=True,
    defaults=_default,
    born=_born,
    on_update=_on_update,
    on_status=_on_status,
    initial_status={},
    check=check_pod,
    warn=warn_pod,
)
