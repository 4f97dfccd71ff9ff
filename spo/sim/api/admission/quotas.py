"""Resource quotas at the door: who asks for more than is left is refused, who gets it is charged at once.

Source: apiserver's admission plug-in ResourceQuota (checkQuotas, CheckRequest). What is given back is found out by the
quota controller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spo.model.quantity import Amount
from spo.sim.api.call import Call
from spo.sim.api.quota_usage import ZERO, Usage, falls_under, is_terminating, read_amounts, tracked, unsaid, usage
from spo.sim.api.status import ApiError, forbidden
from spo.sim.store import Store, StoreKey

Object = dict[str, Any]
Charge = tuple[StoreKey, Object]  # a quota, as it is to stand

QUOTAS = "resourcequotas"
COUNTED_AGAIN = ("pods", "services")  # of these a change can take more; of all others only that they are made


def charges(store: Store, call: Call, obj: Object, old: Object | None) -> list[Charge]:
    """The quotas that a write changes. `old`: what it changes. Raises ApiError 403."""
    storage, found = call.served.storage, list[Charge]()
    if not _counts(storage, obj, old):
        return found
    for record in store.scan(QUOTAS, call.key.namespace):
        quota = record.object()
        name, status = quota["metadata"]["name"], quota.get("status") or {}
        hard = read_amounts(status.get("hard") or {})
        names = tracked(hard, storage)
        if not names or not falls_under(quota["spec"], storage, obj):
            continue
        if storage == "pods" and (missing := unsaid(names, obj["spec"])):
            raise _refused(call, obj, f"failed quota: {name}: must specify {missing}")
        used = read_amounts(status.get("used") or {})
        if any(each not in used for each in names):
            raise _refused(call, obj, f"status unknown for quota: {name}, resources: {','.join(names)}")
        wanted = _wanted(quota["spec"], storage, obj, old)
        asked = {each: wanted[each] for each in names if wanted.get(each, ZERO).nanos}
        after = {each: used[each].plus(value) for each, value in asked.items()}
        over = [each for each in asked if after[each].nanos > hard[each].nanos]
        if over:
            parts = (("requested", asked), ("used", used), ("limited", hard))
            told = ", ".join(f"{word}: {_told(values, over)}" for word, values in parts)
            raise _refused(call, obj, f"exceeded quota: {name}, {told}")
        if asked:
            status["used"] |= {each: str(value) for each, value in after.items()}
            found.append((record.key, quota))
    return found


def _counts(storage: str, obj: Object, old: Object | None) -> bool:
    """Can this write change what is used?"""
    if old is None or storage == "services":
        return True
    return storage in COUNTED_AGAIN and is_terminating(obj["spec"]) != is_terminating(old["spec"])


def _wanted(quota_spec: Object, storage: str, obj: Object, old: Object | None) -> Usage:
    """What the object takes beyond what it took, if that was counted here."""
    now = usage(storage, obj)
    if old is None or not falls_under(quota_spec, storage, old):
        return now
    before = usage(storage, old)
    return {name: value.minus(before.get(name, ZERO)) for name, value in now.items()}


def _told(values: Mapping[str, Amount], names: list[str]) -> str:
    return ",".join(f"{name}={values[name]}" for name in names)


def _refused(call: Call, obj: Object, why: str) -> ApiError:
    resource = call.served.kind.resource
    return forbidden(resource.plural, resource.group, obj["metadata"]["name"], why)
