"""Limit ranges at the door: what a container does not say is filled in, and what is out of range is refused.

Source: plugin/pkg/admission/limitranger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spo.model.quantity import Amount
from spo.sim.api.quota_usage import ZERO, pod_resources, read_amounts, resources
from spo.sim.api.status import ApiError, forbidden
from spo.sim.store import Store

Object = dict[str, Any]
Amounts = Mapping[str, Amount]

ANNOTATION = "kubernetes.io/limit-ranger"
LIMIT_RANGES = "limitranges"
_LISTS = (("containers", "container"), ("initContainers", "init container"))


def fill_in(store: Store, namespace: str, pod: Object) -> None:
    """Give containers the namespace's default requests and limits, and say so in an annotation."""
    for record in store.scan(LIMIT_RANGES, namespace):
        ranges = [each for each in _ranges(record.object()) if each.get("type") == "Container"]
        wanted = {"requests": dict[str, str](), "limits": dict[str, str]()}
        for each in ranges:
            wanted["requests"] |= each.get("defaultRequest") or {}
            wanted["limits"] |= each.get("default") or {}
        told = [
            text
            for field, word in _LISTS
            for container in pod["spec"].get(field) or ()
            for text in _fill_container(container, wanted, f"{word} {container.get('name', '')}")
        ]
        if told:
            pod["metadata"].setdefault("annotations", {})[ANNOTATION] = "LimitRanger plugin set: " + "; ".join(told)


def _fill_container(container: Object, wanted: Mapping[str, Mapping[str, str]], where: str) -> list[str]:
    told = []
    for field, word in (("requests", "request"), ("limits", "limit")):
        standing = (container.get("resources") or {}).get(field) or {}
        missing = {name: value for name, value in wanted[field].items() if name not in standing}
        if missing:
            container.setdefault("resources", {})[field] = {**standing, **missing}
            told.append(f"{', '.join(sorted(missing))} {word} for {where}")
    return told


def check(store: Store, namespace: str, pod: Object) -> None:
    """Raises ApiError 403 for a pod that is out of range."""
    for record in store.scan(LIMIT_RANGES, namespace):
        why = [text for each in _ranges(record.object()) for text in _faults(each, pod["spec"])]
        if why:
            shown = why[0] if len(why) == 1 else f"[{', '.join(dict.fromkeys(why))}]"
            raise _refused(pod, shown)


def _ranges(limit_range: Object) -> list[Object]:
    return (limit_range.get("spec") or {}).get("limits") or []


def _faults(limit: Object, spec: Object) -> Iterator[str]:
    kind = limit.get("type", "")
    if kind == "Pod":
        yield from _out_of_range(limit, pod_resources(spec, "requests"), pod_resources(spec, "limits"))
    elif kind == "Container":
        for field, _ in _LISTS:
            for container in spec.get(field) or ():
                yield from _out_of_range(limit, resources(container, "requests"), resources(container, "limits"))


def _out_of_range(limit: Object, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for field, rule in _RULES.items():
        for name, bound in sorted(read_amounts(limit.get(field) or {}).items()):
            why = rule(bound, requests.get(name), limits.get(name))
            if why:
                yield f"{_WORDS[field].format(name)} per {limit['type']} is {bound}{why}"


def _too_small(least: Amount, request: Amount | None, limit: Amount | None) -> str:
    if request is None:
        return ".  No request is specified"
    if request.nanos < least.nanos:
        return f", but request is {request}"
    return f", but limit is {limit}" if limit is not None and limit.nanos < least.nanos else ""


def _too_large(most: Amount, request: Amount | None, limit: Amount | None) -> str:
    if limit is None:
        return ".  No limit is specified"
    if limit.nanos > most.nanos:
        return f", but limit is {limit}"
    return f", but request is {request}" if request is not None and request.nanos > most.nanos else ""


def _too_far_apart(most: Amount, request: Amount | None, limit: Amount | None) -> str:
    for word, value in (("request", request), ("limit", limit)):
        if (value or ZERO).nanos == 0:
            return f", but no {word} is specified or {word} is 0"
    assert request is not None and limit is not None
    ratio = limit.nanos / request.nanos
    return f", but provided ratio is {ratio:f}" if ratio * 10**9 > most.nanos else ""


_WORDS = {
    "min": "minimum {} usage",
    "max": "maximum {} usage",
    "maxLimitRequestRatio": "{} max limit to request ratio",
}
_RULES: dict[str, Callable[[Amount, Amount | None, Amount | None], str]] = {
    "min": _too_small,
    "max": _too_large,
    "maxLimitRequestRatio": _too_far_apart,
}


def _refused(pod: Object, why: str) -> ApiError:
    return forbidden("pods", "", pod["metadata"].get("name", ""), why)
