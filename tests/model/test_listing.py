"""Many names in a sentence."""

from __future__ import annotations

from spo.model.listing import listed


def test_all_are_named_while_they_are_few_and_the_rest_is_counted() -> None:
    assert [listed(names, 2) for names in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == [
        "",
        "a",
        "a, b",
        "a, b and 1 more",
    ]
    assert listed(range(5000), 1) == "0 and 4999 more"
    assert listed(range(5000), 1, ",") == "0 and 4,999 more"
