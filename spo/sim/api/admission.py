"""What is looked at before an object is made: is its namespace there, has a pod its account (admission plugins)."""

from __future__ import annotations

from typing import Any

from spo.sim.api.call import Call
from spo.sim.api.status import forbidden, not_found
from spo.sim.store import Store, StoreKey

Object = dict[str, Any]

DEFAULT_ACCOUNT = "default"


class Admission:
    """NamespaceLifecycle, always; ServiceAccount, if switched on."""

    def __init__(self, store: Store, service_accounts: bool) -> None:
        self._store = store
        self._service_accounts = service_accounts

    def create(self, call: Call, obj: Object) -> None:
        """Raises ApiError 404 or 403."""
        if call.served.kind.resource.namespaced:
            self._check_namespace(call, obj)
        if self._service_accounts and call.served.storage == "pods":
            self._give_account(call, obj)

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
        if self._store.get(StoreKey("serviceaccounts", namespace, name)) is None:
            why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
            raise forbidden("pods", "", obj["metadata"].get("name", ""), why)
