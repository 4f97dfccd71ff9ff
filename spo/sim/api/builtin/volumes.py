"""Claims of storage, and storage. There is none here: nothing binds a claim unless somebody writes that it is bound."""

from __future__ import annotations

from spo.model.resource import Resource
from spo.sim.api.builtin import shapes
from spo.sim.api.builtin.kind import BuiltIn
from spo.sim.api.builtin.podspec import fill
from spo.sim.api.field_errors import forbidden, required
from spo.sim.api.kinds import Object
from spo.sim.api.status import FieldError

FILESYSTEM: Object = {"volumeMode": "Filesystem"}
GROWING = ("resources", "volumeAttributesClassName", "volumeName")  # what of a claim may change later
FROZEN = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def _default_claim(claim: Object) -> None:
    fill(claim.setdefault("spec", {}), FILESYSTEM)


def _check_claim(claim: Object, old: Object | None) -> list[FieldError]:
    spec = claim["spec"]
    errors = [] if spec.get("accessModes") else [required("spec.accessModes", "at least 1 access mode is required")]
    if not ((spec.get("resources") or {}).get("requests") or {}).get("storage"):
        errors.append(required("spec.resources[storage]"))
    if old is not None and _frozen(spec) != _frozen(old["spec"]):
        errors.append(forbidden("spec", FROZEN))
    return errors


def _frozen(spec: Object) -> Object:
    return {field: value for field, value in spec.items() if field not in GROWING}


def _default_volume(volume: Object) -> None:
    fill(volume.setdefault("spec", {}), {**FILESYSTEM, "persistentVolumeReclaimPolicy": "Retain"})


def _check_volume(volume: Object, old: Object | None) -> list[FieldError]:
    spec = volume["spec"]
    errors = [] if spec.get("accessModes") else [required("spec.accessModes")]
    return errors + ([] if spec.get("capacity") else [required("spec.capacity")])


KINDS = (
    BuiltIn(
        resource=Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
        type="PersistentVolumeClaim",
        singular="persistentvolumeclaim",
        short_names=("pvc",),
        subresources=frozenset({"status"}),
        shape=shapes.NAMED,
        generation=False,
        returns_object_on_delete=True,
        initial_status={"phase": "Pending"},
        defaults=_default_claim,
        check=_check_claim,
    ),
    BuiltIn(
        resource=Resource("", "v1", "persistentvolumes", "PersistentVolume", False),
        type="PersistentVolume",
        singular="persistentvolume",
        short_names=("pv",),
        subresources=frozenset({"status"}),
        shape=shapes.NAMED,
        generation=False,
        returns_object_on_delete=True,
        initial_status={"phase": "Pending"},
        defaults=_default_volume,
        check=_check_volume,
    ),
)
