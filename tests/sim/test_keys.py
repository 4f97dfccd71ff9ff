from __future__ import annotations

import random
import uuid

from spo.sim.keys import SAFE_LETTERS, Keys, read_service_account_token


def test_the_same_seed_makes_the_same_keys() -> None:
    one, two = Keys(random.Random(7)), Keys(random.Random(7))

    assert [one.uid(), one.suffix(), one.uid()] == [two.uid(), two.suffix(), two.uid()]


def test_a_uid_is_a_random_uuid() -> None:
    made = [uuid.UUID(Keys(random.Random(seed)).uid()) for seed in range(50)]

    assert {(one.version, one.variant) for one in made} == {(4, uuid.RFC_4122)}
    assert len(set(made)) == 50


def test_a_suffix_has_five_letters_that_spell_nothing() -> None:
    suffix = Keys(random.Random(1)).suffix()

    assert len(suffix) == 5
    assert set(suffix) <= set(SAFE_LETTERS)


def test_a_token_says_whose_it_is_even_if_names_have_dots() -> None:
    keys = Keys(random.Random(1))
    token = keys.service_account_token("ns", "my.account", "u-1", "pod.a")

    found = read_service_account_token(token)

    assert found is not None
    assert found[:4] == ("ns", "my.account", "u-1", "pod.a")
    assert read_service_account_token("admin-token") is None
