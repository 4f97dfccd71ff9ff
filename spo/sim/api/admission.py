"""What is looked at before an object is made: is its namespace there, has a pod its account (admission plugins)."""

from __future__ import annotations

from typing import Any

from spo.sim.api.call import Call
from spo.sim.api.status import forbidden, not_found
from spo.sim.store import Store, StoreKey

Object = dict[str, Any]

DEFAULT_ACCOUNT = "default"
SYSTEM_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


class Admission:
    """NamespaceLifecycle and Priority, always; ServiceAccount, if switched on."""

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
            self._give_priority(call, obj)

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

    def _give_priority(self, call: Call, obj: Object) -> None:
        """The class's value; classes of the system are there from the start (admission plugin Priority)."""
        spec = obj.get("spec") or {}
        name = spec.get("priorityClassName")
        if not name:
            return
        record = self._store.get(StoreKey("priorityclasses.scheduling.k8s.io", "", name))
        value = record.object().get("value", 0) if record is not None else SYSTEM_PRIORITIES.get(name)
        if value is None:
            # The name is generated later: the message has what the client sent.
            sent = obj["metadata"].get("generateName") or obj["metadata"].get("name", "")
            raise forbidden("pods", "", sent, f"no PriorityClass with name {name} was found")
        spec["priority"] = value
