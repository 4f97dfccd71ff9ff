from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from spo.model.labels import label_value, profile_id

NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True)
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


@given(NAMES)
def test_a_profile_id_is_a_label_value(name: str) -> None:
    assert LABEL_VALUE.fullmatch(profile_id("SeccompProfile", name))


@given(NAMES)
def test_a_node_name_becomes_a_label_value(name: str) -> None:
    assert LABEL_VALUE.fullmatch(label_value(name))


def test_a_short_name_stays_readable() -> None:
    assert profile_id("SeccompProfile", "nginx") == "SeccompProfile-nginx"
    assert label_value("node-a.example.org") == "node-a.example.org"


def test_long_names_that_begin_alike_differ() -> None:
    assert profile_id("SeccompProfile", "a" * 100) != profile_id("SeccompProfile", "a" * 101)
    assert label_value("a" * 100) != label_value("a" * 101)


def test_an_id_of_63_characters_is_hashed_as_the_reference_does() -> None:
    plain = profile_id("SeccompProfile", "a" * 47)
    assert plain == "SeccompProfile-" + "a" * 47
    hashed = profile_id("SeccompProfile", "a" * 48)
    assert len(hashed) == 63
    assert hashed != "SeccompProfile-" + "a" * 48
