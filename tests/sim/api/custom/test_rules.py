"""The rules of a schema, as far as they are understood."""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim.api.custom.rules import fault_of, rules_of


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
        ("self in ['a', 'b']", "b", True),
        ("'k' in self", {"k": 1}, True),
        ("self.a ? self.b : !self.b", {"a": False, "b": False}, True),
        ("self.all(x, x > 1)", [2, 3], True),
        ("self.all(k, self[k] > 1)", {"a": 2, "b": 1}, False),
        ("self.exists(x, x.startsWith('a'))", ["b", "ab"], True),
        ("self.exists_one(x, x == 1)", [1, 1], False),
        ("self.filter(x, x > 1).map(x, x * 2) == [4, 6]", [1, 2, 3], True),
        ("self.map(x, x > 1, x) == [2]", [1, 2], True),
        ("self.matches('^[a-z]+$') && self.size() < 4 && self.contains('b')", "abc", True),
        ("self.split('.').size() == 2 && self.endsWith('.io')", "k8s.io", True),
        ("self.a + self.b == 5 && self.a * 2 - 1 == 3 && self.b % 2 == 1", {"a": 2, "b": 3}, True),
        ("-7 / 2 == -3 && -7 % 2 == -1", 0, True),  # towards zero
        ("self[0] == self[1]", [1, 1], True),
        ("self.isSorted() && self.sum() == 6 && self.max() == 3 && self.indexOf(2) == 1", [1, 2, 3], True),
        ("self.__namespace__ == 'n' && self.a__dash__b == 1", {"namespace": "n", "a-b": 1}, True),
        ("string(self) + 'm' == '5m' && int('5') == self && double(self) > 4.5", 5, True),
        (r"self == 'it\'s' || self == r'\d'", "it's", True),
        ("true == 1", 0, False),
    ],
)
def test_a_rule_is_judged_as_cel_would(rule: str, value: Any, fine: bool) -> None:
    assert (_judge(rule, value) == []) is fine


def test_what_decides_alone_does_not_care_for_an_error_beside_it() -> None:
    assert _judge("self.none == 1 || self.a == 1", {"a": 1}) == []
    assert _judge("!(self.none == 1 && self.a == 2)", {"a": 1}) == []
    assert "no such key: none" in _judge("self.none == 1 || self.a == 2", {"a": 1})[0]


@pytest.mark.parametrize(
    "rule", ["quantity(self).isInteger()", "self.find('a')", "self == other", "self.?a.hasValue()"]
)
def test_a_rule_beyond_that_part_is_known_as_such(rule: str) -> None:
    assert rules_of({"x-kubernetes-validations": [{"rule": rule}]})[0].test is None


@pytest.mark.parametrize("setting", [{"messageExpression": "find(self)"}, {"fieldPath": "['a']"}, {"new": True}])
def test_a_rule_with_settings_that_are_not_understood_is_not_half_enforced(setting: dict[str, Any]) -> None:
    rule = {"rule": "self == 1", **setting}

    assert rules_of({"x-kubernetes-validations": [rule]})[0].test is None


def test_settings_say_what_is_told_of_it_and_where() -> None:
    settings = {"messageExpression": "'not ' + string(self.a)", "reason": "FieldValueForbidden", "fieldPath": ".a"}
    (rule,) = rules_of({"x-kubernetes-validations": [{"rule": "self.a != 1", **settings}]})

    (error,) = rule.check({"a": 1}, None)
    assert (error.path, error.reason, error.message) == ("a", "FieldValueForbidden", "Forbidden: not 1")


def test_an_old_value_may_be_optional() -> None:
    spec = {"rule": "!oldSelf.hasValue() || self != oldSelf.value()", "optionalOldSelf": True}
    (rule,) = rules_of({"x-kubernetes-validations": [spec]})

    assert rule.check(1, None) == []
    assert rule.check(1, 2) == []
    assert len(rule.check(1, 1)) == 1


def test_the_place_of_a_value_in_a_map_is_its_key() -> None:
    node = {"additionalProperties": {"x-kubernetes-validations": [{"rule": "self == 1"}]}}
    (rule,) = rules_of({"properties": {"map": node}})

    assert [error.path for error in rule.check({"map": {"k": 2}}, None)] == ["map[k]"]


def test_no_rule_may_go_on_for_ever() -> None:
    (told,) = _judge("self.all(x, self.all(y, y == x))", [1] * 1000)

    assert told == "f: Invalid value: call cost exceeds limit for rule: no"


NODE = {"type": "object", "properties": {"x": {"type": "integer"}, "any": {"type": "object"}}}


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("self = 42", "ERROR: <input>:1:6: Syntax error: token recognition error at: '= '\n | self = 42\n | .....^"),
        ("self ==", "ERROR: <input>:1:8: Syntax error: mismatched input '<EOF>' expecting an expression"),
        ("self.a self.b", "ERROR: <input>:1:8: Syntax error: mismatched input 'self' expecting <EOF>"),
        ("self.z == 100", "ERROR: <input>:1:5: undefined field 'z'\n | self.z == 100\n | ....^"),
        ("has(self.z) || self.x == 1", "ERROR: <input>:1:9: undefined field 'z'"),
        ("self.x == 1 && self.any.what == 2 && self.kind == 'K'", ""),
        ("quantity(self.z)", ""),
    ],
)
def test_what_is_no_rule_for_a_schema_is_told_with_its_place(rule: str, fault: str) -> None:
    told = fault_of(rule, NODE, root=True)

    assert told.startswith(fault) if fault else told == ""


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


def test_has_asks_for_the_last_field_only() -> None:
    assert _judge("!has(self.a.b)", {"a": {}}) == []
    assert _judge("!has(self.a.b)", {}) == ["f: Invalid value: no such key: a evaluating rule: no"]


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
