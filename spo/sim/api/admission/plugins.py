"""What is looked at before an object is made or changed (admission plug-ins): first it is completed, then judged."""

from __future__ import annotations

from typing import Any
from zlib import crc32

from spo.sim.api.admission import limits, priorities, quotas, runtimeclasses
from spo.sim.api.call import Call
from spo.sim.api.kinds import clone
from spo.sim.api.status import forbidden, not_found
from spo.sim.keys import SAFE_LETTERS
from spo.sim.store import Store, StoreKey

Object = dict[str, Any]

DEFAULT_ACCOUNT = "default"

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_VOLUME = "kube-api-access-"
_NAMESPACE = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
TOKEN_SOURCES: Object = {
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [_NAMESPACE]}},
    ],
    "defaultMode": 420,
}


def _letters(number: int) -> str:
    """Five of the characters that generated names have."""
    base = len(SAFE_LETTERS)
    return "".join(SAFE_LETTERS[number // base**place % base] for place in range(5))


class Admission:
    """NamespaceLifecycle, LimitRanger, RuntimeClass, Priority, ResourceQuota; ServiceAccount, if switched on."""

    def __init__(self, store: Store, service_accounts: bool) -> None:
        self._store = store
        self._service_accounts = service_accounts

    def create(self, call: Call, obj: Object) -> None:
        """Raises ApiError 404 or 403."""
        if call.served.kind.resource.namespaced:
            self._check_namespace(call, obj)
        if call.served.storage == "pods":
            if self._service_accounts:
                self._give_account(call, obj)
            if self._store.has_any(limits.LIMIT_RANGES, call.route.namespace):
                limits.fill_in(self._store, call.route.namespace, obj)
            runtimeclasses.fill_in(self._store, obj)
            priorities.fill_in(self._store, obj)

    def judge(self, call: Call, obj: Object, old: Object | None) -> list[quotas.Charge]:
        """The last word on a whole and valid object; gives the quotas that are charged for it. Raises ApiError 403."""
        namespace = call.route.namespace
        if call.served.storage == "pods" and old is None and self._store.has_any(limits.LIMIT_RANGES, namespace):
            limits.check(self._store, namespace, obj)
        if namespace and self._store.has_any(quotas.QUOTAS, namespace):
            return quotas.charges(self._store, call, obj, old)
        return []

    def _check_namespace(self, call: Call, obj: Object) -> None:
        namespace = call.key.namespace
        record = self._store.get(StoreKey("namespaces", "", namespace))
        if record is None:
            raise not_found("namespaces", "", namespace)
        if "deletionTimestamp" in record.object()["metadata"]:
            resource = call.served.kind.resource
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            error = forbidden(resource.plural, resource.group, obj["metadata"].get("name", ""), why)
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            error.details = {**(error.details or {}), "causes": [cause]}
            raise error

    def _give_account(self, call: Call, obj: Object) -> None:
        spec, namespace = obj.setdefault("spec", {}), call.key.namespace
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT_ACCOUNT
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = self._store.get(StoreKey("serviceaccounts", namespace, name))
        if account is None:
            why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
            raise forbidden("pods", "", obj["metadata"].get("name", ""), why)
        self._mount_token(call, spec, account.object())

    def _mount_token(self, call: Call, spec: Object, account: Object) -> None:
        """Every container gets the account's token, unless pod or account decline (admission plugin ServiceAccount)."""
        wanted = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
        containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
        bare = [c for c in containers if all(m.get("mountPath") != TOKEN_PATH for m in c.get("volumeMounts") or ())]
        if not wanted or not bare:
            return
        # A real server draws lots. Here no luck is spent on a name that nobody looks at.
        volume = TOKEN_VOLUME + _letters(crc32(f"{call.key.namespace} {self._store.revision}".encode()))
        for container in bare:
            mount = {"name": volume, "readOnly": True, "mountPath": TOKEN_PATH}
            container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
        spec["volumes"] = [*(spec.get("volumes") or ()), {"name": volume, "projected": clone(TOKEN_SOURCES)}]
