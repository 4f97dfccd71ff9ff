"""The store: revisions, the log, and what derives from it."""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim import store as module
from spo.sim.store import Change, Compacted, Store, StoreKey


def key(name: str, namespace: str = "default", resource: str = "configmaps") -> StoreKey:
    return StoreKey(resource, namespace, name)


def obj(name: str, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **fields}


def names(store: Store, resource: str = "configmaps", namespace: str = "") -> list[str]:
    return [record.key.name for record in store.scan(resource, namespace)]


def test_each_write_is_one_revision_and_says_so_in_the_object() -> None:
    store = Store()
    first = store.put(key("a"), obj("a"))
    second = store.put(key("a"), obj("a", data={"k": "1"}))
    gone = store.delete(key("a"), second.object())

    assert [first.revision, second.revision, gone.revision] == [2, 3, 4]
    assert store.revision == 4
    assert gone.object()["metadata"]["resourceVersion"] == "4"


def test_a_record_stays_true_of_its_revision_whatever_is_written_later() -> None:
    store = Store()
    written = obj("a", data={"k": "old"})
    record = store.put(key("a"), written)
    written["data"]["k"] = "behind its back"
    record.object()["data"]["k"] = "of one's own"
    store.put(key("a"), obj("a", data={"k": "new"}))

    assert record.object()["data"] == {"k": "old"}


def test_a_change_is_in_the_log_before_anybody_hears_of_it_and_all_hear_in_their_order() -> None:
    store = Store()
    heard: list[tuple[str, int]] = []

    def listen(who: str) -> None:
        def on_change(change: Change) -> None:
            assert store.since(store.revision - 1) == [change]
            heard.append((who, change.revision))

        store.subscribe(on_change)

    listen("first")
    listen("second")
    store.put(key("a"), obj("a"))

    assert heard == [("first", 2), ("second", 2)]


def test_a_list_and_the_changes_since_make_the_next_list() -> None:
    store = Store()
    for name in "ab":
        store.put(key(name), obj(name))
    revision, listed = store.revision, names(store)
    store.put(key("c"), obj("c"))
    store.delete(key("a"), obj("a"))

    for change in store.since(revision):
        if change.after is None:
            listed.remove(change.key.name)
        else:
            listed.append(change.key.name)
    assert listed == names(store) == ["b", "c"]


def test_a_list_of_the_past_is_what_a_list_was_then() -> None:
    store = Store()
    then: dict[int, list[tuple[str, Any]]] = {}

    def note() -> None:
        then[store.revision] = [(record.key.name, record.object().get("v")) for record in store.scan("configmaps")]

    for version, name in enumerate("abacb"):
        store.put(key(name), obj(name, v=version))
        store.put(key(name, resource="secrets"), obj(name))
        note()
    store.delete(key("a"), obj("a"))
    note()
    store.put(key("a"), obj("a", v=99))

    found = {
        revision: [(record.key.name, record.object().get("v")) for record in store.as_of(revision, "configmaps")]
        for revision in then
    }
    assert found == then


def test_a_deletion_tells_the_last_state_and_what_stood_before() -> None:
    store = Store()
    before = store.put(key("a"), obj("a", data={"k": "1"}))
    store.delete(key("a"), obj("a", data={"k": "last"}))

    (change,) = store.since(before.revision)
    assert change.before is before
    assert change.after is None
    assert change.deleted is not None
    assert change.deleted.object()["data"] == {"k": "last"}


def test_who_asks_for_more_than_the_log_has_is_given_nothing() -> None:
    store = Store(log_length=3)
    for version in range(5):
        store.put(key("a"), obj("a", v=version))

    assert [change.revision for change in store.since(3)] == [4, 5, 6]
    with pytest.raises(Compacted):
        store.since(2)
    with pytest.raises(Compacted):
        store.as_of(2, "configmaps")


def test_compacted_history_is_gone_and_the_rest_is_without_holes() -> None:
    store = Store()
    for version in range(5):
        store.put(key("a"), obj("a", v=version))
    store.compact(4)

    assert [change.revision for change in store.since(4)] == [5, 6]
    with pytest.raises(Compacted):
        store.since(3)
    store.compact(2)
    assert store.compacted == 4


def test_a_scan_is_in_order_of_namespace_and_name_and_goes_on_beyond_a_key() -> None:
    store = Store()
    for namespace, name in (("b", "1"), ("a", "2"), ("a", "1"), ("c", "0")):
        store.put(key(name, namespace), obj(name))

    assert [record.key[1:] for record in store.scan("configmaps", after=("a", "1"))] == [
        ("a", "2"),
        ("b", "1"),
        ("c", "0"),
    ]
    assert names(store, namespace="a") == ["1", "2"]


def test_what_goes_leaves_no_name_behind() -> None:
    store = Store()
    store.put(key("a", "x"), obj("a"))
    store.put(key("b", "x"), obj("b"))
    store.delete(key("a", "x"), obj("a"))
    assert (store.count("configmaps"), store.has_any("configmaps", "x")) == (1, True)

    store.delete(key("b", "x"), obj("b"))
    assert (store.count("configmaps"), store.has_any("configmaps", "x"), store.resources()) == (0, False, [])


def test_bytes_that_went_cold_take_less_and_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WARM_BYTES", 4096)
    store = Store()
    text = "every pod says much the same, again and again; " * 30
    records = [store.put(key(f"p{number}"), obj(f"p{number}", text=text, number=number)) for number in range(20)]

    cold = records[5]
    assert cold.size < len(text) / 4
    assert cold.object()["text"] == text
    assert [record.object()["number"] for record in records] == list(range(20))
