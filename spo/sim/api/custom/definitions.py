"""CustomResourceDefinitions themselves: their defaults, what makes one invalid, and the conditions of its life."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from spo.sim.api.custom.rules import fault_of
from spo.sim.api.custom.schema import UNSET, Schema
from spo.sim.api.custom.schema_validation import FORMATS, compile_check, go_pattern
from spo.sim.api.field_errors import as_json, forbidden, immutable, invalid, required, unsupported
from spo.sim.api.kinds import Object
from spo.sim.api.status import FieldError

CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_SCHEMA = "openAPIV3Schema"
# Value validation that structural schemas may have and this simulator does not enforce: refused rather than ignored.
_REFUSED = ("allOf", "anyOf", "oneOf", "not", "patternProperties", "definitions", "dependencies", "$ref", "uniqueItems")
_CHOICES = {
    "type": ("array", "boolean", "integer", "number", "object", "string"),
    "x-kubernetes-list-type": ("atomic", "map", "set"),
    "x-kubernetes-map-type": ("atomic", "granular"),
}
_KNOWN_FORMATS = {*FORMATS, "int32", "int64", "float", "double", "password"}
_NAME_FIELDS = ("plural", "singular", "shortNames", "kind", "listKind")
_RULE_FIELDS = {
    "rule": "", "message": "", "messageExpression": "", "reason": None, "fieldPath": "", "optionalOldSelf": None,
}  # fmt: skip
_VERSION_FIELDS = {  # the internal type, as one error quotes it, with its zero values
    "Name": "", "Served": False, "Storage": False, "Deprecated": False, "DeprecationWarning": None, "Schema": None,
    "Subresources": None, "AdditionalPrinterColumns": None, "SelectableFields": None,
}  # fmt: skip


def default(crd: Object) -> None:
    """Names that follow from the kind, and no conversion between versions."""
    spec = crd.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind", "")
    names.setdefault("singular", kind.lower())
    names.setdefault("listKind", f"{kind}List")
    spec.setdefault("conversion", {"strategy": "None"})


def prepare_create(crd: Object) -> None:
    """The status of a CRD nobody has looked at yet."""
    stored = [version.get("name", "") for version in crd["spec"].get("versions") or () if version.get("storage")]
    crd["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored[:1]}
    crd["metadata"]["generation"] = 1


# -- life --------------------------------------------------------------------------------------------------------


def establish(crd: Object, others: Iterable[Object], stamp: str) -> None:
    """Accept the names unless another CRD of the group has them; with names accepted, the kinds are served."""
    crd.setdefault("status", {})  # one of a dump may have lost it
    names = crd["spec"]["names"]
    same_group = [other["spec"]["names"] for other in others if other["spec"]["group"] == crd["spec"]["group"]]
    clash = _clash(names, same_group)
    if clash:
        word, value = clash
        reason = f"{word[0].upper()}{word[1:]}Conflict"
        set_condition(crd, "NamesAccepted", "False", reason, f'"{value}" is already in use', stamp)
        set_condition(crd, "Established", "False", "NotAccepted", "not all names are accepted", stamp)
        return
    crd["status"]["acceptedNames"] = dict(names)
    set_condition(crd, "NamesAccepted", "True", "NoConflicts", "no conflicts found", stamp)
    set_condition(crd, "Established", "True", "InitialNamesAccepted", "the initial names have been accepted", stamp)


def terminate(crd: Object, stamp: str) -> None:
    """Say that the custom resources go first."""
    text = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    set_condition(crd, "Terminating", "True", "InstanceDeletionPending", text, stamp)


def is_established(crd: Object) -> bool:
    """Are its kinds served?"""
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(item.get("type") == "Established" and item.get("status") == "True" for item in conditions)


def set_condition(crd: Object, kind: str, status: str, reason: str, message: str, stamp: str) -> None:
    """Add or change one condition; its transition time moves only with its status."""
    conditions = crd["status"]["conditions"] = list(crd["status"].get("conditions") or ())
    new = {"type": kind, "status": status, "lastTransitionTime": stamp, "reason": reason, "message": message}
    for index, condition in enumerate(conditions):
        if condition.get("type") == kind:
            if condition.get("status") == status and "lastTransitionTime" in condition:
                new["lastTransitionTime"] = condition["lastTransitionTime"]
            conditions[index] = new
            return
    conditions.append(new)


def _clash(names: Mapping[str, Any], others: list[Mapping[str, Any]]) -> tuple[str, str] | None:
    taken = {value for other in others for word in _NAME_FIELDS for value in _as_list(other.get(word))}
    for word in _NAME_FIELDS:
        for value in _as_list(names.get(word)):
            if value in taken:
                return word, value
    return None


def _as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


# -- validation --------------------------------------------------------------------------------------------------


def validate(crd: Object, old: Object | None = None) -> list[FieldError]:
    """What is wrong with a defaulted CRD, or with a change of one."""
    spec = crd["spec"]
    wanted = f"{spec['names'].get('plural', '')}.{spec.get('group', '')}"
    errors = []
    if crd["metadata"].get("name") != wanted:
        why = 'must be spec.names.plural+"."+spec.group'
        errors.append(invalid("metadata.name", crd["metadata"].get("name"), why))
    errors += [required(f"spec.{name}") for name in ("group", "versions") if not spec.get(name)]
    errors += [required(f"spec.names.{name}") for name in ("plural", "kind") if not spec["names"].get(name)]
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        errors.append(unsupported("spec.scope", spec.get("scope", ""), ("Cluster", "Namespaced")))
    if spec.get("conversion", {}).get("strategy", "None") != "None":
        errors.append(_beyond("spec.conversion.strategy", "conversion webhooks"))
    if spec.get("preserveUnknownFields"):
        errors.append(invalid("spec.preserveUnknownFields", True, "must be false"))
    errors += _versions(spec.get("versions") or [])
    if old is not None and is_established(old):
        errors += [
            immutable(f"spec.{field}", spec.get(field))
            for field in ("group", "scope")
            if spec.get(field) != old["spec"].get(field)
        ]
    return errors


def warnings(crd: Object) -> list[str]:
    """Rules we know of and do not enforce: said aloud, so that nobody counts on them."""
    texts = []
    for version in crd["spec"]["versions"]:
        for rule in Schema.compile(version["schema"][_SCHEMA]).unenforced:
            texts.append(f"spec.versions[{version['name']}]: this simulator does not enforce the rule {as_json(rule)}")
    return texts


def _versions(versions: list[Object]) -> list[FieldError]:
    errors = []
    if versions and sum(bool(version.get("storage")) for version in versions) != 1:
        single = len(versions) == 1
        shown = [_internal(version, single) for version in versions]
        errors.append(invalid("spec.versions", shown, "must have exactly one version marked as storage version"))
        if not any(version.get("storage") for version in versions):
            errors.append(invalid("status.storedVersions", None, "must have at least one stored version"))
    for index, version in enumerate(versions):
        if not version.get("name"):
            errors.append(required(f"spec.versions[{index}].name"))
        errors += _scale(version, "spec" if len(versions) == 1 else f"spec.versions[{index}]")
        schema = (version.get("schema") or {}).get(_SCHEMA)
        if schema is None:
            errors.append(required(f"spec.versions[{index}].schema.{_SCHEMA}"))
            continue
        # With one version upstream keeps the schema at the top, and its paths say so.
        where = "spec.validation" if len(versions) == 1 else f"spec.versions[{index}].schema"
        errors += _structural(schema, f"{where}.{_SCHEMA}", "must not be empty at the root", root=True)
    return errors


def _scale(version: Object, where: str) -> list[FieldError]:
    """Where the numbers of /scale stand: replicas below spec, what there is below status."""
    scale = (version.get("subresources") or {}).get("scale")
    if scale is None:
        return []
    errors = []
    for field, below in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        path = scale.get(field, "")
        if not path:
            errors.append(required(f"{where}.subresources.scale.{field}"))
        elif not path.startswith(below):
            why = f"should be a json path under {below.rstrip('.')}"
            errors.append(invalid(f"{where}.subresources.scale.{field}", path, why))
    return errors


def _internal(version: Object, single: bool) -> Object:
    shown = {field: version.get(field[0].lower() + field[1:], zero) for field, zero in _VERSION_FIELDS.items()}
    if single:
        shown |= dict.fromkeys(("Schema", "Subresources", "AdditionalPrinterColumns", "SelectableFields"))
    return shown


def _structural(node: Object, where: str, without_type: str, root: bool = False) -> list[FieldError]:
    """A structural schema names a type everywhere; and it uses nothing we would have to leave out."""
    errors = []
    free = node.get("x-kubernetes-int-or-string") or node.get("x-kubernetes-preserve-unknown-fields")
    if not node.get("type") and not free:
        errors.append(required(f"{where}.type", without_type))
    for word, choices in _CHOICES.items():
        if node.get(word) and node[word] not in choices:
            errors.append(unsupported(f"{where}.{word}", node[word], choices))
    for word in _REFUSED:
        if word in node and not (word == "anyOf" and node.get("x-kubernetes-int-or-string")):
            errors.append(_beyond(f"{where}.{word}", word))
    if node.get("format") and node["format"] not in _KNOWN_FORMATS:
        errors.append(_beyond(f"{where}.format", f"the format {node['format']}"))
    errors += [*_keys(node, where), *_pattern(node, where), *_default(node, where)]
    errors += _rules(node, where, root)
    for name, child in (node.get("properties") or {}).items():
        text = "must not be empty for specified object fields"
        errors += _structural(child, f"{where}.properties[{name}]", text)
    if isinstance(node.get("additionalProperties"), dict):
        text = "must not be empty for specified object fields"
        errors += _structural(node["additionalProperties"], f"{where}.additionalProperties", text)
    if isinstance(node.get("items"), dict):
        errors += _structural(node["items"], f"{where}.items", "must not be empty for specified array items")
    return errors


def _rules(node: Object, where: str, root: bool) -> list[FieldError]:
    """A rule is CEL, and reads no field that the schema does not have."""
    errors = []
    for index, rule in enumerate(node.get("x-kubernetes-validations") or ()):
        place = f"{where}.x-kubernetes-validations[{index}].rule"
        if not rule.get("rule"):
            errors.append(required(place, "rule is not specified"))
        elif fault := fault_of(rule["rule"], node, root):
            shown = {field[0].upper() + field[1:]: rule.get(field, zero) for field, zero in _RULE_FIELDS.items()}
            errors.append(invalid(place, shown, f"compilation failed: {fault}"))
    return errors


def _keys(node: Object, where: str) -> list[FieldError]:
    """The keys of an associative list are fields of its elements."""
    if node.get("x-kubernetes-list-type") != "map":
        return []
    where = f"{where}.x-kubernetes-list-map-keys"
    keys = node.get("x-kubernetes-list-map-keys")
    if not keys:
        return [required(where, "must not be empty if x-kubernetes-list-type is map")]
    known = (node.get("items") or {}).get("properties") or {}
    why = "entries have to be properties of the items"
    return [invalid(f"{where}[{index}]", key, why) for index, key in enumerate(keys) if key not in known]


def _default(node: Object, where: str) -> list[FieldError]:
    """A default satisfies its own schema, and has no field that would be pruned."""
    if node.get("default") is None:
        return []
    if Schema(node).unknown_in(node["default"]):
        return [invalid(f"{where}.default", node["default"], "must not have unknown fields")]
    errors: list[FieldError] = []
    try:
        compile_check(node)(node["default"], UNSET, (), errors)
    except (re.error, KeyError, TypeError):
        return []  # the schema itself is wrong, which is told elsewhere
    return [FieldError(f"{where}.default", error.reason, error.message) for error in errors]


def _pattern(node: Object, where: str) -> list[FieldError]:
    try:
        go_pattern(node.get("pattern", ""))
    except re.error as error:
        return [invalid(f"{where}.pattern", node["pattern"], f"must be a valid regular expression, but isn't: {error}")]
    return []


def _beyond(path: str, what: str) -> FieldError:
    return forbidden(path, f"{what} is not supported by this simulator")
