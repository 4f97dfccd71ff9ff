"""Apply manifests as `kubectl apply` would: create what is missing, patch what is there, and say what was refused."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from spo.input.line_numbers import place_of
from spo.input.load import Loaded
from spo.model.resource import CRDS, NAMESPACES, Resource
from spo.report import hints
from spo.report.summary import Rejected
from spo.sim.api.status import ApiError
from spo.sim.cluster import SimulatedCluster

QUERY = (("fieldManager", "spo-try"), ("fieldValidation", "Strict"))
MERGE = "application/merge-patch+json"
STRATEGIC_MERGE = "application/strategic-merge-patch+json"
TYPING_S = 0.5  # after a namespace or a definition: what a person needs to go on, and the cluster to be ready for more
SERVER_SET = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")


class Applier:
    """Applies one object after the other; a refusal stops none of the others."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster
        self._client = cluster.client()
        self._spaces: set[str] = set()
        self.notes: list[str] = []

    def apply(self, item: Loaded) -> Rejected | None:
        """Create or patch the object. Gives why not, if it was refused."""
        resource = self._resource(item)
        if resource is None:
            text = f"the API server does not serve {item.api_version} of {item.kind}"
            return Rejected(str(item), str(item.source), text, "apply its CustomResourceDefinition first")
        obj = copy.deepcopy(item.object)
        for name in SERVER_SET:
            obj["metadata"].pop(name, None)
        namespace = self._namespace(resource, obj)
        try:
            self._send(resource, namespace, obj)
        except ApiError as error:
            return self._refused(item, resource, error)
        if item.kind == NAMESPACES.kind:
            self._cluster.run(TYPING_S)
        return None

    def _refused(self, item: Loaded, resource: Resource, error: ApiError) -> Rejected:
        field = next(iter(hints.fields(error)), "")
        remedy = hints.remedy(error, self._schema(resource))
        return Rejected(str(item), place_of(item.source, field), hints.message(error), remedy)

    def _schema(self, resource: Resource) -> Mapping[str, Any] | None:
        """What the definition of a custom kind says; of built-in kinds we have none."""
        try:
            definition = self._client.get(CRDS, "", resource.storage)
        except ApiError:
            return None
        served = {version["name"]: version["schema"] for version in definition["spec"]["versions"]}
        found: Mapping[str, Any] = (served.get(resource.version) or {}).get("openAPIV3Schema") or {}
        return found

    def _resource(self, item: Loaded) -> Resource | None:
        """A new kind is served a moment after its definition; give it that."""
        resource = self._cluster.resource(item.api_version, item.kind)
        if resource is None:
            self._cluster.run(TYPING_S)
            resource = self._cluster.resource(item.api_version, item.kind)
        return resource

    def _namespace(self, resource: Resource, obj: dict[str, Any]) -> str:
        """Where it goes: as kubectl, `default` if nothing is said; a namespace that nobody made is made."""
        if not resource.namespaced:
            obj["metadata"].pop("namespace", None)
            return ""
        namespace: str = obj["metadata"].setdefault("namespace", "default")
        if namespace not in self._spaces:
            self._spaces.add(namespace)
            self._make_if_missing(namespace)
        return namespace

    def _make_if_missing(self, namespace: str) -> None:
        try:
            self._client.get(NAMESPACES, "", namespace)
        except ApiError as error:
            if error.code != 404:
                return
            try:
                self._client.create(NAMESPACES, {"metadata": {"name": namespace}})
            except ApiError:
                return  # a name that cannot be: the object itself will be refused, in better words
            self._cluster.run(TYPING_S)
            self.notes.append(f"namespace {namespace} was not in the input, and was made")

    def _send(self, resource: Resource, namespace: str, obj: dict[str, Any]) -> None:
        name = obj["metadata"].get("name")
        if name and self._exists(resource, namespace, name):
            body = {key: value for key, value in obj.items() if key != "status"}
            # As kubectl does: lists of built-in kinds are merged by what names their items, and nothing that the server
            # added is taken away.
            served = self._cluster.api.registry.find(resource.group, resource.version, resource.plural)
            merge = MERGE if served is not None and served.kind.custom else STRATEGIC_MERGE
            self._client.call("PATCH", resource.path(namespace, name), body, query=QUERY, content_type=merge)
        else:
            self._client.call("POST", resource.path(namespace), obj, query=QUERY)

    def _exists(self, resource: Resource, namespace: str, name: str) -> bool:
        try:
            self._client.get(resource, namespace, name)
        except ApiError:
            return False
        return True
