from __future__ import annotations

from spo.model.meta import Condition, ObjectMeta, with_condition

READY = Condition("Ready", "True", "Available", "on all nodes", "2026-01-01T00:00:00Z")


def test_a_finalizer_is_held_once() -> None:
    held = ObjectMeta().with_finalizer("a").with_finalizer("b").with_finalizer("a")
    assert held.finalizers == ("a", "b")
    assert held.without_finalizer("a").finalizers == ("b",)


def test_a_new_condition_comes_last() -> None:
    other = Condition("Other", "True", "Fine", "", "2026-01-02T00:00:00Z")
    assert with_condition((READY,), other) == (READY, other)


def test_a_condition_whose_status_stands_keeps_its_time() -> None:
    later = Condition("Ready", "True", "Available", "still", "2026-01-02T00:00:00Z")
    (kept,) = with_condition((READY,), later)
    assert (kept.message, kept.last_transition_time) == ("still", "2026-01-01T00:00:00Z")


def test_a_condition_that_turns_has_a_new_time() -> None:
    turned = Condition("Ready", "False", "Creating", "", "2026-01-02T00:00:00Z")
    assert with_condition((READY,), turned) == (turned,)


def test_an_object_that_is_going_says_so() -> None:
    assert not ObjectMeta().deleting
    assert ObjectMeta(deletion_timestamp="2026-01-01T00:00:00Z").deleting
