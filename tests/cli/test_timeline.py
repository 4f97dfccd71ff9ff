"""What many did at about the same time is one line; what differs is not hidden."""

from __future__ import annotations

from msgspec.structs import replace

from spo.cli.timeline import WINDOW_NS, Fact, lines

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


def test_few_objects_stay_apart() -> None:
    facts = [replace(WROTE, subject=f"operator/shop/{name}.json") for name in ("a", "b", "c")]
    assert len(said(*facts)) == 3


def test_many_objects_share_a_line_at_the_place_of_the_first() -> None:
    pods = [replace(STARTED, subject=f"shop/cart-84d-{i}", node=f"node-{i % 2}") for i in range(6)]
    assert said(pods[0], WROTE, *pods[1:]) == [
        "kubelet on 2 nodes: started 6 pods shop/cart-84d-…",
        "daemon node-1: wrote file operator/shop/cart.json",
    ]


def test_many_objects_without_a_common_name_are_named_by_example() -> None:
    pods = [replace(STARTED, subject=f"shop/{name}") for name in ("cart", "pay", "search", "late", "log")]
    assert said(*pods) == ["kubelet node-1: started 5 pods: shop/cart, shop/pay, shop/search and 2 more"]


def test_different_reasons_are_never_folded() -> None:
    one = replace(STARTED, verb="cannot start", why="no such file", tone="bad")
    assert len(said(one, replace(one, why="unexpected end of JSON input", node="node-2"))) == 2


def test_a_later_burst_does_not_swallow_an_earlier_single_line() -> None:
    burst = [replace(STARTED, at_ns=2 * WINDOW_NS, subject=f"shop/pay-{i}") for i in range(4)]
    assert said(STARTED, *burst) == [
        "kubelet node-1: started pod shop/cart-84d-1",
        "kubelet node-1: started 4 pods shop/pay-…",
    ]


def test_order_in_time_is_kept() -> None:
    facts = [replace(WROTE, at_ns=i * WINDOW_NS * 2, verb=verb) for i, verb in enumerate(("wrote", "removed", "wrote"))]
    assert [line.at_ns for line in lines(facts)] == sorted(fact.at_ns for fact in facts)
