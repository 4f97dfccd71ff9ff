import pytest
from msgspec import Struct, field

from spo.cache import Cache, Index
from spo.events import Deaf, Event, FileSeen, Key, Listed, Seen, Vanished
from spo.interest import Interest
from spo.model.builtin import KeepMeta
from spo.model.resource import PODS


class Pod(Struct, frozen=True):
    metadata: KeepMeta
    node: str = field(default="")


BY_NODE = Index(Pod, lambda pod: (pod.node,))


def pod(name: str, version: str = "1", node: str = "node-1") -> Seen:
    return Seen(Key("Pod", "default", name), Pod(KeepMeta(name, "default", resource_version=version), node))


@pytest.fixture
def cache() -> Cache:
    return Cache([Interest(PODS, Pod, timed=True)], [BY_NODE])


def told(cache: Cache, *events: Event) -> list[tuple[str, bool, bool]]:
    changes = [change for event in events for change in cache.apply(event)]
    return [(change.key.name, change.before is not None, change.after is not None) for change in changes]


def test_an_object_is_known_from_its_first_event_to_its_last(cache: Cache) -> None:
    assert told(cache, pod("a")) == [("a", False, True)]
    assert cache.one(Pod, "default", "a") is not None

    assert told(cache, Vanished(Key("Pod", "default", "a"))) == [("a", True, False)]
    assert cache.one(Pod, "default", "a") is None


def test_the_same_version_again_is_no_change(cache: Cache) -> None:
    told(cache, pod("a", "1"))

    assert told(cache, pod("a", "1")) == []
    assert told(cache, pod("a", "2")) == [("a", True, True)]


def test_a_full_list_forgets_what_is_not_on_it(cache: Cache) -> None:
    told(cache, pod("a"), pod("b"))

    assert told(cache, Listed("Pod", frozenset({("default", "b")}))) == [("a", True, False)]
    assert [each.metadata.name for each in cache.all(Pod)] == ["b"]


def test_a_kind_is_not_known_before_its_first_list(cache: Cache) -> None:
    told(cache, pod("a"))
    assert not cache.knows(["Pod"])

    told(cache, Listed("Pod", frozenset({("default", "a")})))
    assert cache.knows(["Pod"])


def test_an_index_follows_the_object(cache: Cache) -> None:
    told(cache, pod("a", "1", "node-1"), pod("b", "2", "node-1"))
    told(cache, pod("a", "3", "node-2"))

    assert [each.metadata.name for each in cache.among(BY_NODE, "node-1")] == ["b"]
    assert [each.metadata.name for each in cache.among(BY_NODE, "node-2")] == ["a"]

    told(cache, Vanished(Key("Pod", "default", "a")))
    assert cache.among(BY_NODE, "node-2") == []


def test_files_are_known_by_their_hash(cache: Cache) -> None:
    assert told(cache, FileSeen("default/a.json", "abc")) == [("default/a.json", False, True)]
    assert told(cache, FileSeen("default/a.json", "abc")) == []
    assert cache.file("default/a.json") == "abc"

    assert told(cache, FileSeen("default/a.json", None)) == [("default/a.json", True, False)]
    assert cache.file("default/a.json") is None


def test_a_version_keeps_the_time_it_was_first_seen_at(cache: Cache) -> None:
    key = Key("Pod", "default", "a")
    cache.now = 10.0
    told(cache, pod("a", "1"))
    cache.now = 20.0
    told(cache, pod("a", "1"))
    assert cache.seen_at(key) == 10.0

    told(cache, pod("a", "2"))
    assert cache.seen_at(key) == 20.0


def test_what_is_known_of_a_kind_stays_while_its_news_does_not_come(cache: Cache) -> None:
    told(cache, pod("a"), Listed("Pod", frozenset({("default", "a")})))

    assert told(cache, Deaf("Pod")) == []
    assert not cache.hears("Pod")
    assert cache.knows(["Pod"])

    told(cache, Listed("Pod"))
    assert cache.hears("Pod")
    assert [each.metadata.name for each in cache.all(Pod)] == ["a"]
