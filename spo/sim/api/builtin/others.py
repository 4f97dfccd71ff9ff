"""Kinds that clients look for, and that nobody in the cluster acts upon: stored and shown, no more.

Scaling by load needs load, ingress needs traffic, signing needs a signer; aggregated API servers would be processes.
"""

from __future__ import annotations

from typing import Any

from spo.model.resource import Resource
from spo.sim.api.builtin import shapes
from spo.sim.api.builtin.kind import BuiltIn
from spo.sim.api.field_errors import forbidden, required
from spo.sim.api.kinds import METADATA_FIELDS, Object, clone
from spo.sim.api.status import FieldError

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
USAGES = ["digital signature", "key encipherment"]
STATUS = frozenset({"status"})


def _default_scaler(scaler: Object) -> None:
    spec = scaler.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        spec["metrics"] = [clone(CPU)]


def _check_scaler(scaler: Object, old: Object | None) -> list[FieldError]:
    spec = scaler["spec"]
    errors = [] if spec.get("maxReplicas") else [required("spec.maxReplicas")]
    return errors + ([] if (spec.get("scaleTargetRef") or {}).get("name") else [required("spec.scaleTargetRef.name")])


def _check_ingress(ingress: Object, old: Object | None) -> list[FieldError]:
    spec = ingress.get("spec") or {}
    if spec.get("rules") or spec.get("defaultBackend"):
        return []
    return [required("spec", "either `defaultBackend` or `rules` must be specified")]


def _default_signing(request: Object) -> None:
    request.setdefault("spec", {}).setdefault("usages", list(USAGES))


def _check_signing(request: Object, old: Object | None) -> list[FieldError]:
    return [required(f"spec.{name}") for name in ("request", "signerName") if not request["spec"].get(name)]


def _check_service(service: Object, old: Object | None) -> list[FieldError]:
    if (service.get("spec") or {}).get("service"):
        return [forbidden("spec.service", "this simulated API server does not ask others")]
    return []


def _kind(group: str, plural: str, kind: str, **more: Any) -> BuiltIn:
    resource = Resource(group, more.pop("version", "v1"), plural, kind, more.pop("namespaced", False))
    return BuiltIn(**{"resource": resource, "type": kind, "singular": kind.lower(), "shape": shapes.NAMED, **more})


KINDS = (
    _kind(
        "apiregistration.k8s.io",
        "apiservices",
        "APIService",
        categories=("api-extensions",),
        subresources=STATUS,
        generation=False,
        check=_check_service,
    ),
    _kind(
        "autoscaling",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        version="v2",
        type="V2HorizontalPodAutoscaler",
        namespaced=True,
        short_names=("hpa",),
        categories=("all",),
        subresources=STATUS,
        generation=False,
        initial_status={"currentMetrics": None, "desiredReplicas": 0},
        defaults=_default_scaler,
        check=_check_scaler,
    ),
    _kind(
        "certificates.k8s.io",
        "certificatesigningrequests",
        "CertificateSigningRequest",
        short_names=("csr",),
        subresources=frozenset({"status", "approval"}),
        supported_fields=METADATA_FIELDS | {"spec.signerName"},
        lists_known_selectors=False,
        generation=False,
        initial_status={},
        defaults=_default_signing,
        check=_check_signing,
    ),
    _kind(
        "networking.k8s.io",
        "ingresses",
        "Ingress",
        namespaced=True,
        short_names=("ing",),
        subresources=STATUS,
        initial_status={"loadBalancer": {}},
        check=_check_ingress,
    ),
    _kind("storage.k8s.io", "csinodes", "CSINode", generation=False),
)
