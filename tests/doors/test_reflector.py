import json
from typing import Any

import pytest

from spo.doors.reflector import Expired, Reflector
from spo.events import Deaf, Key, Listed, Seen, Vanished
from spo.interest import Interest
from spo.model.builtin import NodeKeep, PodUse
from spo.model.resource import NODES, PODS


def node(name: str, version: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": version}, **more}


def page(items: list[dict[str, Any]], version: str = "9", more: str = "") -> bytes:
    return json.dumps({"metadata": {"resourceVersion": version, "continue": more}, "items": items}).encode()


def line(type_: str, obj: dict[str, Any]) -> bytes:
    return json.dumps({"type": type_, "object": obj}).encode() + b"\n"


def names(events: Any) -> list[str]:
    return [event.key.name for event in events if isinstance(event, Seen)]


def listed() -> Reflector:
    reflector = Reflector(Interest(NODES, NodeKeep))
    list(reflector.page(page([node("a", "5")])))
    return reflector


def test_a_list_is_asked_for_in_pages_until_the_last() -> None:
    reflector = Reflector(Interest(NODES, NodeKeep, labels="tier=front"))
    assert dict(reflector.call().query) == {"labelSelector": "tier=front", "limit": "500"}

    first = list(reflector.page(page([node("a", "5")], more="next")))
    assert names(first) == ["a"]
    assert not any(isinstance(event, Listed) for event in first)
    assert dict(reflector.call().query)["continue"] == "next"

    last = list(reflector.page(page([node("b", "6")])))
    assert last[-1] == Listed(NodeKeep, frozenset({("", "a"), ("", "b")}))


def test_the_watch_starts_where_the_list_ends_and_goes_on_where_it_was_cut() -> None:
    reflector = listed()
    assert dict(reflector.call().query)["resourceVersion"] == "9"

    assert reflector.line(line("MODIFIED", node("a", "12"))) == Seen(Key("Node", "", "a"), reflector_value("a", "12"))
    assert dict(reflector.call().query)["resourceVersion"] == "12"


def reflector_value(name: str, version: str) -> NodeKeep:
    from spo.model.builtin import KeepMeta

    return NodeKeep(KeepMeta(name, resource_version=version))


def test_a_bookmark_moves_the_place_and_is_no_event() -> None:
    reflector = listed()

    assert reflector.line(line("BOOKMARK", {"metadata": {"resourceVersion": "40"}})) is None
    assert dict(reflector.call().query)["resourceVersion"] == "40"


def test_a_deleted_object_vanishes() -> None:
    assert listed().line(line("DELETED", node("a", "11"))) == Vanished(Key("Node", "", "a"), NodeKeep)


def test_after_410_in_the_stream_the_next_call_is_a_full_list() -> None:
    reflector = listed()
    with pytest.raises(Expired, match="too old"):
        reflector.line(line("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"}))

    assert not reflector.watching
    assert "resourceVersion" not in dict(reflector.call().query)


def test_after_410_on_a_page_names_of_the_half_read_list_are_forgotten() -> None:
    reflector = Reflector(Interest(NODES, NodeKeep))
    list(reflector.page(page([node("a", "5")], more="next")))
    reflector.expire()

    assert list(reflector.page(page([node("b", "6")])))[-1] == Listed(NodeKeep, frozenset({("", "b")}))


def test_lost_news_is_told_once_and_ends_with_an_open_watch() -> None:
    reflector = Reflector(Interest(NODES, NodeKeep))
    list(reflector.page(page([node("a", "5")])))

    assert list(reflector.found()) == []
    assert [*reflector.lost(), *reflector.lost()] == [Deaf(NodeKeep)]
    assert [*reflector.found(), *reflector.found()] == [Listed(NodeKeep)]


def test_a_full_list_ends_what_was_lost() -> None:
    reflector = Reflector(Interest(NODES, NodeKeep))
    list(reflector.lost())

    assert list(reflector.page(page([])))[-1] == Listed(NodeKeep, frozenset())
    assert list(reflector.found()) == []


def test_only_what_is_kept_is_decoded_and_nulls_count_as_absent() -> None:
    reflector = Reflector(Interest(PODS, PodUse))
    pod = node("a", "5", spec={"nodeName": "n", "containers": None, "volumes": [1, 2]}, status=None)

    (seen, _) = reflector.page(page([pod]))
    assert isinstance(seen, Seen)
    assert seen.value.spec.node_name == "n"
    assert seen.value.localhost_profiles == ()
