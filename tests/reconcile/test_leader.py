from __future__ import annotations

from typing import Any

from known import ME, NOW, OPERATOR, lease, view_of
from msgspec.structs import replace

from spo.cache import Cache
from spo.events import Key, Seen
from spo.intents import Create, Patch
from spo.reconcile import leader
from spo.roles import manager

LOCK = Key("Lease", OPERATOR, leader.LOCK)


def seen(holder: str, at: float, now: float) -> Cache:
    """A view at `now` of a lease that we saw change at `at`."""
    cache = view_of(manager(ME), now=at)
    cache.apply(Seen(LOCK, lease(holder)))
    cache.now = now
    return cache


def spec(intent: Any) -> dict[str, Any]:
    assert isinstance(intent, Patch)
    found: dict[str, Any] = intent.patch["spec"]
    return found


def test_a_missing_lease_is_created_in_our_name() -> None:
    (intent,) = leader.decide(view_of(manager(ME)), LOCK, "manager-0").intents

    assert isinstance(intent, Create)
    assert intent.manifest["spec"]["holderIdentity"] == "manager-0"


def test_anothers_lease_is_left_alone_until_it_has_not_changed_for_its_duration() -> None:
    plan = leader.decide(seen("manager-1", NOW, NOW + 3), LOCK, "manager-0")
    assert plan.intents == ()
    assert plan.wake_at == NOW + leader.DURATION_S

    (intent,) = leader.decide(seen("manager-1", NOW, NOW + leader.DURATION_S), LOCK, "manager-0").intents
    assert spec(intent)["holderIdentity"] == "manager-0"
    assert spec(intent)["leaseTransitions"] == 1


def test_our_lease_is_renewed_in_time_and_not_earlier() -> None:
    assert leader.decide(seen("manager-0", NOW, NOW + 1), LOCK, "manager-0").intents == ()

    (intent,) = leader.decide(seen("manager-0", NOW, NOW + leader.RENEW_EVERY_S), LOCK, "manager-0").intents
    assert "acquireTime" not in spec(intent)


def test_a_released_lease_is_taken_at_once() -> None:
    assert leader.decide(seen("", NOW, NOW), LOCK, "manager-0").intents != ()


def test_who_leaves_in_good_order_gives_the_lease_back_and_nobody_elses() -> None:
    (intent,) = leader.release(seen("manager-0", NOW, NOW + 1), LOCK, "manager-0").intents
    assert spec(intent)["holderIdentity"] == ""

    assert leader.release(seen("manager-1", NOW, NOW + 1), LOCK, "manager-0").intents == ()


def test_who_is_late_with_renewing_stops_to_lead_before_anybody_else_may_begin() -> None:
    assert leader.leads(seen("manager-0", NOW, NOW + 9), OPERATOR, "manager-0")
    assert not leader.leads(seen("manager-0", NOW, NOW + 10), OPERATOR, "manager-0")
    assert leader.RENEW_WITHIN_S < leader.DURATION_S


def test_a_skewed_clock_makes_no_second_leader() -> None:
    """The time written in the lease is not looked at: only how long ago we saw it change."""
    ancient = replace(lease("manager-1"), spec=replace(lease("manager-1").spec, renew_time="1999-01-01T00:00:00.0Z"))
    cache = view_of(manager(ME), now=NOW)
    cache.apply(Seen(LOCK, ancient))

    assert leader.decide(cache, LOCK, "manager-0").intents == ()
