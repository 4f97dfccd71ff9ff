"""Objects of our kinds in the forms that other releases of the operator had, in the form of this one.

    SeccompProfile  v1alpha1                   spec.targetWorkload, a folder on the file's path: is gone
                    v1beta1 of 0.8.1 to 0.10   spec.disabled: true is spec.state: Disabled
                    v1beta1 and v1 from 0.9    cluster-wide: has a namespace, and pods another path
    spod            v1alpha1 and v1 from 1.0   spec.enricher.enableLogEnricher is spec.enableLogEnricher

What a form says that this release does not have is refused by name; what a server or the operator itself had written
into an object does not come along.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from spo.convert.objections import NotConvertible, Objection, meant
from spo.model import kinds, labels
from spo.model.resource import SECCOMP_PROFILES, SPODS, Resource
from spo.model.spod import SpodSpec

Object = dict[str, Any]

# Nobody applies these: whatever is in them was found out, not asked for.
BY_SERVER = """
    uid resourceVersion generation creationTimestamp deletionTimestamp deletionGracePeriodSeconds managedFields selfLink
    ownerReferences finalizers
""".split()
BY_OPERATOR = {
    "labels": (labels.PROFILE_ID,),
    "annotations": (
        "kubectl.kubernetes.io/last-applied-configuration",
        labels.SYSCALLS,
        labels.BASES,
        labels.RENDERED,
        labels.FORM,
    ),
}

# Groups of the nested spod, and where each of their fields is now; what is not listed has its own name there.
NESTED: Mapping[str, Mapping[str, str]] = {
    "selinux": {"enable": "enableSelinux", "typeTag": "selinuxTypeTag", "options": "selinuxOptions"},
    "webhook": {"staticConfig": "staticWebhookConfig", "options": "webhookOptions"},
    "enricher": {},
    "scheduling": {},
    "security": {},
}
SETTINGS = frozenset(field.encode_name for field in fields(SpodSpec))
IN_SMALL_LETTERS = frozenset({"logEnricherSource"})  # Auditd, Bpf


class Written(Struct, frozen=True):
    """An object in this release's form. `changes`: what is said otherwise now; `dropped`: what did not come along."""

    object: Object
    changes: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


class _Rewriting:
    """An object while it is rewritten, and what is said of that."""

    def __init__(self, obj: Object) -> None:
        self.object = copy.deepcopy(obj)
        self.changes: list[str] = []
        self.objections: list[Objection] = []

    @property
    def spec(self) -> Object:
        spec = self.object.get("spec")
        return spec if isinstance(spec, dict) else {}

    @property
    def metadata(self) -> Object:
        metadata: Object = self.object["metadata"]
        return metadata

    def wrong(self, field: str, what: str, remedy: str) -> None:
        self.objections.append(Objection(field, what, remedy))

    def put(self, name: str, value: Any, old: str) -> None:
        """A field of spec takes the place of one that had another name."""
        if name in self.spec:
            self.wrong(old, f"stands beside spec.{name}, which says the same", f"keep spec.{name}")
            return
        self.spec[name] = value
        shown = "" if isinstance(value, (dict, list)) else f": {json.dumps(value)}"
        self.changes.append(f"{old} → spec.{name}{shown}")


def is_of_the_operator(kind: str) -> bool:
    """Is this a kind of ours that only the operator writes? It does so again by itself."""
    return any(each.resource.kind == kind and not each.by_users for each in kinds.OURS)


def in_our_form(obj: Object, namespace: str) -> Written:
    """The object as this release has it; `namespace` is for one that has none.

    Raises NotConvertible, naming what this release does not have.
    """
    kind, (_, _, version) = str(obj["kind"]), str(obj["apiVersion"]).rpartition("/")
    resource = next((each.resource for each in kinds.OURS if each.resource.kind == kind), None)
    if resource is None:
        known = {*kinds.LATER, *(each.resource.kind for each in kinds.OURS)}
        what = f"{kind} is not in this release" if kind in kinds.LATER else f"the operator has no kind {kind}"
        remedy = LEAVE_OUT if kind in kinds.LATER else meant(kind, known, LEAVE_OUT)
        raise NotConvertible([Objection("kind", what, remedy)])
    versions = VERSIONS.get(kind, (resource.version,))
    if version not in versions:
        remedy = f"write it in one of these: {', '.join(versions)}"
        raise NotConvertible([Objection("apiVersion", f"{kind} was never served as {version}", remedy)])
    was_cluster_wide = _was_cluster_wide(obj, resource, version)
    rewriting = _Rewriting(obj)
    dropped = _drop_what_was_found_out(rewriting.object)
    if version != resource.version:
        rewriting.object["apiVersion"] = resource.api_version
        rewriting.changes.append(f"apiVersion: {version} → {resource.version}")
    if not rewriting.metadata.get("namespace") and (namespace or was_cluster_wide):
        rewriting.metadata["namespace"] = namespace or DEFAULT_NAMESPACE
    if rewrite := REWRITE.get(kind):
        rewrite(rewriting)
    if was_cluster_wide:
        path = f"operator/{rewriting.metadata['namespace']}"
        rewriting.changes.append(
            f"it was cluster-wide: pods name it {path}/<name>.json now, no longer operator/<name>.json"
        )
    if rewriting.objections:
        raise NotConvertible(rewriting.objections)
    return Written(_in_order(rewriting.object), tuple(rewriting.changes), dropped)


def _was_cluster_wide(obj: Object, resource: Resource, version: str) -> bool:
    """Profiles had no namespace from 0.9 on; a manifest without one may also be from before, and meant for any."""
    metadata = obj["metadata"]
    dumped = bool(metadata.get("uid") and metadata.get("creationTimestamp"))
    return resource == SECCOMP_PROFILES and not metadata.get("namespace") and (version == "v1" or dumped)


def _in_order(obj: Object) -> Object:
    """Fields as one reads them; a dump has them by the alphabet."""
    metadata = {name: obj["metadata"][name] for name in ("name", "namespace") if name in obj["metadata"]}
    whole = {**obj, "metadata": {**metadata, **obj["metadata"]}}
    return {name: whole[name] for name in dict.fromkeys(("apiVersion", "kind", "metadata", *whole))}


def _drop_what_was_found_out(obj: Object) -> tuple[str, ...]:
    """Take out what nobody asked for, in place; gives the fields."""
    metadata = obj["metadata"]
    dropped = [f"metadata.{name}" for name in BY_SERVER if metadata.pop(name, None)]
    for field, names in BY_OPERATOR.items():
        values = metadata.get(field)
        if isinstance(values, dict):
            dropped += [f"{field[:-1]} {name}" for name in names if values.pop(name, None) is not None]
            if not values:
                del metadata[field]
    if obj.pop("status", None) is not None:
        dropped.append("status")
    return tuple(dropped)


def _profile(rewriting: _Rewriting) -> None:
    spec = rewriting.spec
    if "disabled" in spec:
        disabled = spec.pop("disabled")
        if isinstance(disabled, bool):
            rewriting.put("state", "Disabled" if disabled else "Enabled", "spec.disabled")
        else:
            rewriting.wrong("spec.disabled", f"must be true or false, here it is `{disabled}`", "correct it")
    if "targetWorkload" in spec:
        folder = spec.pop("targetWorkload")
        path = f"operator/{rewriting.metadata.get('namespace', '<namespace>')}"
        rewriting.changes.append(
            f"spec.targetWorkload is gone: pods name it {path}/<name>.json now, no longer {path}/{folder}/<name>.json"
        )


def _spod(rewriting: _Rewriting) -> None:
    for group, renamed in NESTED.items():
        settings = rewriting.spec.pop(group, None) or {}
        if not isinstance(settings, dict):
            rewriting.wrong(f"spec.{group}", "must be a mapping", "write the settings below it")
            continue
        for name, value in settings.items():
            flat, field = renamed.get(name, name), f"spec.{group}.{name}"
            if flat not in SETTINGS:
                rewriting.wrong(field, "this release has no such setting", LEAVE_OUT)
                continue
            if flat in IN_SMALL_LETTERS and isinstance(value, str):
                value = value.lower()
            rewriting.put(flat, value, field)


# Of kinds that had other forms: the versions they were served in, and what becomes of their spec.
VERSIONS = {SECCOMP_PROFILES.kind: ("v1alpha1", "v1beta1", "v1"), SPODS.kind: ("v1alpha1", "v1")}
REWRITE: Mapping[str, Callable[[_Rewriting], None]] = {SECCOMP_PROFILES.kind: _profile, SPODS.kind: _spod}
LEAVE_OUT = "leave it out"
DEFAULT_NAMESPACE = "default"
