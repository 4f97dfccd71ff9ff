"""What all kinds share: ObjectMeta. How it is read, filled in, kept and checked (apiserver, registry/rest)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spo.sim.api import names
from spo.sim.api.field_errors import invalid
from spo.sim.api.status import FieldError

Object = dict[str, Any]

_TEXTS = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
)
_MAPS = ("labels", "annotations")
_TYPES: dict[str, tuple[type, str]] = {  # field → what JSON gives, what Go calls it
    **dict.fromkeys(_TEXTS, (str, "string")),
    **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), (int, "int64")),
    **dict.fromkeys(_MAPS, (dict, "map[string]string")),
    "finalizers": (list, "[]string"),
    "ownerReferences": (list, "[]v1.OwnerReference"),
    "managedFields": (list, "[]v1.ManagedFieldsEntry"),
}
_OWNER_TYPES: dict[str, type] = {
    **dict.fromkeys(("apiVersion", "kind", "name", "uid"), str),
    **dict.fromkeys(("controller", "blockOwnerDeletion"), bool),
}
_SET_BY_SERVER = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")

ANNOTATIONS_BYTES_MAX = 256 * 1024
GENERATED_BASE_MAX = 58  # 63, less the five characters appended
GC_FINALIZERS = ("orphan", "foregroundDeletion")

_NAME_FAULTS: dict[str, Callable[[str], list[str]]] = {
    "namespaces": names.label_faults,
    "services": names.label_1035_faults,
    "roles": names.path_segment_faults,
    "clusterroles": names.path_segment_faults,
    "rolebindings": names.path_segment_faults,
    "clusterrolebindings": names.path_segment_faults,
}


class WrongType(Exception):
    """A field holds what it cannot; the text is encoding/json's."""


def read(metadata: Any, custom: bool) -> list[str]:
    """Bring a client's metadata into the shape all else relies on, in place; gives the paths of unknown fields.

    Nothing is left that is null, empty or unknown. Raises WrongType.
    """
    if not isinstance(metadata, dict):
        raise WrongType(f"json: cannot unmarshal {go_type(metadata)} into Go value of type v1.ObjectMeta")
    prefix = "ObjectMeta." if custom else "ObjectMeta.metadata."
    unknown, dropped = list[str](), list[str]()
    for field, value in metadata.items():
        known = _TYPES.get(field)
        if known is None:
            unknown.append(f"metadata.{field}")
        else:
            _expect(value, known[0], prefix + field, known[1])
        if known is None or _empty(field, value):
            dropped.append(field)
    for field in dropped:
        del metadata[field]
    metadata.pop("selfLink", None)
    for field in _MAPS:
        if field in metadata:
            metadata[field] = {key: _text(value, prefix + field) for key, value in metadata[field].items()}
    if "finalizers" in metadata:
        metadata["finalizers"] = [_text(value, prefix + "finalizers") for value in metadata["finalizers"]]
    for index, owner in enumerate(metadata.get("ownerReferences", ())):
        unknown += _read_owner(owner, prefix + "ownerReferences", f"metadata.ownerReferences[{index}]")
    return unknown


def _empty(field: str, value: Any) -> bool:
    if isinstance(value, int):  # a grace period of 0 is not the same as none
        return value == 0 and field == "generation"
    return not value


def _expect(value: Any, wanted: type, place: str, go_name: str) -> None:
    if value is None or (isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))):
        return
    raise WrongType(f"json: cannot unmarshal {go_type(value)} into Go struct field {place} of type {go_name}")


def _text(value: Any, place: str) -> str:
    _expect(value, str, place, "string")
    return value or ""  # as Go decodes null


def _read_owner(owner: Any, place: str, path: str) -> list[str]:
    if not isinstance(owner, dict):
        raise WrongType(
            f"json: cannot unmarshal {go_type(owner)} into Go struct field {place} of type v1.OwnerReference"
        )
    unknown = [field for field in owner if field not in _OWNER_TYPES]
    for field in unknown:
        del owner[field]
    for field, value in owner.items():
        _expect(value, _OWNER_TYPES[field], f"{place}.{field}", _OWNER_TYPES[field].__name__)
    return [f"{path}.{field}" for field in unknown]


def go_type(value: Any) -> str:
    """What encoding/json calls the type of a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    names: dict[type, str] = {str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def start(metadata: Object, uid: str, stamp: str) -> None:
    """A new object: what only the server may set (rest.FillObjectMetaSystemFields)."""
    for field in _SET_BY_SERVER:
        metadata.pop(field, None)
    metadata["uid"] = uid
    metadata["creationTimestamp"] = stamp


def generated(base: str, suffix: str) -> str:
    return base[:GENERATED_BASE_MAX] + suffix


def carry_over(metadata: Object, old: Object) -> None:
    """An update: what no client may take away (rest.BeforeUpdate)."""
    metadata.setdefault("uid", old["uid"])
    metadata["creationTimestamp"] = old["creationTimestamp"]
    if "deletionTimestamp" in old:
        metadata["deletionTimestamp"] = old["deletionTimestamp"]
    if "deletionGracePeriodSeconds" in old:
        metadata.setdefault("deletionGracePeriodSeconds", old["deletionGracePeriodSeconds"])
    if "managedFields" in old:
        metadata.setdefault("managedFields", old["managedFields"])
    else:
        metadata.pop("managedFields", None)


def faults(metadata: Object, plural: str, custom: bool) -> list[FieldError]:
    """What is wrong with the metadata of a new object (ValidateObjectMeta)."""
    errors: list[FieldError] = []
    name_faults = _NAME_FAULTS.get(plural, names.subdomain_faults) if not custom else names.subdomain_faults
    base = metadata.get("generateName", "")
    if base:
        # A base may end in the dash that parts it from what is appended.
        errors += [invalid("metadata.generateName", base, fault) for fault in name_faults(_dash_masked(base))]
    if name := metadata.get("name", ""):
        errors += [invalid("metadata.name", name, fault) for fault in name_faults(name)]
    else:
        errors.append(
            FieldError("metadata.name", "FieldValueRequired", "Required value: name or generateName is required")
        )
    return errors + _common_faults(metadata, custom)


def update_faults(metadata: Object, old: Object, custom: bool) -> list[FieldError]:
    """What is wrong with a change (ValidateObjectMetaUpdate), each as often as the server reports it: twice."""
    errors = _common_faults(metadata, custom)
    for field in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if metadata.get(field) != old.get(field):
            errors.append(invalid(f"metadata.{field}", metadata.get(field), "field is immutable"))
    if "deletionTimestamp" in old:
        known = old.get("finalizers", ())
        if added := [finalizer for finalizer in metadata.get("finalizers", ()) if finalizer not in known]:
            listed = ", ".join(f'"{finalizer}"' for finalizer in sorted(added))
            text = (
                "Forbidden: no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{listed}}}"
            )
            errors.append(FieldError("metadata.finalizers", "FieldValueForbidden", text))
    return errors + errors


def _common_faults(metadata: Object, custom: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for key, value in metadata.get("labels", {}).items():
        errors += [invalid("metadata.labels", key, fault) for fault in names.label_key_faults(key)]
        errors += [invalid("metadata.labels", value, fault) for fault in names.label_value_faults(value)]
    annotations = metadata.get("annotations", {})
    for key in annotations:
        errors += [invalid("metadata.annotations", key, fault) for fault in names.label_key_faults(key.lower())]
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > ANNOTATIONS_BYTES_MAX:
        text = f"Too long: may not be more than {ANNOTATIONS_BYTES_MAX} bytes"
        errors.append(FieldError("metadata.annotations", "FieldValueTooLong", text))
    return errors + _owner_faults(metadata.get("ownerReferences", [])) + _finalizer_faults(metadata, custom)


def _owner_faults(owners: list[Object]) -> list[FieldError]:
    errors = []
    for owner in owners:
        for field, text in (
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ):
            if not owner.get(field):
                errors.append(invalid(f"metadata.ownerReferences.{field}", "", text))
    controllers = [f"{owner.get('kind')}/{owner.get('name')}" for owner in owners if owner.get("controller")]
    if len(controllers) > 1:
        found = " and ".join(controllers[:2])
        why = f'Only one reference can have Controller set to true. Found "true" in references for {found}'
        errors.append(invalid("metadata.ownerReferences", owners, why))
    return errors


def _finalizer_faults(metadata: Object, custom: bool) -> list[FieldError]:
    finalizers = metadata.get("finalizers", [])
    errors: list[FieldError] = []
    for index, finalizer in enumerate(finalizers):
        errors += [invalid("metadata.finalizers", finalizer, fault) for fault in names.label_key_faults(finalizer)]
        if not custom and "/" not in finalizer and finalizer not in GC_FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(invalid(f"metadata.finalizers[{index}]", finalizer, why))
    if all(finalizer in finalizers for finalizer in GC_FINALIZERS):
        why = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(invalid("metadata.finalizers", finalizers, why))
    return errors


def _dash_masked(base: str) -> str:
    return base[:-1] + "a" if base.endswith("-") else base
