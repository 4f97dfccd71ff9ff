"""CustomResourceDefinitions: defaults, errors, the conditions of their life (recorded: crd-invalid, crd-lifecycle)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from spo.sim.api.custom import definitions

STAMP = "2026-01-01T00:00:00Z"


def _crd(schema: Any = None, **spec: Any) -> dict[str, Any]:
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema or {"type": "object"}},
    }
    names = {"plural": "gizmos", "kind": "Gizmo", "shortNames": ["gz"]}
    body = {"group": "life.example.com", "scope": "Cluster", "names": names, "versions": [version], **spec}
    crd = {"metadata": {"name": "gizmos.life.example.com"}, "spec": body}
    definitions.default(crd)
    definitions.prepare_create(crd)
    return crd


def _texts(crd: dict[str, Any]) -> list[str]:
    return [error.text for error in definitions.validate(crd)]


def test_names_follow_from_the_kind() -> None:
    crd = _crd()

    assert crd["spec"]["names"] == {
        "plural": "gizmos", "kind": "Gizmo", "shortNames": ["gz"], "singular": "gizmo", "listKind": "GizmoList",
    }  # fmt: skip
    assert crd["spec"]["conversion"] == {"strategy": "None"}


def test_a_new_definition_has_an_empty_status() -> None:
    empty = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": ["v1"]}

    assert _crd()["status"] == empty
    assert _texts(_crd()) == []


def test_its_name_is_made_of_plural_and_group() -> None:
    text = 'metadata.name: Invalid value: "gizmos.life.example.com": must be spec.names.plural+"."+spec.group'

    assert _texts(_crd(group="other.example.com")) == [text]


def test_the_scope_is_one_of_two() -> None:
    assert _texts(_crd(scope="World")) == [
        'spec.scope: Unsupported value: "World": supported values: "Cluster", "Namespaced"'
    ]


def test_a_version_needs_a_schema() -> None:
    crd = _crd(versions=[{"name": "v1", "served": True, "storage": True}])

    assert _texts(crd) == ["spec.versions[0].schema.openAPIV3Schema: Required value"]


def test_exactly_one_version_is_stored() -> None:
    version = {"name": "v1", "served": True, "storage": False, "schema": {"openAPIV3Schema": {"type": "object"}}}
    shown = (
        '[{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,"DeprecationWarning":null,"Schema":null,'
        '"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}]'
    )

    assert _texts(_crd(versions=[version])) == [
        f"spec.versions: Invalid value: {shown}: must have exactly one version marked as storage version",
        "status.storedVersions: Invalid value: null: must have at least one stored version",
    ]


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (
            {"type": "object", "properties": {"spec": {}}},
            "properties[spec].type: Required value: must not be empty for specified object fields",
        ),
        (
            {"type": "object", "properties": {"l": {"type": "array", "items": {}}}},
            "properties[l].items.type: Required value: must not be empty for specified array items",
        ),
        (
            {"type": "object", "properties": {"a": {"type": "string", "oneOf": [{"minLength": 1}]}}},
            "properties[a].oneOf: Forbidden: oneOf is not supported by this simulator",
        ),
        (
            {"type": "object", "properties": {"a": {"type": "string", "format": "cidr"}}},
            "properties[a].format: Forbidden: the format cidr is not supported by this simulator",
        ),
    ],
)
def test_a_schema_is_structural_and_uses_only_what_is_enforced(schema: Any, text: str) -> None:
    assert _texts(_crd(schema)) == [f"spec.validation.openAPIV3Schema.{text}"]


def test_a_pattern_that_is_none_is_refused() -> None:
    (text,) = _texts(_crd({"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}))

    assert text.startswith("spec.validation.openAPIV3Schema.properties[a].pattern: Invalid value")


def test_a_rule_that_is_not_enforced_is_said_aloud() -> None:
    rules = [{"rule": "self.a == 1"}, {"rule": "quantity(self).isInteger()"}]

    warnings = definitions.warnings(_crd({"type": "object", "x-kubernetes-validations": rules}))

    assert warnings == ['spec.versions[v1]: this simulator does not enforce the rule "quantity(self).isInteger()"']


def test_names_that_are_free_are_accepted_and_the_kind_is_served() -> None:
    crd = _crd()
    assert not definitions.is_established(crd)

    definitions.establish(crd, [], STAMP)

    assert definitions.is_established(crd)
    assert crd["status"]["acceptedNames"] == crd["spec"]["names"]
    assert [(item["type"], item["status"], item["reason"]) for item in crd["status"]["conditions"]] == [
        ("NamesAccepted", "True", "NoConflicts"),
        ("Established", "True", "InitialNamesAccepted"),
    ]


def test_a_name_in_use_in_the_group_keeps_a_definition_from_being_served() -> None:
    other = _crd()
    other["spec"]["names"] = {"plural": "gz", "kind": "Other"}
    crd = _crd()

    definitions.establish(crd, [other], STAMP)

    assert not definitions.is_established(crd)
    assert crd["status"]["conditions"][0]["reason"] == "ShortNamesConflict"
    assert crd["status"]["conditions"][0]["message"] == '"gz" is already in use'


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    crd = _crd()
    definitions.establish(crd, [], STAMP)
    definitions.establish(crd, [], "later")

    assert {item["lastTransitionTime"] for item in crd["status"]["conditions"]} == {STAMP}


def test_group_and_scope_are_fixed_once_established() -> None:
    old = _crd()
    definitions.establish(old, [], STAMP)
    new = copy.deepcopy(old)
    new["spec"]["scope"] = "Namespaced"

    assert [error.text for error in definitions.validate(new, old)] == [
        'spec.scope: Invalid value: "Namespaced": field is immutable'
    ]


def test_a_rule_that_does_not_compile_is_refused_where_it_stands() -> None:
    rule = {"rule": "self = 1"}
    (text,) = _texts(_crd({"type": "object", "x-kubernetes-validations": [rule]}))

    assert text.startswith("spec.validation.openAPIV3Schema.x-kubernetes-validations[0].rule: Invalid value: ")
    assert '"Rule":"self = 1"' in text
    assert "compilation failed: ERROR: <input>:1:6: Syntax error" in text
