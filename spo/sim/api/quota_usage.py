"""What an object takes of a quota, and which quotas it falls under. Pure.

Source: pkg/quota/v1/evaluator/core (pods, services), apiserver's pkg/quota/v1/generic (all others are counted).
Not here: claims of devices; there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spo.model.quantity import NANO, Amount, amount

Object = dict[str, Any]
Usage = dict[str, Amount]

ZERO, ONE = Amount(0), Amount(NANO)
COUNT = "count/"
REQUESTS, LIMITS = "requests.", "limits."
HUGE_PAGES = "hugepages-"
FINISHED = ("Succeeded", "Failed")

COUNTED_BY_NAME = frozenset({"configmaps", "replicationcontrollers", "resourcequotas", "secrets", "services"})
OF_SERVICES = ("services", "services.nodeports", "services.loadbalancers")
COMPUTE = ("cpu", "memory", "ephemeral-storage")
OF_PODS = frozenset({"pods", *COMPUTE, *(REQUESTS + name for name in COMPUTE), *(LIMITS + name for name in COMPUTE)})
# A mistake of old, kept by upstream: where these are limited, every container must say what it wants.
MUST_BE_SAID = ("cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory")
CLAIMS = "persistentvolumeclaims"
OF_CLAIMS = (CLAIMS, "requests.storage")
STORAGE_CLASS = ".storageclass.storage.k8s.io/"


def storage_of(name: str) -> str:
    """The resource whose objects a name in a quota is about: `requests.cpu` → `pods`."""
    if name.startswith(COUNT):
        return name.removeprefix(COUNT)
    if name in OF_CLAIMS or STORAGE_CLASS in name:
        return CLAIMS
    if name in OF_SERVICES:
        return "services"
    return name if name in COUNTED_BY_NAME else "pods" if _is_of_pods(name) else ""


def _is_of_pods(name: str) -> bool:
    bare = name.removeprefix(REQUESTS)
    return name in OF_PODS or bare.startswith(HUGE_PAGES) or (name != bare and is_extended(bare))


def is_extended(name: str) -> bool:
    """A resource of some device: `vendor.example/gpu`."""
    return "/" in name and "kubernetes.io/" not in name


def tracked(names: Iterable[str], storage: str) -> list[str]:
    """Those of a quota's names that are about objects of a resource."""
    return sorted(name for name in names if storage_of(name) == storage)


def usage(storage: str, obj: Object) -> Usage:
    """What the object takes."""
    found = {COUNT + storage: ONE}
    if storage == "pods":
        if (obj.get("status") or {}).get("phase") not in FINISHED:
            found |= _of_pod(obj["spec"])
    elif storage == "services":
        found |= _of_service(obj["spec"])
    elif storage == CLAIMS:
        found |= _of_claim(obj.get("spec") or {})
    elif storage in COUNTED_BY_NAME:
        found[storage] = ONE
    return found


def _of_claim(spec: Object) -> Usage:
    """Of all claims, and of those of its class."""
    own = {CLAIMS: ONE, "requests.storage": resources(spec, "requests").get("storage", ZERO)}
    storage_class = spec.get("storageClassName")
    return own | ({storage_class + STORAGE_CLASS + name: value for name, value in own.items()} if storage_class else {})


def _of_service(spec: Object) -> Usage:
    """Node ports are counted as they are meant to be given out."""
    balanced, ports = spec.get("type") == "LoadBalancer", spec.get("ports") or ()
    if balanced and spec.get("allocateLoadBalancerNodePorts") is False:
        ports = [port for port in ports if port.get("nodePort")]
    elif not balanced and spec.get("type") != "NodePort":
        ports = ()
    return dict(zip(OF_SERVICES, (ONE, Amount(len(ports) * NANO), ONE if balanced else ZERO), strict=True))


def _of_pod(spec: Object) -> Usage:
    return {"pods": ONE, **_named(pod_resources(spec, "requests"), pod_resources(spec, "limits"))}


def _named(requests: Mapping[str, Amount], limits: Mapping[str, Amount]) -> Usage:
    """Requests and limits under the names that quotas have for them."""
    found: Usage = {}
    for name, value in requests.items():
        if name in COMPUTE or name.startswith(HUGE_PAGES):
            found[name] = found[REQUESTS + name] = value
        elif is_extended(name):
            found[REQUESTS + name] = value
    return found | {LIMITS + name: value for name, value in limits.items() if name in COMPUTE}


def pod_resources(spec: Object, which: str) -> dict[str, Amount]:
    """A pod's `requests` or `limits` in all: what runs together, or the largest of what runs first."""
    total, beside, first = dict[str, Amount](), dict[str, Amount](), dict[str, Amount]()
    for container in spec.get("containers") or ():
        _add(total, resources(container, which))
    for container in spec.get("initContainers") or ():
        own = resources(container, which)
        if container.get("restartPolicy") == "Always":  # it goes on beside the others
            _add(total, own)
            _add(beside, own)
        else:
            _add(own, beside)
            _raise(first, own)
    _raise(total, first)
    total |= resources(spec, which)  # what the pod says for all of them together
    overhead = read_amounts(spec.get("overhead") or {})
    _add(total, {name: value for name, value in overhead.items() if which == "requests" or name in total})
    return total


def resources(container: Object, which: str) -> dict[str, Amount]:
    """`requests` or `limits` of one container, or of the pod's spec itself."""
    return read_amounts((container.get("resources") or {}).get(which) or {})


def read_amounts(given: Mapping[str, Any]) -> dict[str, Amount]:
    """The quantities of a map, as amounts."""
    return {name: amount(value) or ZERO for name, value in given.items()}


def _add(total: Usage, more: Mapping[str, Amount]) -> None:
    for name, value in more.items():
        total[name] = total[name].plus(value) if name in total else value


def _raise(total: Usage, other: Mapping[str, Amount]) -> None:
    for name, value in other.items():
        if name not in total or total[name].nanos < value.nanos:
            total[name] = value


# -- scopes ------------------------------------------------------------------------------------------------------


def falls_under(quota_spec: Object, storage: str, obj: Object) -> bool:
    """Does the object fall under all scopes of a quota? Only pods and claims fall under any."""
    wanted = [{"scopeName": name, "operator": "Exists"} for name in quota_spec.get("scopes") or ()]
    wanted += (quota_spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    if not wanted:
        return True
    return all(_in_scope(each, storage, obj.get("spec") or {}) for each in wanted)


def _in_scope(wanted: Object, storage: str, spec: Object) -> bool:
    scope = wanted["scopeName"]
    if (storage, scope) in _BY_CLASS:
        return _is_of_class(wanted, spec.get(_BY_CLASS[storage, scope]) or "")
    check = _SCOPES.get(scope)
    return storage == "pods" and check is not None and check(spec)


_BY_CLASS = {
    ("pods", "PriorityClass"): "priorityClassName",
    (CLAIMS, "VolumeAttributesClass"): "volumeAttributesClassName",
}


def _is_of_class(wanted: Object, name: str) -> bool:
    values = wanted.get("values") or ()
    checks = {"Exists": name != "", "DoesNotExist": name == "", "In": name in values}
    return checks.get(wanted.get("operator", ""), name not in values)


def is_terminating(spec: Object) -> bool:
    """Will the pod end by itself?"""
    return int(spec.get("activeDeadlineSeconds", -1)) >= 0


def _is_best_effort(spec: Object) -> bool:
    asked = [resources(part, which) for part in _parts(spec) for which in ("requests", "limits")]
    return not any(value.nanos for each in asked for name, value in each.items() if name in ("cpu", "memory"))


def _parts(spec: Object) -> list[Object]:
    return [spec, *(spec.get("containers") or ()), *(spec.get("initContainers") or ())]


def _looks_elsewhere(spec: Object) -> bool:
    """Does an affinity to pods speak of other namespaces?"""
    affinity = spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        terms = list(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        preferred = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [each.get("podAffinityTerm") or {} for each in preferred]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


_SCOPES: dict[str, Callable[[Object], bool]] = {
    "Terminating": is_terminating,
    "NotTerminating": lambda spec: not is_terminating(spec),
    "BestEffort": _is_best_effort,
    "NotBestEffort": lambda spec: not _is_best_effort(spec),
    "CrossNamespacePodAffinity": _looks_elsewhere,
}


def unsaid(names: Iterable[str], spec: Object) -> str:
    """What containers must say where these are limited, and do not: `cpu for: a,b; memory for: a`."""
    if resources(spec, "requests") or resources(spec, "limits"):
        return ""
    missing: dict[str, list[str]] = {}
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        said = _named(resources(container, "requests"), resources(container, "limits"))
        for name in MUST_BE_SAID:
            if name in names and name not in said:
                missing.setdefault(name, []).append(container["name"])
    return "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))
