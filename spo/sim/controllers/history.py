"""ControllerRevisions: the templates that a DaemonSet or StatefulSet has had, newest last.

Source: pkg/controller/history, pkg/controller/daemon/update.go. A revision is known by its data: a template that comes
back gets its old revision back, with a new number.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from spo.model.resource import Resource
from spo.sim.api.verbs.eviction import selector_of
from spo.sim.client import Client, Object
from spo.sim.controllers.base import controller_of, controller_reference
from spo.sim.controllers.podtemplate import REVISION_HASH, template_hash
from spo.sim.shared.context import SharedContext
from spo.sim.store import Change

REVISIONS = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
STORAGE = "controllerrevisions.apps"


class Revision(Struct, frozen=True):
    """One template: its name, the hash its pods are labelled with, and its number."""

    name: str
    hash: str
    number: int
    template: Mapping[str, Any]


class History:
    """Of all sets of one kind. What a set's present revision is, is remembered until a set or revision changes."""

    def __init__(self, context: SharedContext, client: Client, resource: Resource) -> None:
        self._context = context
        self._client = client
        self._resource = resource
        self._known: dict[str, tuple[int, tuple[Revision, ...]]] = {}  # by the set's uid: its generation, all revisions

    def hear(self, change: Change) -> str:
        """A revision changed: gives the uid of the set it belongs to."""
        record = change.after or change.deleted
        owner = controller_of(record.object()) if record is not None else None
        uid = str(owner["uid"]) if owner else ""
        self._known.pop(uid, None)
        return uid

    def forget(self, uid: str) -> None:
        self._known.pop(uid, None)

    def of(self, owner: Object) -> tuple[Revision, ...]:
        """All revisions, oldest first; the last one is the present template's. Makes, renumbers and adopts."""
        metadata = owner["metadata"]
        generation = metadata.get("generation", 0)
        known = self._known.get(metadata["uid"])
        if known is not None and known[0] == generation:
            return known[1]
        revisions = self._bring_up_to_date(owner)
        self._known[metadata["uid"]] = (generation, revisions)
        return revisions

    def truncate(self, owner: Object, live: Container[str]) -> None:
        """Delete the oldest that no pod needs, beyond `revisionHistoryLimit`. `live`: hashes or names in use."""
        revisions = self.of(owner)
        limit = owner["spec"].get("revisionHistoryLimit", 10)
        idle = [each for each in revisions[:-1] if each.hash not in live and each.name not in live]
        for revision in idle[: max(0, len(idle) - limit)]:
            self._client.delete(REVISIONS, owner["metadata"]["namespace"], revision.name)

    def _bring_up_to_date(self, owner: Object) -> tuple[Revision, ...]:
        found = self._standing(owner)
        data = data_of(owner["spec"]["template"])
        newest = max((each["revision"] for each in found), default=0)
        same = [each for each in found if each.get("data") == data]
        if not same:
            found.append(self._create(owner, data, newest + 1))
        else:
            present = same[-1]
            if present["revision"] < newest:
                patch = {"revision": newest + 1}
                present |= self._client.patch(
                    REVISIONS, present["metadata"]["namespace"], present["metadata"]["name"], patch
                )
        return tuple(_revision(each) for each in sorted(found, key=lambda each: each["revision"]))

    def _standing(self, owner: Object) -> list[Object]:
        metadata = owner["metadata"]
        found = []
        for record in self._context.store.scan(STORAGE, metadata["namespace"]):
            revision = record.object()
            holder = controller_of(revision)
            if holder is None and selector_of(owner["spec"]["selector"]).matches(record.labels):
                revision = self._adopt(revision, owner)
            elif (holder or {}).get("uid") != metadata["uid"]:
                continue
            found.append(revision)
        return sorted(found, key=lambda each: each["revision"])

    def _adopt(self, revision: Object, owner: Object) -> Object:
        metadata = revision["metadata"]
        reference = controller_reference(self._resource.api_version, self._resource.kind, owner)
        references = [*(metadata.get("ownerReferences") or ()), reference]
        patch = {"metadata": {"uid": metadata["uid"], "ownerReferences": references}}
        return self._client.patch(REVISIONS, metadata["namespace"], metadata["name"], patch)

    def _create(self, owner: Object, data: Object, number: int) -> Object:
        metadata, template = owner["metadata"], owner["spec"]["template"]
        of_hash = template_hash(template)
        labels = {**((template.get("metadata") or {}).get("labels") or {}), REVISION_HASH: of_hash}
        revision = {
            "apiVersion": REVISIONS.api_version,
            "kind": REVISIONS.kind,
            "metadata": {
                "name": f"{metadata['name']}-{of_hash}",
                "namespace": metadata["namespace"],
                "labels": labels,
                "annotations": dict(metadata.get("annotations") or {}),
                "ownerReferences": [controller_reference(self._resource.api_version, self._resource.kind, owner)],
            },
            "data": data,
            "revision": number,
        }
        return self._client.create(REVISIONS, revision)


def data_of(template: Mapping[str, Any]) -> Object:
    """What a revision keeps: a patch that brings the template back. Clients compare its bytes: keys are in order."""
    patch = {"spec": {"template": {**template, "$patch": "replace"}}}
    ordered: Object = msgspec.json.decode(msgspec.json.encode(patch, order="sorted"))
    return ordered


def _revision(obj: Object) -> Revision:
    template = {k: v for k, v in obj["data"]["spec"]["template"].items() if k != "$patch"}
    labels = obj["metadata"].get("labels") or {}
    return Revision(obj["metadata"]["name"], labels.get(REVISION_HASH, ""), obj["revision"], template)
