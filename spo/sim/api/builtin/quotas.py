"""Resource quotas and limit ranges, as kinds (pkg/apis/core/validation)."""

from __future__ import annotations

from typing import Any

from spo.model.quantity import NANO
from spo.model.resource import Resource
from spo.sim.api import names
from spo.sim.api.builtin import shapes
from spo.sim.api.builtin.kind import BuiltIn
from spo.sim.api.field_errors import duplicate, invalid
from spo.sim.api.kinds import Object
from spo.sim.api.quota_usage import CLAIMS, OF_CLAIMS, OF_PODS, OF_SERVICES, is_extended, read_amounts
from spo.sim.api.status import FieldError

COUNTED = ("configmaps", "pods", "replicationcontrollers", "resourcequotas", "secrets", *OF_SERVICES, CLAIMS)
STANDARD = frozenset({*OF_PODS, *COUNTED, *OF_CLAIMS})
OF_SCOPED_PODS = ("pods", "cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory")
SCOPES = {  # scope → what may be limited in it
    **dict.fromkeys(
        ("Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"), OF_SCOPED_PODS
    ),
    "BestEffort": ("pods",),
    "VolumeAttributesClass": OF_CLAIMS,
}
PAIRS = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
LIMIT_TYPES = ("Container", "PersistentVolumeClaim", "Pod")

# -- quotas ------------------------------------------------------------------------------------------------------


def _check_quota(quota: Object, old: Object | None) -> list[FieldError]:
    spec = quota.get("spec") or {}
    errors = _check_amounts(spec.get("hard") or {}, "spec.hard") + _check_scopes(spec)
    before = ((old or {}).get("spec") or {}).get("scopes") or []
    scopes = spec.get("scopes") or []
    if old is not None and sorted(scopes) != sorted(before):
        errors.append(invalid("spec.scopes", scopes, "field is immutable"))
    return errors


def _check_quota_status(quota: Object, old: Object | None) -> list[FieldError]:
    status = quota.get("status") or {}
    return [error for field in ("hard", "used") for error in _check_amounts(status.get(field) or {}, f"status.{field}")]


def _check_amounts(amounts: Object, path: str) -> list[FieldError]:
    errors = []
    for name, value in amounts.items():
        place = f"{path}[{name}]"
        faults = names.label_key_faults(name)
        errors += [invalid(place, name, why) for why in faults]
        if "/" not in name and name not in STANDARD and not name.startswith(("hugepages-", "requests.hugepages-")):
            errors.append(invalid(place, name, "must be a standard resource for quota"))
        if str(value).startswith("-"):
            errors.append(invalid(place, value, "must be greater than or equal to 0"))
        elif (name in COUNTED or is_extended(name)) and read_amounts({name: value})[name].nanos % NANO:
            errors.append(invalid(place, value, "must be an integer"))
    return errors


def _check_scopes(spec: Object) -> list[FieldError]:
    errors, scopes = list[FieldError](), spec.get("scopes") or []
    limited = [name for name in sorted(spec.get("hard") or {}) if name in STANDARD]
    for scope in scopes:
        if scope not in SCOPES:
            errors.append(invalid("spec.scopes", scopes, "unsupported scope"))
        elif any(name not in SCOPES[scope] for name in limited):
            errors.append(invalid("spec.scopes", scopes, "unsupported scope applied to resource"))
    if any(all(scope in scopes for scope in pair) for pair in PAIRS):
        errors.append(invalid("spec.scopes", scopes, "conflicting scopes"))
    for wanted in (spec.get("scopeSelector") or {}).get("matchExpressions") or ():
        scope = wanted.get("scopeName", "")
        if scope not in SCOPES:
            errors.append(invalid("spec.scopeSelector.matchExpressions.scopeName", scope, "unsupported scope"))
        elif any(name not in SCOPES[scope] for name in limited):
            where = "spec.scopeSelector.matchExpressions"
            errors.append(invalid(where, spec["scopeSelector"], "unsupported scope applied to resource"))
    return errors


# -- limit ranges ------------------------------------------------------------------------------------------------


def _default_limits(limit_range: Object) -> None:
    """Of containers: the most is the default, the default is what is asked for, and so is the least."""
    for limit in (limit_range.get("spec") or {}).get("limits") or ():
        if limit.get("type") == "Container":
            default = {**(limit.get("max") or {}), **(limit.get("default") or {})}
            request = {**(limit.get("min") or {}), **default, **(limit.get("defaultRequest") or {})}
            limit |= {field: each for field, each in (("default", default), ("defaultRequest", request)) if each}


def _check_limits(limit_range: Object, old: Object | None) -> list[FieldError]:
    errors, seen = list[FieldError](), list[Any]()
    for index, limit in enumerate((limit_range.get("spec") or {}).get("limits") or ()):
        path, kind = f"spec.limits[{index}]", limit.get("type", "")
        if "/" not in kind and kind not in LIMIT_TYPES:
            errors.append(invalid(f"{path}.type", kind, "must be a standard limit type or fully qualified"))
        if kind in seen:
            errors.append(duplicate(f"{path}.type", kind))
        seen.append(kind)
        errors += _check_order(limit, path)
    return errors


def _check_order(limit: Object, path: str) -> list[FieldError]:
    """least ≤ request by default ≤ limit by default ≤ most"""
    order = [(field, read_amounts(limit.get(field) or {})) for field in ("min", "defaultRequest", "default", "max")]
    words = {"min": "min value", "defaultRequest": "default request value", "default": "default value"}
    words["max"] = "max value"
    errors = []
    for place, (field, amounts) in enumerate(order):
        for above, others in order[place + 1 :]:
            for name in sorted(amounts.keys() & others.keys()):
                if amounts[name].nanos > others[name].nanos:
                    why = f"{words[field]} {amounts[name]} is greater than {words[above]} {others[name]}"
                    errors.append(invalid(f"{path}.{field}[{name}]", str(amounts[name]), why))
    return errors


def _core(plural: str, kind: str, short: str, **more: Any) -> BuiltIn:
    return BuiltIn(
        resource=Resource("", "v1", plural, kind),
        type=kind,
        singular=kind.lower(),
        short_names=(short,),
        generation=False,
        shape=shapes.NAMED,
        **more,
    )


KINDS = (
    _core(
        "resourcequotas",
        "ResourceQuota",
        "quota",
        subresources=frozenset({"status"}),
        returns_object_on_delete=True,
        initial_status={},
        check=_check_quota,
        check_status=_check_quota_status,
    ),
    _core("limitranges", "LimitRange", "limits", defaults=_default_limits, check=_check_limits),
)
