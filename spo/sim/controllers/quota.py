"""Resource quotas: how much is used, counted again whenever something was given back.

Source: pkg/controller/resourcequota. Who takes more is charged at the door (`spo.sim.api.admission.quotas`).
"""

from __future__ import annotations

from spo.model.resource import Resource
from spo.sim.api.admission.quotas import QUOTAS
from spo.sim.api.quota_usage import ZERO, Usage, falls_under, is_terminating, storage_of, usage
from spo.sim.client import Object
from spo.sim.controllers.base import Controller
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import facts
from spo.sim.store import Change, Record, StoreKey

RESOURCE_QUOTAS = Resource("", "v1", QUOTAS, "ResourceQuota")
RESYNC_S = 300.0  # --resource-quota-sync-period: until then a status that someone else wrote may stand


class ResourceQuotas(Controller):
    component = "serviceaccount:kube-system:resourcequota-controller"
    watches = frozenset({"*"})
    delay_s = 0.1

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        self._of: dict[str, dict[StoreKey, None]] = {}  # by namespace

    def hear(self, change: Change) -> None:
        key = change.key
        if key.resource == QUOTAS:
            self._hear_quota(change)
        if key.namespace in self._of and _gives_back(change):
            for quota in self._of[key.namespace]:
                self.want(quota)

    def _hear_quota(self, change: Change) -> None:
        key, after = change.key, change.after
        if after is None:
            self._of[key.namespace].pop(key)
            if not self._of[key.namespace]:
                del self._of[key.namespace]
            return
        self._of.setdefault(key.namespace, {})[key] = None
        if change.before is None or change.before.object().get("spec") != after.object().get("spec"):
            self.want(key)
        elif _hard(after.object(), "status") != _hard(after.object(), "spec"):
            self.want(key, RESYNC_S)

    def work(self, key: StoreKey) -> None:
        quota = self.context.read(*key)
        if quota is None:
            return
        hard = _hard(quota, "spec")
        used = self._used(quota, key.namespace)
        status = {"hard": hard, "used": {name: str(used[name]) for name in hard if name in used}}
        status = {field: value for field, value in status.items() if value}
        if status != (quota.get("status") or {}):
            self.client.update(RESOURCE_QUOTAS, {**quota, "status": status}, "status")

    def _used(self, quota: Object, namespace: str) -> Usage:
        """All that is used of what the quota limits, each object in it looked at once."""
        names = _hard(quota, "spec")
        found: Usage = {}
        for storage in dict.fromkeys(storage_of(name) for name in names):
            if not self.context.serves(storage):
                continue
            found |= {name: ZERO for name in names if storage_of(name) == storage}
            for record in self.context.store.scan(storage, namespace):
                obj = record.object()
                if falls_under(quota.get("spec") or {}, storage, obj):
                    for name, value in usage(storage, obj).items():
                        found[name] = found[name].plus(value) if name in found else value
        return found


def _hard(quota: Object, field: str) -> Object:
    hard: Object = (quota.get(field) or {}).get("hard") or {}
    return hard


def _gives_back(change: Change) -> bool:
    """Can there be more left after this? An object went, a pod ended, a service became another."""
    before, after = change.before, change.after
    if after is None or before is None:
        return after is None
    if change.key.resource == "pods":
        ended = facts(after).is_finished and not facts(before).is_finished
        return ended or _will_end(after) != _will_end(before)  # it moved from one scope to another
    return change.key.resource == "services" and before.object()["spec"] != after.object()["spec"]


def _will_end(pod: Record) -> bool:
    return b'"activeDeadlineSeconds"' in pod.body and is_terminating(pod.object()["spec"])
