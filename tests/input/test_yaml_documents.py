"""YAML as kubectl reads it, and the lines that messages name."""

from __future__ import annotations

from typing import Any

import pytest

from spo.input.yaml_documents import BadYaml, documents


def values(text: str) -> list[Any]:
    return [document.value for document in documents(text)]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("", None),
        ("'yes'", "yes"),
        ("-5", -5),
        ("0x1f", 31),
        ("010", 8),
        ("0o10", 8),
        ("1_000", 1000),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("2026-11-23", "2026-11-23"),
        ("1:30", "1:30"),
        ("1.2.3", "1.2.3"),
        ("!!str 5", "5"),
    ],
)
def test_plain_words_mean_what_kubectl_takes_them_for(text: str, meant: Any) -> None:
    assert values(f"a: {text}") == [{"a": meant}]


def test_anchors_and_merges_are_resolved_into_values_of_their_own() -> None:
    (value,) = values("base: &b {x: 1, y: [1]}\none: {<<: *b, x: 2}\ntwo: *b\n")
    assert value["one"] == {"x": 2, "y": [1]}
    value["two"]["y"].append(2)
    assert value["base"]["y"] == [1]


def test_each_item_of_a_list_knows_its_line() -> None:
    (document,) = documents("kind: List\nitems:\n- kind: A\n  x: 1\n\n-\n  kind: B\n")
    assert document.item_lines == (3, 7)


def test_each_document_knows_its_line() -> None:
    assert [document.line for document in documents("---\na: 1\n---\n\nb: 2\n")] == [2, 5]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("kind: Pod\nspec:\n  a: 1\n  a: 2\n", 4, "`a` is given twice"),
        ("data:\n  yes: 1\n", 2, "a key must be text, here it is yes"),
        ("data:\n  [a]: 1\n", 2, "a key must be text, here it is a list or mapping"),
        ("a: *nobody\n", 1, "no anchor"),
        ("a: b: c\n", 1, "mapping values are not allowed"),
        ("a:\n\tb: 1\n", 2, "cannot start any token"),
        ("a: 'open\n", 1, "the text ends here"),
        ("a: !!python/object:os.system x\n", 1, "means nothing here"),
        ("a: \x07\n", 1, "not allowed in YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(BadYaml) as caught:
        values(text)
    assert caught.value.line == line
    assert words in caught.value.problem
    assert caught.value.remedy


def test_a_whole_number_as_key_becomes_text_as_with_kubectl() -> None:
    assert values("data:\n  8080: web\n") == [{"data": {"8080": "web"}}]


def test_aliases_that_multiply_are_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(BadYaml, match="aliases stand for too many values"):
        values("\n".join(lines))


def test_nesting_without_end_is_stopped() -> None:
    with pytest.raises(BadYaml, match="nest"):
        values("a: " + "[" * 5000)
