"""What `kubectl get` prints of kinds that nobody in the cluster acts upon (pkg/printers, kube-aggregator)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spo.sim.api.kinds import Object
from spo.sim.api.tables.ages import human

if TYPE_CHECKING:
    from spo.sim.api.tables.cells import Row

NONE, UNKNOWN = "<none>", "<unknown>"
_HOSTS_MAX, _METRICS_MAX, _ADDRESS_MAX = 3, 2, 16
_DECISIONS = (("Denied", "Denied"), ("Approved", "Approved"), ("", "Pending"))


def ingress(row: Row) -> list[Any]:
    rules = row.spec.get("rules") or ()
    hosts = [rule["host"] for rule in rules if rule.get("host")][:_HOSTS_MAX]
    shown = ",".join(hosts) or "*"
    if len(hosts) == _HOSTS_MAX < len(rules):
        shown += f" + {len(rules) - _HOSTS_MAX} more..."
    points = (row.status.get("loadBalancer") or {}).get("ingress") or ()
    address = ",".join(sorted({point.get("ip") or point.get("hostname") or "" for point in points} - {""}))
    if len(address) > _ADDRESS_MAX:
        address = address[: _ADDRESS_MAX - 3] + "..."
    ports = "80, 443" if row.spec.get("tls") else "80"
    return [row.name, row.spec.get("ingressClassName", NONE), shown, address, ports, row.age]


def csi_node(row: Row) -> list[Any]:
    return [row.name, len(row.spec.get("drivers") or ()), row.age]


def signing_request(row: Row) -> list[Any]:
    said = [condition["type"] for condition in row.status.get("conditions") or ()]
    words = [next(word for kind, word in _DECISIONS if kind in said or not kind)]
    words += ["Failed"] * ("Failed" in said) + ["Issued"] * bool(row.status.get("certificate"))
    seconds = row.spec.get("expirationSeconds")
    lasts = NONE if seconds is None else human(seconds)
    return [row.name, row.age, row.spec.get("signerName", NONE), row.spec.get("username", ""), lasts, ",".join(words)]


def api_service(row: Row) -> list[Any]:
    conditions = row.status.get("conditions") or ()
    available = next((each["status"] for each in conditions if each["type"] == "Available"), "Unknown")
    return [row.name, "Local", available, row.age]


def scaler(row: Row) -> list[Any]:
    target, spec = row.spec.get("scaleTargetRef") or {}, row.spec
    metrics = spec.get("metrics") or _of_v1(spec.get("targetCPUUtilizationPercentage"))
    shown = ", ".join(_metric(metric) for metric in metrics[:_METRICS_MAX]) or NONE
    if len(metrics) > _METRICS_MAX:
        shown += f" + {len(metrics) - _METRICS_MAX} more..."
    counts = [str(spec.get("minReplicas", "<unset>")), spec.get("maxReplicas", 0), row.status.get("currentReplicas", 0)]
    return [row.name, f"{target.get('kind', '')}/{target.get('name', '')}", shown, *counts, row.age]


def _of_v1(percentage: int | None) -> list[Object]:
    target = {"averageUtilization": percentage}
    return [] if percentage is None else [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _metric(metric: Object) -> str:
    """Nothing is measured here: only what is wanted is known."""
    of_resource = metric.get("resource") or metric.get("containerResource")
    if of_resource is None:
        return f"{UNKNOWN}/<auto>"
    target = of_resource.get("target") or {}
    percentage = target.get("averageUtilization")
    wanted = target.get("averageValue") or ("<auto>" if percentage is None else f"{percentage}%")
    return f"{of_resource.get('name', '')}: {UNKNOWN}/{wanted}"
