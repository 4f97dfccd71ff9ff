"""How large each ReplicaSet of a Deployment should be, as functions of numbers."""

from __future__ import annotations

from spo.sim.controllers.rollout import Bounds, SetFacts, bounds_of, rescale


def of_set(name: str, wanted: int, ceiling: int, available: int | None = None) -> SetFacts:
    return SetFacts(name, wanted, wanted, wanted if available is None else available, ceiling)


def test_a_single_set_takes_all() -> None:
    assert rescale(of_set("new", 3, 4), [], 5, surge=1, before=3, rolling=True) == {"new": 5}
    assert rescale(of_set("new", 5, 6), [], 5, surge=1, before=5, rolling=True) == {}


def test_in_the_middle_of_a_roll_out_each_set_keeps_its_share() -> None:
    """The numbers of the conformance suite: 10 replicas, surge 3, 8 old and 5 new; then 30 replicas."""
    sizes = rescale(of_set("new", 5, 13, 0), [of_set("old", 8, 13)], 30, surge=3, before=13, rolling=True)

    assert sizes == {"old": 20, "new": 13}


def test_it_shrinks_in_proportion_too() -> None:
    sizes = rescale(of_set("new", 5, 13, 0), [of_set("old", 8, 13)], 5, surge=1, before=13, rolling=True)

    assert sizes == {"old": 4, "new": 2}


def test_a_new_set_that_has_all_ends_the_old_ones() -> None:
    assert rescale(of_set("new", 4, 5), [of_set("old", 1, 5)], 4, surge=1, before=5, rolling=True) == {"old": 0}


def test_what_recreates_is_not_shared_out() -> None:
    assert rescale(of_set("new", 2, 4, 0), [of_set("old", 2, 4)], 6, surge=0, before=4, rolling=False) == {}


def test_bounds_are_percentages_of_what_is_wanted_and_never_both_nothing() -> None:
    def rolling(surge: str | int, unavailable: str | int) -> Bounds:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
        return bounds_of({"replicas": 10, "strategy": strategy})

    assert rolling("25%", "25%") == Bounds(3, 2)
    assert rolling(0, 0) == Bounds(0, 1)
    assert bounds_of({"replicas": 4, "strategy": {"type": "Recreate"}}) == Bounds(0, 4)
