"""Gives each living namespace the ConfigMap `kube-root-ca.crt`, and keeps it.

Source: pkg/controller/certificates/rootcacertpublisher.
"""

from __future__ import annotations

from spo.model.resource import CONFIG_MAPS
from spo.sim.controllers.base import Controller
from spo.sim.store import Change

NAME = "kube-root-ca.crt"
# Symbolic, like all that is secret or made by chance here: the same in every run. Clients outside find the authority of
# the port in their kubeconfig.
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nc3BvLXNpbQ==\n-----END CERTIFICATE-----\n"
_WHY = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)
ANNOTATIONS = {"kubernetes.io/description": _WHY}


class RootCertificates(Controller):
    component = "serviceaccount:kube-system:root-ca-cert-publisher"
    watches = frozenset({"namespaces", "configmaps"})

    def hear(self, change: Change) -> None:
        key = change.key
        if key.resource == "namespaces":
            if change.before is None:
                self.want(key.name)
        elif key.name == NAME and change.before is not None:
            self.want(key.namespace)

    def work(self, key: str) -> None:
        namespace = self.context.read("namespaces", "", key)
        if namespace is None or "deletionTimestamp" in namespace["metadata"]:
            return
        wanted = {"ca.crt": CERTIFICATE}
        standing = self.context.read("configmaps", key, NAME)
        if standing is None:
            metadata = {"name": NAME, "namespace": key, "annotations": ANNOTATIONS}
            self.client.create(CONFIG_MAPS, {"metadata": metadata, "data": wanted})
        elif standing.get("data") != wanted:
            self.client.update(CONFIG_MAPS, {**standing, "data": wanted})
