"""What many did at about the same time is one line; what differs is not hidden."""

from __future__ import annotations

from msgspec.structs import replace

from spo.report.timeline import WINDOW_NS, Fact, lines

WROTE = Fact(0, "daemon", "wrote", "file", "operator/shop/cart.json", node="node-1")
STARTED = Fact(0, "kubelet", "started", "pod", "shop/cart-84d-1", node="node-1", tone="good")


def said(*facts: Fact) -> list[str]:
    return [f"{line.who}: {line.what}" for line in lines(facts)]


def test_one_fact_is_one_line_with_time_since_the_start() -> None:
    (line,) = lines([replace(WROTE, at_ns=7, why="it was not there")], start_ns=3)
    assert (line.at_ns, line.who, line.what) == (4, "daemon node-1", "wrote file operator/shop/cart.json")
    assert line.why == "it was not there"


def test_the_same_on_several_nodes_is_one_line() -> None:
    facts = [replace(WROTE, node=f"node-{i}", at_ns=i) for i in (1, 2, 3)]
    assert said(*facts) == ["daemon on 3 nodes: wrote file operator/shop/cart.json"]


def test_what_happens_much_later_has_its_own_line() -> None:
    facts = [WROTE, replace(WROTE, node="node-2", at_ns=WINDOW_NS + 1)]
    assert said(*facts) == [
        "daemon node-1: wrote file operator/shop/cart.json",
        "daemon node-2: wrote file operator/shop/cart.json",
    ]


def test_two_objects_stay_apart_three_share_a_line() -> None:
    facts = [replace(WROTE, subject=f"operator/shop/{name}.json") for name in ("a", "b", "c")]
    assert len(said(*facts[:2])) == 2
    assert len(said(*facts)) == 1


def test_pods_of_different_owners_stay_apart_until_there_are_a_dozen() -> None:
    pods = [replace(STARTED, subject=f"shop/{chr(97 + i)}-x") for i in range(12)]
    assert len(said(*pods[:11])) == 11
    assert said(*pods) == ["kubelet node-1: started 12 pods shop/a-x, shop/b-x, shop/c-x and 9 more"]


def test_pods_of_one_owner_share_a_line_from_two_on() -> None:
    two = [replace(STARTED, subject=f"shop/late-54d-{i}") for i in (1, 2)]
    assert said(*two, replace(STARTED, subject="shop/other-1")) == [
        "kubelet node-1: started 2 pods shop/late-54d-…",
        "kubelet node-1: started pod shop/other-1",
    ]


def test_a_remark_becomes_the_reason_of_the_bad_news_that_follows_it() -> None:
    remark = Fact(0, "manager", "warns of", "SeccompProfile", "shop/cart", why="mkdir", tone="bad", remark=True)
    deleted = Fact(1, "manager", "deleted", "SeccompProfile", "shop/cart", tone="bad")
    (line,) = lines([remark, deleted])
    assert (line.what, line.why) == ("deleted SeccompProfile shop/cart", "mkdir")


def test_a_remark_on_something_else_or_long_before_stays_on_its_own() -> None:
    remark = Fact(0, "manager", "warns of", "SeccompProfile", "shop/cart", why="mkdir", tone="bad", remark=True)
    other = Fact(1, "manager", "deleted", "SeccompProfile", "shop/pay", tone="bad")
    later = Fact(2 * WINDOW_NS, "manager", "deleted", "SeccompProfile", "shop/cart", tone="bad")
    assert len(lines([remark, other])) == 2
    assert len(lines([remark, later])) == 2


def test_many_objects_share_a_line_at_the_place_of_the_first() -> None:
    pods = [replace(STARTED, subject=f"shop/cart-84d-{i}", node=f"node-{i % 2}") for i in range(6)]
    assert said(pods[0], WROTE, *pods[1:]) == [
        "kubelet on 2 nodes: started 6 pods shop/cart-84d-…",
        "daemon node-1: wrote file operator/shop/cart.json",
    ]


def test_many_objects_without_a_common_name_are_named_by_example() -> None:
    files = [replace(WROTE, subject=f"{name}.json") for name in ("cart", "pay", "search", "late", "log")]
    assert said(*files) == ["daemon node-1: wrote 5 files cart.json, pay.json, search.json and 2 more"]


def test_different_reasons_are_never_folded() -> None:
    one = replace(STARTED, verb="cannot start", why="no such file", tone="bad")
    assert len(said(one, replace(one, why="unexpected end of JSON input", node="node-2"))) == 2


def test_a_later_burst_does_not_swallow_an_earlier_single_line() -> None:
    burst = [replace(STARTED, at_ns=2 * WINDOW_NS, subject=f"shop/pay-{i}") for i in range(4)]
    assert said(STARTED, *burst) == [
        "kubelet node-1: started pod shop/cart-84d-1",
        "kubelet node-1: started 4 pods shop/pay-…",
    ]


def test_what_a_person_does_one_after_the_other_stays_in_order() -> None:
    applied = Fact(0, "you", "applied", "Pod", "shop/web", tone="you")
    at_once = [replace(applied, subject=f"shop/{i}") for i in range(3)]
    later = [replace(applied, subject=f"demo/{i}", at_ns=1) for i in range(3)]
    space = replace(applied, noun="Namespace", subject="demo", at_ns=1)
    assert said(*at_once, space, *later) == [
        "you: applied 3 Pods shop/0, shop/1, shop/2",
        "you: applied Namespace demo",
        "you: applied 3 Pods demo/0, demo/1, demo/2",
    ]


def test_order_in_time_is_kept() -> None:
    facts = [replace(WROTE, at_ns=i * WINDOW_NS * 2, verb=verb) for i, verb in enumerate(("wrote", "removed", "wrote"))]
    assert [line.at_ns for line in lines(facts)] == sorted(fact.at_ns for fact in facts)
