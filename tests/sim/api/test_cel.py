"""The rules of a schema, as far as they are understood."""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim.api.cel import rules_of


def _judge(rule: str, value: Any, old: Any = None) -> list[str]:
    node = {"properties": {"f": {"x-kubernetes-validations": [{"rule": rule, "message": "no"}]}}}
    (single,) = rules_of(node)
    assert single.test is not None
    before = None if old is None else {"f": old}
    return [error.text for error in single.check({"f": value}, before)]


@pytest.mark.parametrize(
    ("rule", "value", "fine"),
    [
        ("self.a == 1", {"a": 1}, True),
        ("self.a == 1 && self.b != 'x'", {"a": 1, "b": "x"}, False),
        ("self.a == 2 || self.b == 'x'", {"a": 1, "b": "x"}, True),
        ("!(has(self.a) && self.a)", {"a": True}, False),
        ("!(has(self.a) && self.a)", {}, True),
        ("size(self.list) <= 2", {"list": [1, 2, 3]}, False),
        ("self > 3", 4, True),
        ("self in ['a']", None, None),
    ],
)
def test_a_rule_is_judged_as_cel_would(rule: str, value: Any, fine: bool | None) -> None:
    if fine is None:
        node = {"x-kubernetes-validations": [{"rule": rule}]}
        assert rules_of(node)[0].test is None, "beyond what is understood, so not enforced"
    else:
        assert (_judge(rule, value) == []) is fine


@pytest.mark.parametrize(
    "rule", ["self.matches('a')", "self.all(x, x > 1)", "self == other", "self ==", "self.a self.b", "self.a ? 1 : 2"]
)
def test_a_rule_beyond_that_part_is_known_as_such(rule: str) -> None:
    assert rules_of({"x-kubernetes-validations": [{"rule": rule}]})[0].test is None


def test_a_rule_with_settings_that_are_not_understood_is_not_half_enforced() -> None:
    rule = {"rule": "self == 1", "messageExpression": "'x'"}

    assert rules_of({"x-kubernetes-validations": [rule]})[0].test is None


def test_a_transition_rule_holds_only_for_changes() -> None:
    rule = "self == oldSelf"

    assert _judge(rule, "a") == []
    assert _judge(rule, "a", "a") == []
    assert _judge(rule, "b", "a") == ['f: Invalid value: "b": no']


def test_what_has_not_changed_is_not_judged_again() -> None:
    assert _judge("self.a == 1", {"a": 2}, {"a": 2}) == []
    assert _judge("self.a == 1", {"a": 3}, {"a": 2}) == ["f: Invalid value: no"]


def test_an_object_is_not_quoted_in_the_error() -> None:
    assert _judge("self.a == 1", {"a": 2}) == ["f: Invalid value: no"]


def test_a_missing_field_is_an_error_and_no_crash() -> None:
    assert _judge("self.a == 1", {}) == ["f: Invalid value: no such key: a evaluating rule: no"]


def test_an_operation_that_does_not_fit_is_an_error_and_no_crash() -> None:
    text = "f: Invalid value: no such overload evaluating rule: no"

    assert _judge("self.a > 1", {"a": "x"}) == [text]
    assert _judge("has(self.a.b)", {"a": 1}) == [text]


def test_elements_of_a_keyed_list_correspond_by_their_keys() -> None:
    node = {
        "properties": {
            "list": {
                "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "properties": {"v": {"x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "no"}]}}
                },
            }
        }
    }
    (rule,) = rules_of(node)
    old = {"list": [{"name": "a", "v": 1}, {"name": "b", "v": 2}]}

    errors = rule.check({"list": [{"name": "b", "v": 3}, {"name": "a", "v": 1}]}, old)

    assert [error.path for error in errors] == ["list[0].v"]
