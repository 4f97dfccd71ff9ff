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


class Recorded(Struct, frozen=True):
    """Another thing to keep of a pod."""

    metadata: KeepMeta
    image: str = ""


A = Key("Pod", "default", "a")
BY_NODE = Index(Pod, lambda pod: (pod.node,))


def pod(name: str, version: str = "1", node: str = "node-1") -> Seen:
    return Seen(Key("Pod", "default", name), Pod(KeepMeta(name, "default", resource_version=version), node))


def recorded(name: str, version: str = "1") -> Seen:
    return Seen(Key("Pod", "default", name), Recorded(KeepMeta(name, "default", resource_version=version)))


@pytest.fixture
def cache() -> Cache:
    return Cache([Interest(PODS, Pod, timed=True)], [BY_NODE])


@pytest.fixture
def both() -> Cache:
    """Two interests of one kind: every pod, and those to be recorded."""
    return Cache([Interest(PODS, Pod, timed=True), Interest(PODS, Recorded, labels="record=true")], [BY_NODE])


def told(cache: Cache, *events: Event) -> list[tuple[str, bool, bool]]:
    changes = [change for event in events for change in cache.apply(event)]
    return [(change.key.name, change.before is not None, change.after is not None) for change in changes]


def test_an_object_is_known_from_its_first_event_to_its_last(cache: Cache) -> None:
    assert told(cache, pod("a")) == [("a", False, True)]
    assert cache.one(Pod, "default", "a") is not None

    assert told(cache, Vanished(A, Pod)) == [("a", True, False)]
    assert cache.one(Pod, "default", "a") is None


def test_the_same_version_again_is_no_change(cache: Cache) -> None:
    told(cache, pod("a", "1"))

    assert told(cache, pod("a", "1")) == []
    assert told(cache, pod("a", "2")) == [("a", True, True)]


def test_a_full_list_forgets_what_is_not_on_it(cache: Cache) -> None:
    told(cache, pod("a"), pod("b"))

    assert told(cache, Listed(Pod, frozenset({("default", "b")}))) == [("a", True, False)]
    assert [each.metadata.name for each in cache.all(Pod)] == ["b"]


def test_a_kind_is_not_known_before_its_first_list(cache: Cache) -> None:
    told(cache, pod("a"))
    assert not cache.knows([Pod])

    told(cache, Listed(Pod, frozenset({("default", "a")})))
    assert cache.knows([Pod])


def test_an_index_follows_the_object(cache: Cache) -> None:
    told(cache, pod("a", "1", "node-1"), pod("b", "2", "node-1"))
    told(cache, pod("a", "3", "node-2"))

    assert [each.metadata.name for each in cache.among(BY_NODE, "node-1")] == ["b"]
    assert [each.metadata.name for each in cache.among(BY_NODE, "node-2")] == ["a"]

    told(cache, Vanished(A, Pod))
    assert cache.among(BY_NODE, "node-2") == []


def test_files_are_known_by_their_hash(cache: Cache) -> None:
    assert told(cache, FileSeen("default/a.json", "abc")) == [("default/a.json", False, True)]
    assert told(cache, FileSeen("default/a.json", "abc")) == []
    assert cache.file("default/a.json") == "abc"

    assert told(cache, FileSeen("default/a.json", None)) == [("default/a.json", True, False)]
    assert cache.file("default/a.json") is None


def test_a_version_keeps_the_time_it_was_first_seen_at(cache: Cache) -> None:
    cache.now = 10.0
    told(cache, pod("a", "1"))
    cache.now = 20.0
    told(cache, pod("a", "1"))
    assert cache.seen_at(Pod, "default", "a") == 10.0

    told(cache, pod("a", "2"))
    assert cache.seen_at(Pod, "default", "a") == 20.0


def test_what_is_known_of_a_kind_stays_while_its_news_does_not_come(cache: Cache) -> None:
    told(cache, pod("a"), Listed(Pod, frozenset({("default", "a")})))

    assert told(cache, Deaf(Pod)) == []
    assert not cache.hears(Pod)
    assert cache.knows([Pod])

    told(cache, Listed(Pod))
    assert cache.hears(Pod)
    assert [each.metadata.name for each in cache.all(Pod)] == ["a"]


def test_an_event_is_taken_in_whether_or_not_anybody_asks_what_it_changed(cache: Cache) -> None:
    cache.apply(pod("a"))
    cache.apply(FileSeen("default/a.json", "abc"))
    cache.apply(Listed(Pod))
    cache.apply(Deaf(Pod))
    assert (cache.count(Pod), cache.file("default/a.json")) == (1, "abc")
    assert (cache.knows([Pod]), cache.hears(Pod)) == (True, False)

    cache.apply(Vanished(A, Pod))
    assert cache.count(Pod) == 0


def test_a_change_is_told_when_all_of_its_event_is_known(cache: Cache) -> None:
    told(cache, pod("a"), pod("b"))

    for _ in cache.apply(Listed(Pod, frozenset())):
        assert cache.all(Pod) == []


# -- several interests of one kind -----------------------------------------------------------------------------------


def test_of_one_kind_two_things_can_be_kept(both: Cache) -> None:
    assert told(both, pod("a"), recorded("a")) == [("a", False, True), ("a", False, True)]
    assert isinstance(both.one(Pod, "default", "a"), Pod)
    assert isinstance(both.one(Recorded, "default", "a"), Recorded)

    assert told(both, Vanished(A, Recorded)) == [("a", True, False)]  # its label was taken away
    assert both.one(Recorded, "default", "a") is None
    assert [each.metadata.name for each in both.among(BY_NODE, "node-1")] == ["a"]


def test_a_list_of_one_interest_forgets_nothing_of_the_other(both: Cache) -> None:
    told(both, pod("a"), pod("b"), recorded("a"))

    assert told(both, Listed(Recorded, frozenset())) == [("a", True, False)]
    assert (both.count(Pod), both.count(Recorded)) == (2, 0)
    assert both.knows([Recorded])
    assert not both.knows([Pod, Recorded])


def test_being_deaf_of_one_interest_is_not_being_deaf_of_the_other(both: Cache) -> None:
    told(both, Deaf(Recorded))
    assert (both.hears(Pod), both.hears(Recorded)) == (True, False)

    told(both, Listed(Pod))
    assert not both.hears(Recorded)


def test_each_interest_has_its_own_time_of_a_version(both: Cache) -> None:
    both.now = 10.0
    told(both, pod("a", "1"))
    both.now = 20.0
    told(both, recorded("a", "1"))

    assert both.seen_at(Pod, "default", "a") == 10.0


def test_two_interests_that_keep_the_same_are_refused() -> None:
    with pytest.raises(ValueError, match="two interests, in Pod and Pod, keep Pod: each needs its own type"):
        Cache([Interest(PODS, Pod), Interest(PODS, Pod, labels="record=true")])
