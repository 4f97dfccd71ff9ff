"""What all kinds share: ObjectMeta. How it is read, filled in, kept and checked (apiserver, registry/rest)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from spo.sim.api import names
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
_NUMBERS = ("generation", "deletionGracePeriodSeconds")
_MAPS = ("labels", "annotations")
_LISTS = {
    "finalizers": "[]string",
    "ownerReferences": "[]v1.OwnerReference",
    "managedFields": "[]v1.ManagedFieldsEntry",
}
_KNOWN = frozenset((*_TEXTS, *_NUMBERS, *_MAPS, *_LISTS))
_OWNER_TEXTS = ("apiVersion", "kind", "name", "uid")
_OWNER_FLAGS = ("controller", "blockOwnerDeletion")
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
    for field in _TEXTS:
        _expect(metadata.get(field), str, prefix + field, "string")
    for field in _NUMBERS:
        _expect(metadata.get(field), int, prefix + field, "int64")
    for field in _MAPS:
        values = metadata.get(field)
        _expect(values, dict, prefix + field, "map[string]string")
        if values:
            metadata[field] = {key: _text(value, prefix + field) for key, value in values.items()}
    for field in _LISTS:
        _expect(metadata.get(field), list, prefix + field, _LISTS[field])
    if metadata.get("finalizers"):
        metadata["finalizers"] = [_text(value, prefix + "finalizers") for value in metadata["finalizers"]]
    for owner in metadata.get("ownerReferences") or ():
        _expect_owner(owner, prefix + "ownerReferences")
    unknown = _unknown(metadata)
    for field in [field for field, value in metadata.items() if field not in _KNOWN or _empty(field, value)]:
        del metadata[field]
    metadata.pop("selfLink", None)
    return unknown


def _empty(field: str, value: Any) -> bool:
    if isinstance(value, int):  # a grace period of 0 is not the same as none
        return value == 0 and field == "generation"
    return not value


def _unknown(metadata: Object) -> list[str]:
    unknown = [f"metadata.{field}" for field in metadata if field not in _KNOWN]
    for index, owner in enumerate(metadata.get("ownerReferences") or ()):
        for field in [field for field in owner if field not in (*_OWNER_TEXTS, *_OWNER_FLAGS)]:
            unknown.append(f"metadata.ownerReferences[{index}].{field}")
            del owner[field]
    return unknown


def _expect(value: Any, wanted: type, place: str, go_name: str) -> None:
    if value is None or (isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))):
        return
    raise WrongType(f"json: cannot unmarshal {go_type(value)} into Go struct field {place} of type {go_name}")


def _text(value: Any, place: str) -> str:
    _expect(value, str, place, "string")
    return value or ""  # as Go decodes null


def _expect_owner(owner: Any, place: str) -> None:
    if not isinstance(owner, dict):
        raise WrongType(
            f"json: cannot unmarshal {go_type(owner)} into Go struct field {place} of type v1.OwnerReference"
        )
    for field in _OWNER_TEXTS:
        _expect(owner.get(field), str, f"{place}.{field}", "string")
    for field in _OWNER_FLAGS:
        _expect(owner.get(field), bool, f"{place}.{field}", "bool")


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
        errors += [_invalid("metadata.generateName", base, fault) for fault in name_faults(_dash_masked(base))]
    if name := metadata.get("name", ""):
        errors += [_invalid("metadata.name", name, fault) for fault in name_faults(name)]
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
            errors.append(_invalid(f"metadata.{field}", metadata.get(field), "field is immutable"))
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
        errors += [_invalid("metadata.labels", key, fault) for fault in names.label_key_faults(key)]
        errors += [_invalid("metadata.labels", value, fault) for fault in names.label_value_faults(value)]
    annotations = metadata.get("annotations", {})
    for key in annotations:
        errors += [_invalid("metadata.annotations", key, fault) for fault in names.label_key_faults(key.lower())]
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
                errors.append(_invalid(f"metadata.ownerReferences.{field}", "", text))
    controllers = [f"{owner.get('kind')}/{owner.get('name')}" for owner in owners if owner.get("controller")]
    if len(controllers) > 1:
        found = " and ".join(controllers[:2])
        why = f'Only one reference can have Controller set to true. Found "true" in references for {found}'
        errors.append(_invalid("metadata.ownerReferences", owners, why))
    return errors


def _finalizer_faults(metadata: Object, custom: bool) -> list[FieldError]:
    finalizers = metadata.get("finalizers", [])
    errors: list[FieldError] = []
    for index, finalizer in enumerate(finalizers):
        errors += [_invalid("metadata.finalizers", finalizer, fault) for fault in names.label_key_faults(finalizer)]
        if not custom and "/" not in finalizer and finalizer not in GC_FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(_invalid(f"metadata.finalizers[{index}]", finalizer, why))
    if all(finalizer in finalizers for finalizer in GC_FINALIZERS):
        why = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(_invalid("metadata.finalizers", finalizers, why))
    return errors


def _dash_masked(base: str) -> str:
    return base[:-1] + "a" if base.endswith("-") else base


def _invalid(path: str, value: Any, why: str) -> FieldError:
    return FieldError(path, "FieldValueInvalid", f"Invalid value: {msgspec.json.encode(value).decode()}: {why}")
