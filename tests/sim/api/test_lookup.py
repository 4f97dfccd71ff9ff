from __future__ import annotations

from spo.sim.api.lookup import WORTH_IT, Dimension, Lookup
from spo.sim.store import Store, StoreKey

TEAM = Dimension("label", "team")


def store_of(count: int) -> tuple[Store, Lookup]:
    store = Store()
    lookup = Lookup(store)
    store.subscribe(lookup.on_change)
    for index in range(count):
        put(store, f"o{index}", team=f"t{index % 10}")
    return store, lookup


def put(store: Store, name: str, **labels: str) -> None:
    store.put(StoreKey("things", "", name), {"metadata": {"name": name, "labels": labels}})


def found(lookup: Lookup, team: str) -> list[str]:
    records = lookup.find("things", TEAM, team)
    assert records is not None
    return [record.key.name for record in records]


def test_few_records_are_not_worth_an_index() -> None:
    _, lookup = store_of(WORTH_IT - 1)

    assert lookup.find("things", TEAM, "t1") is None


def test_an_index_keeps_up_with_what_comes_changes_and_goes() -> None:
    store, lookup = store_of(WORTH_IT)
    assert "o1" in found(lookup, "t1")

    put(store, "new", team="mine")
    put(store, "o1", team="mine")
    put(store, "o2")
    store.delete(StoreKey("things", "", "o11"), {"metadata": {"name": "o11"}})

    assert found(lookup, "mine") == ["new", "o1"]
    assert not {"o1", "o11"} & set(found(lookup, "t1"))
    assert "o2" not in found(lookup, "t2")
