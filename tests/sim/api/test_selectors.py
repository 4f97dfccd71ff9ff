from __future__ import annotations

import pytest

from spo.sim.api.selectors import EVERYTHING, parse
from spo.sim.api.status import ApiError

LABELS = {"app": "web", "tier": "front", "weight": "5", "empty": ""}


@pytest.mark.parametrize(
    "text",
    [
        "",
        *(
            "app",
            "app=web",
            "app==web",
            "app!=db",
            "other!=x",
            "app in (db, web)",
            "app notin (db)",
            "!other",
            "empty=",
        ),
        *("weight>4", "weight < 6", "app=web,tier=front", "other notin (x)", " app = web "),
    ],
)
def test_a_selector_selects(text: str) -> None:
    assert parse(text).matches(LABELS)


@pytest.mark.parametrize(
    "text",
    ["other", "app=db", "app!=web", "app in (db)", "app notin (web)", "!app", "weight>5", "app>1", "app=web,other"],
)
def test_a_selector_leaves_out(text: str) -> None:
    assert not parse(text).matches(LABELS)


@pytest.mark.parametrize(
    "text", ["a b", "a in (x", "a=x,", "=x", "a notin", "!", "a>x", "a/b/c=d", "a=" + "x" * 64, ",a"]
)
def test_what_cannot_be_read_is_a_bad_request(text: str) -> None:
    with pytest.raises(ApiError) as refusal:
        parse(text)

    assert refusal.value.code == 400


@pytest.mark.parametrize(
    ("text", "equality"),
    [("a=x", ("a", "x")), ("b,a in (x)", ("a", "x")), ("a in (x,y)", None), ("a!=x", None), ("a", None), ("", None)],
)
def test_an_index_is_offered_the_label_that_must_have_one_value(text: str, equality: tuple[str, str] | None) -> None:
    assert parse(text).equality() == equality


def test_the_empty_selector_is_shared() -> None:
    assert parse("") is EVERYTHING
