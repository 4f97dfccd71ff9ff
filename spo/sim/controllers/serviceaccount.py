"""Gives each living namespace its ServiceAccount `default`, without which no pod can be made there."""

from __future__ import annotations

from spo.model.resource import SERVICE_ACCOUNTS
from spo.sim.controllers.base import Controller
from spo.sim.store import Change, StoreKey


class ServiceAccounts(Controller):
    component = "serviceaccount:kube-system:service-account-controller"
    watches = frozenset({"namespaces", "serviceaccounts"})

    def hear(self, change: Change) -> None:
        key = change.key
        if key.resource == "namespaces" and change.after is not None and change.before is None:
            self.want(key.name)
        elif key.resource == "serviceaccounts" and key.name == "default" and change.after is None:
            self.want(key.namespace)

    def work(self, key: str) -> None:
        namespace = self.context.read("namespaces", "", key)
        if namespace is None or "deletionTimestamp" in namespace["metadata"]:
            return
        if self.context.store.get(StoreKey("serviceaccounts", key, "default")) is None:
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": key}}
            self.client.create(SERVICE_ACCOUNTS, account)
