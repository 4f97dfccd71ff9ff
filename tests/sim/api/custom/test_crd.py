"""Custom resources as kinds."""

from __future__ import annotations

from typing import Any

from spo.sim.api.custom import definitions
from spo.sim.api.custom.crd import CustomResource, parse
from spo.sim.api.kinds import Scale
from spo.sim.api.metadata import Object

SPEC = {
    "type": "object",
    "required": ["action"],
    "properties": {
        "action": {"type": "string"},
        "replicas": {"type": "integer", "format": "int32", "maximum": 10},
        "sealed": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "sealed"}]},
    },
}
STATUS = {
    "type": "object",
    "properties": {
        "state": {"type": "string", "enum": ["Ok"]},
        "replicas": {"type": "integer"},
        "selector": {"type": "string"},
    },
}
INCOMPLETE = (
    "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)


def _crd() -> dict[str, Any]:
    version: dict[str, Any] = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC, "status": STATUS}}},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "additionalPrinterColumns": [{"name": "Action", "type": "string", "jsonPath": ".spec.action", "priority": 1}],
        "selectableFields": [{"jsonPath": ".spec.action"}],
    }
    names = {"plural": "things", "kind": "Thing", "shortNames": ["th"], "categories": ["all"]}
    crd = {"spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}}
    definitions.default(crd)
    return crd


THING: CustomResource = parse(_crd())[0]


def _thing(status: Any = None, **spec: Any) -> Object:
    obj: Object = {"metadata": {"name": "a", "generation": 1}, "spec": {"action": "x", **spec}}
    return obj if status is None else {**obj, "status": status}


def _texts(obj: Object, old: Object | None = None) -> list[str]:
    return [error.text for error in THING.validate(obj, old)]


def test_a_definition_becomes_a_kind_with_all_its_names() -> None:
    resource = THING.resource

    assert (resource.api_version, resource.plural, resource.kind, resource.namespaced) == (
        "example.com/v1",
        "things",
        "Thing",
        True,
    )
    assert (THING.singular, THING.list_kind, THING.short_names, THING.categories) == (
        "thing",
        "ThingList",
        ("th",),
        ("all",),
    )
    assert THING.scale == Scale(("spec", "replicas"), ("status", "replicas"), ("status", "selector"))
    assert [(column.name, column.json_path, column.priority) for column in THING.columns] == [
        ("Action", ".spec.action", 1)
    ]
    assert THING.custom
    assert not THING.unconditional_update


def test_each_served_version_is_a_kind_and_the_stored_one_comes_first() -> None:
    crd = _crd()
    crd["spec"]["versions"] = [
        {**crd["spec"]["versions"][0], "name": name, "served": name != "v0", "storage": name == "v2"}
        for name in ("v0", "v1", "v2")
    ]

    assert [kind.resource.version for kind in parse(crd)] == ["v2", "v1"]


def test_without_columns_there_is_the_age() -> None:
    crd = _crd()
    del crd["spec"]["versions"][0]["additionalPrinterColumns"]

    assert [column.name for column in parse(crd)[0].columns] == ["Age"]


def test_selectable_fields_can_be_selected_by() -> None:
    assert THING.supported_fields == {"metadata.name", "metadata.namespace", "spec.action"}
    assert THING.fields(_thing())["spec.action"] == "x"
    assert THING.field_refusal("spec.replicas") == "field label not supported: spec.replicas"


def test_creation_drops_the_status_and_starts_the_generation() -> None:
    obj = _thing({"state": "Ok"})

    THING.prepare_create(obj)

    assert obj == _thing()


def test_an_update_keeps_the_status_and_counts_changes_of_the_rest() -> None:
    old = _thing({"state": "Ok"})
    labelled, changed = _thing({"state": "Bad"}), _thing(action="y")
    labelled["metadata"]["labels"] = {"a": "b"}

    THING.prepare_update(labelled, old)
    THING.prepare_update(changed, old)

    assert (labelled["status"], labelled["metadata"]["generation"]) == ({"state": "Ok"}, 1)
    assert (changed["status"], changed["metadata"]["generation"]) == ({"state": "Ok"}, 2)


def test_a_status_write_changes_nothing_but_the_status() -> None:
    old = _thing({"state": "Ok"})
    obj = _thing({"state": "New"}, action="y")
    obj["metadata"] = {"name": "a", "labels": {"a": "b"}, "finalizers": ["x/y"], "resourceVersion": "7"}

    THING.prepare_status(obj, old)

    assert obj == {**old, "metadata": {**old["metadata"], "resourceVersion": "7"}, "status": {"state": "New"}}


def test_a_grave_error_leaves_the_rules_unchecked_and_says_so() -> None:
    obj = _thing()
    del obj["spec"]["action"]

    assert _texts(obj) == ["spec.action: Required value", INCOMPLETE]


def test_an_error_of_value_leaves_the_rules_checked() -> None:
    assert _texts(_thing(replicas=11)) == [
        "spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10"
    ]
    assert _texts(_thing(sealed="b"), _thing(sealed="a")) == ['spec.sealed: Invalid value: "b": sealed']


def test_a_definition_without_rules_never_speaks_of_them() -> None:
    crd = _crd()
    crd["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": {"type": "object", "required": ["spec"]}}

    assert [error.text for error in parse(crd)[0].validate({"metadata": {}}, None)] == ["spec: Required value"]


def test_the_replicas_of_scale_are_checked_on_their_own() -> None:
    assert ".spec.replicas: Invalid value: -1: should be a non-negative integer" in _texts(_thing(replicas=-1))
    wrong = (
        ".spec.replicas: Invalid value: 0: .spec.replicas accessor error: 1.5 is of the type float64, expected int64"
    )
    assert wrong in _texts(_thing(replicas=1.5))


def test_the_status_is_judged_as_seen_from_itself() -> None:
    accessor = "accessor error: x is of the type string, expected map[string]interface{}"

    whole = [error.text for error in THING.validate_status(_thing("x"), _thing())]
    inside = [error.text for error in THING.validate_status(_thing({"state": "Bad"}), _thing())]

    assert whole == [
        'status: Invalid value: "string":  in body must be of type object: "string"',
        f".status.replicas: Invalid value: 0: .status.replicas {accessor}",
        f'.status.selector: Invalid value: "": .status.selector {accessor}',
        INCOMPLETE,
    ]
    assert inside == ['status.state: Unsupported value: "Bad": supported values: "Ok"', INCOMPLETE]


def test_a_finalizer_without_a_domain_is_accepted_with_a_warning_once() -> None:
    obj = _thing()
    obj["metadata"]["finalizers"] = ["bare", "example.com/x", "orphan"]

    (text,) = THING.warnings(obj, None)

    assert text.startswith('metadata.finalizers: "bare": prefer a domain-qualified finalizer name')
    assert THING.warnings(obj, obj) == []
