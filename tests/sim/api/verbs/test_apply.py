"""Server-side apply: owning, conflicting, dropping (recorded: 5.4.*, ssa-*)."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spo.sim.api.builtin import TABLE
from spo.sim.api.custom.crd import CustomResource, parse
from spo.sim.api.custom.definitions import default
from spo.sim.api.status import ApiError
from spo.sim.api.verbs.apply import apply, track_update

CONFIG_MAP = TABLE["configmaps"]
DAEMON_SET = TABLE["daemonsets.apps"]
TEXT = {"type": "string"}
RULES = {
    "type": "array",
    "items": {"type": "object", "properties": {"name": TEXT, "weight": {"type": "integer"}}},
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}


def _custom() -> CustomResource:
    spec = {
        "type": "object",
        "properties": {
            "action": TEXT,
            "rules": RULES,
            "flags": {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"},
            "plain": {"type": "array", "items": TEXT},
        },
    }
    schema = {
        "type": "object",
        "properties": {"spec": spec, "status": {"type": "object", "properties": {"state": TEXT}}},
    }
    version = {
        "name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }  # fmt: skip
    names = {"plural": "things", "kind": "Thing"}
    crd = {"spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}}
    default(crd)
    return parse(crd)[0]


THING = _custom()


def _config(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}


def _thing(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec}


def _applied(
    live: Any, wanted: Any, manager: str = "m1", force: bool = False, kind: Any = None, stamp: str = "t1"
) -> Any:
    kind = kind or (THING if wanted["kind"] == "Thing" else CONFIG_MAP)
    return apply(live, wanted, kind, manager, force, stamp)


def _conflict(live: Any, wanted: Any, manager: str) -> ApiError:
    with pytest.raises(ApiError) as refused:
        _applied(live, wanted, manager)
    return refused.value


def test_applying_what_is_not_there_makes_it_and_owns_it() -> None:
    made = _applied(None, _config(a="1"))

    assert made["data"] == {"a": "1"}
    assert made["metadata"]["managedFields"] == [
        {
            "manager": "m1",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": "t1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:a": {}}},
        }
    ]


def test_the_same_apply_again_changes_nothing_even_later() -> None:
    made = _applied(None, _thing(action="x", rules=[{"name": "r"}], flags=["f"], plain=["p"]))

    assert _applied(made, _thing(action="x", rules=[{"name": "r"}], flags=["f"], plain=["p"]), stamp="t2") == made


def test_a_field_no_longer_applied_goes_if_nobody_else_owns_it() -> None:
    live = _applied(None, _config(a="1", b="2", c="3"))
    live = _applied(live, _config(b="2"), "m2")

    assert _applied(live, _config(a="1"))["data"] == {"a": "1", "b": "2"}


def test_a_field_of_another_manager_can_be_applied_only_as_it_is() -> None:
    live = _applied(None, _config(a="1", b="2"))

    shared = _applied(live, _config(a="1"), "m2")
    refused = _conflict(live, _config(a="2"), "m2")

    assert len(shared["metadata"]["managedFields"]) == 2
    assert (refused.code, refused.reason) == (409, "Conflict")
    assert refused.message == 'Apply failed with 1 conflict: conflict with "m1": .data.a'
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "m1"', "field": ".data.a"}
    assert refused.details == {"causes": [cause]}


def test_several_conflicts_are_told_by_owner() -> None:
    live = _applied(None, _config(a="1", b="2"))
    changed = {**copy.deepcopy(live), "data": {**live["data"], "c": "1"}}
    track_update(live, changed, CONFIG_MAP, "kubectl-edit", "t2")

    refused = _conflict(changed, _config(a="x", b="y", c="z"), "m2")

    assert refused.message == (
        'Apply failed with 3 conflicts: conflicts with "kubectl-edit" using v1:\n- .data.c\n'
        'conflicts with "m1":\n- .data.a\n- .data.b'
    )


def test_force_takes_the_field_away_from_its_owner() -> None:
    live = _applied(None, _config(a="1", b="2"))

    taken = _applied(live, _config(a="9"), "m2", force=True)

    assert taken["data"] == {"a": "9", "b": "2"}
    owned = {entry["manager"]: entry["fieldsV1"] for entry in taken["metadata"]["managedFields"]}
    assert owned == {"m1": {"f:data": {"f:b": {}}}, "m2": {"f:data": {"f:a": {}}}}


def test_lists_merge_by_kind_in_the_order_they_were_made_in() -> None:
    live = _applied(None, _thing(action="x", rules=[{"name": "x", "weight": 1}], flags=["f1"], plain=["p"]))

    both = _applied(live, _thing(action="x", rules=[{"name": "y"}], flags=["f0"]), "m2")

    assert both["spec"]["rules"] == [{"name": "x", "weight": 1}, {"name": "y"}]
    assert both["spec"]["flags"] == ["f1", "f0"]
    assert _conflict(both, _thing(plain=["q"]), "m2").message.endswith('conflict with "m1": .spec.plain')


def test_elements_of_others_stay_where_they_stood() -> None:
    live = _applied(None, _thing(flags=["a", "b"]))
    live = _applied(live, _thing(flags=["z"]), "m2")

    assert _applied(live, _thing(flags=["b", "n", "a", "o"]))["spec"]["flags"] == ["b", "n", "a", "z", "o"]


def test_dropping_the_only_owned_elements_drops_the_list() -> None:
    live = _applied(None, _thing(action="x", rules=[{"name": "x", "weight": 1}], flags=["f1"]))

    assert _applied(live, _thing(action="x"))["spec"] == {"action": "x"}


def test_an_element_goes_whole_with_what_the_server_had_filled_in() -> None:
    wanted = {
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "a"},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}]}}},
    }  # fmt: skip
    live = _applied(None, wanted, kind=DAEMON_SET)
    DAEMON_SET.default(live)
    wanted["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 81}]  # type: ignore[index]

    merged = _applied(live, wanted, kind=DAEMON_SET)
    DAEMON_SET.default(merged)

    (container,) = merged["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"containerPort": 81, "protocol": "TCP"}]
    assert container["terminationMessagePolicy"] == "File"


def test_a_defaulted_daemon_set_applied_again_is_at_rest() -> None:
    container = {"name": "c", "image": "i:1", "ports": [{"containerPort": 80}]}
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"serviceAccountName": "s", "containers": [container]}}
    wanted = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "a", "labels": {"app": "a"}},
        "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": template},
    }
    live = _applied(None, wanted, kind=DAEMON_SET)
    DAEMON_SET.default(live)

    again = _applied(live, wanted, force=True, kind=DAEMON_SET, stamp="t2")
    DAEMON_SET.default(again)

    assert again == live


def test_metadata_merges_labels_finalizers_and_owners() -> None:
    first = _thing(action="x")
    first["metadata"] |= {"finalizers": ["x/a"], "labels": {"a": "1"}}
    second = _thing(action="x")
    second["metadata"] |= {"finalizers": ["x/b"], "labels": {"b": "1"}}

    live = _applied(_applied(None, first), second, "m2")
    assert live["metadata"]["finalizers"] == ["x/a", "x/b"]
    left = _applied(live, _thing(action="x"))

    assert (left["metadata"]["finalizers"], left["metadata"]["labels"]) == (["x/b"], {"b": "1"})


def test_what_stood_there_before_belongs_to_before_first_apply() -> None:
    refused = _conflict(_config(a="1"), _config(a="2"), "m1")

    assert refused.message.endswith('conflict with "before-first-apply" using v1: .data.a')
    assert _applied(_config(a="1"), _config(a="2"), force=True)["data"] == {"a": "2"}


def test_status_is_applied_only_through_its_own_endpoint() -> None:
    live = _applied(None, {**_thing(action="x"), "status": {"state": "main"}})
    assert "status" not in live

    through = apply(live, {**_thing(action="y"), "status": {"state": "own"}}, THING, "m2", False, "t1", "status")

    assert (through["spec"], through["status"]) == ({"action": "x"}, {"state": "own"})


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"foo": 1}, ".spec.foo: field not declared in schema"),
        ({"action": 5}, ".spec.action: expected string, got &value.valueUnstructured{Value:5}"),
        ({"action": []}, ".spec.action: expected string, got &value.valueUnstructured{Value:[]interface {}{}}"),
        ({"plain": "x"}, ".spec.plain: expected list, got &{x}"),
        ({"plain": {"a": 1}}, ".spec.plain: expected list, got &{map[a:1]}"),
        ({"rules": [{"name": "d"}, {"name": "d"}]}, '.spec.rules: duplicate entries for key [name="d"]'),
        ({"flags": ["d", "d"]}, '.spec.flags: duplicate entries for key [="d"]'),
        (
            {"rules": [{"weight": 1}]},
            '.spec.rules: element 0: associative list with keys has an element that omits all key fields ["name"] '
            "(and doesn't have default values for any key fields)",
        ),
    ],
)
def test_what_does_not_fit_the_kind_is_an_error_without_a_reason(spec: Any, text: str) -> None:
    with pytest.raises(ApiError) as refused:
        _applied(None, _thing(**spec))

    name = "failed to create typed patch object (/a; example.com/v1, Kind=Thing): "
    assert (refused.value.code, refused.value.reason, refused.value.message) == (500, "", name + text)


def test_an_update_moves_what_it_changed_to_the_updater() -> None:
    live = _applied(None, _config(a="1", b="2"))
    changed = copy.deepcopy(live)
    changed["data"] = {"a": "9"}

    track_update(live, changed, CONFIG_MAP, "editor", "t2")

    owned = {entry["manager"]: entry["fieldsV1"] for entry in changed["metadata"]["managedFields"]}
    assert owned == {"editor": {"f:data": {"f:a": {}}}}  # who owns nothing any more is not named


def test_nothing_is_tracked_where_nobody_ever_applied() -> None:
    changed = _config(a="2")

    track_update(_config(a="1"), changed, CONFIG_MAP, "editor", "t2")

    assert "managedFields" not in changed["metadata"]


def test_kubectl_takes_over_what_it_applied_the_old_way() -> None:
    live = _config(a="1")
    last = "kubectl.kubernetes.io/last-applied-configuration"
    live["metadata"]["annotations"] = {last: '{"data":{"a":"1"}}'}

    taken = _applied(live, _config(a="2"), "kubectl")

    assert taken["data"] == {"a": "2"}
    assert taken["metadata"]["annotations"][last].startswith('{"apiVersion":"v1","data":{"a":"2"},')


TEXTS = st.sampled_from(["a", "b", "c"])
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "action": TEXTS,
        "flags": st.lists(TEXTS, unique=True, min_size=1),
        "plain": st.lists(TEXTS),
        "rules": st.lists(
            st.fixed_dictionaries({"name": TEXTS}, optional={"weight": st.integers(0, 2)}),
            unique_by=lambda rule: rule["name"],
            min_size=1,
        ),
    },
)


def _unordered(spec: dict[str, Any]) -> dict[str, Any]:
    """Elements that are told apart by keys keep the order they were first applied in."""
    return {
        **spec,
        "flags": set(spec.get("flags", ())),
        "rules": {rule["name"]: rule for rule in spec.get("rules", ())},
    }


@given(SPECS, SPECS)
def test_what_one_manager_alone_applies_is_what_there_is(first: Any, second: Any) -> None:
    live = _applied(None, _thing(**first))

    changed = _applied(live, _thing(**second), stamp="t2")

    assert _unordered(changed.get("spec", {})) == _unordered(second)
    assert _applied(changed, _thing(**second), stamp="t3") == changed


@given(SPECS, SPECS)
def test_with_force_everyone_has_what_they_applied_and_the_last_one_wins(first: Any, second: Any) -> None:
    live = _applied(_applied(None, _thing(**first)), _thing(**second), "m2", force=True)

    spec = live["spec"]
    assert {**spec, **{field: second[field] for field in ("action", "plain") if field in second}} == spec
    assert set(first.get("flags", ())) | set(second.get("flags", ())) == set(spec.get("flags", ()))
    assert _applied(live, _thing(**second), "m2") == live
    withdrawn = _applied(live, _thing(), "m2")
    assert set(withdrawn.get("spec", {}).get("flags", ())) == set(first.get("flags", ()))


def test_a_status_that_is_not_applied_is_not_made() -> None:
    live = _applied(None, _thing(action="x"))

    assert apply(live, _thing(action="y"), THING, "m2", False, "t1", "status") == live


def test_who_applies_nothing_owns_nothing_and_changes_nothing() -> None:
    empty = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    assert "managedFields" not in _applied(None, empty)["metadata"]

    live = _applied(None, _config(a="1"), "m1")
    assert _applied(live, empty, "m2", stamp="t2") == live

    dropped = _applied(live, empty, "m1", stamp="t2")
    assert "managedFields" not in dropped["metadata"]
    assert not dropped.get("data")
