from __future__ import annotations

import gc
import json

import pytest

from spo.sim.api.verbs import watching
from tests.sim.api.apiserver import CONFIGMAPS, PODS, Bare, told


@pytest.fixture
def bare() -> Bare:
    return Bare()


def test_a_watch_tells_what_stands_and_then_what_happens(bare: Bare) -> None:
    bare.configmap("b")
    bare.configmap("a")
    stream = bare.watch(CONFIGMAPS)

    bare.patch(f"{CONFIGMAPS}/a", {"data": {"k": "v"}})
    bare.ask("DELETE", f"{CONFIGMAPS}/b")

    assert told(stream) == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]


def test_a_watch_from_a_revision_tells_all_that_came_after_it(bare: Bare) -> None:
    bare.configmap("a")
    since = bare.store.revision
    bare.configmap("b")

    stream = bare.watch(CONFIGMAPS, resourceVersion=since)
    bare.configmap("c")

    assert told(stream) == [("ADDED", "b"), ("ADDED", "c")]


def test_a_watch_from_before_the_log_ends_with_an_error(bare: Bare) -> None:
    bare.configmap("a")
    bare.store.compact(bare.store.revision)

    stream = bare.watch(CONFIGMAPS, resourceVersion=1)

    event = json.loads(stream.lines.popleft())
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert stream.closed


def test_what_leaves_a_selection_is_told_as_deleted_with_its_old_content_and_the_new_revision(bare: Bare) -> None:
    bare.configmap("a", k="in")
    stream = bare.watch(CONFIGMAPS, labelSelector="k=in", resourceVersion=bare.store.revision)

    bare.patch(f"{CONFIGMAPS}/a", {"metadata": {"labels": {"k": "out"}}})
    left = json.loads(stream.lines.popleft())
    bare.patch(f"{CONFIGMAPS}/a", {"metadata": {"labels": {"k": "in"}}})
    back = json.loads(stream.lines.popleft())

    assert (left["type"], left["object"]["metadata"]["labels"]) == ("DELETED", {"k": "in"})
    assert left["object"]["metadata"]["resourceVersion"] == str(bare.store.revision - 1)
    assert (back["type"], back["object"]["metadata"]["labels"]) == ("ADDED", {"k": "in"})


def test_watchers_share_the_bytes_of_an_event(bare: Bare) -> None:
    streams = [bare.watch(CONFIGMAPS) for _ in range(3)]

    bare.configmap("a")

    lines = [stream.lines[0] for stream in streams]
    assert lines[0] is lines[1] is lines[2]


def test_an_event_visits_only_those_it_could_concern(bare: Bare, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(50):
        bare.watch("/api/v1/pods", fieldSelector=f"spec.nodeName=n{index}")
        bare.watch("/api/v1/pods", labelSelector=f"team=t{index}")
        bare.watch(PODS, fieldSelector=f"metadata.name=p{index}")
        bare.watch(f"/api/v1/namespaces/other{index}/pods")
    everything = bare.watch("/api/v1/pods")
    visits: list[int] = []
    line_for = watching.Lines.line_for
    monkeypatch.setattr(
        watching.Lines, "line_for", lambda lines, selected: visits.append(1) or line_for(lines, selected)
    )

    bare.pod("p3", node="n7")

    assert len(visits) == 3  # by node, by name, and who wants everything
    assert told(everything) == [("ADDED", "p3")]


def test_a_pod_that_is_bound_comes_to_the_watcher_of_its_node(bare: Bare) -> None:
    mine = bare.watch("/api/v1/pods", fieldSelector="spec.nodeName=n1")
    homeless = bare.watch("/api/v1/pods", fieldSelector="spec.nodeName=")
    bare.pod("p")

    bare.ask("POST", f"{PODS}/p/binding", {"target": {"name": "n1"}})

    assert told(mine) == [("ADDED", "p")]
    assert told(homeless) == [("ADDED", "p"), ("DELETED", "p")]


def test_a_closed_watch_is_forgotten_with_its_alarms(bare: Bare) -> None:
    streams = [bare.watch(CONFIGMAPS, timeoutSeconds=10, allowWatchBookmarks="true") for _ in range(3)]
    assert bare.server.hub.watchers("configmaps") == 3

    for stream in streams:
        stream.close()
    bare.configmap("a")

    assert bare.server.hub.watchers("configmaps") == 0
    assert told(streams[0]) == [("BOOKMARK", "")]  # of the beginning


def test_nothing_is_due_for_a_watch_that_was_closed(bare: Bare) -> None:
    stream = bare.watch(CONFIGMAPS, timeoutSeconds=10)

    stream.close()

    assert bare.timeline.next_ns() is None


def test_a_watch_ends_when_its_time_is_over(bare: Bare) -> None:
    stream = bare.watch(CONFIGMAPS, timeoutSeconds=5)

    bare.wait(4.9)
    assert not stream.closed
    bare.wait(0.2)
    assert stream.closed


def test_a_bookmark_comes_each_minute_if_the_client_does_not_know_the_revision(bare: Bare) -> None:
    stream = bare.watch(CONFIGMAPS, allowWatchBookmarks="true", resourceVersion=bare.store.revision)
    bare.wait(200)
    assert not stream.lines

    bare.pod("elsewhere")
    bare.wait(60)

    event = json.loads(stream.lines.popleft())
    assert (event["type"], event["object"]["metadata"]) == ("BOOKMARK", {"resourceVersion": str(bare.store.revision)})
    bare.wait(200)
    assert not stream.lines


def test_open_watches_do_not_keep_a_world_from_resting(bare: Bare) -> None:
    bare.watch(CONFIGMAPS, allowWatchBookmarks="true")
    bare.watch(CONFIGMAPS, timeoutSeconds=100)

    assert not bare.timeline.busy


def test_initial_events_end_with_a_marked_bookmark(bare: Bare) -> None:
    bare.configmap("a")

    stream = bare.watch(
        CONFIGMAPS, sendInitialEvents="true", resourceVersionMatch="NotOlderThan", allowWatchBookmarks="true"
    )

    event = json.loads(stream.lines[-1])
    assert event["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert told(stream)[0] == ("ADDED", "a")


def test_who_writes_when_told_does_not_get_ahead_of_the_others(bare: Bare) -> None:
    eager = bare.watch(CONFIGMAPS)
    eager.listen(lambda: bare.configmap("echo") if len(eager.lines) == 1 else None)
    patient = bare.watch(CONFIGMAPS)

    bare.configmap("call")

    assert told(patient) == [("ADDED", "call"), ("ADDED", "echo")]
    assert told(eager) == [("ADDED", "call"), ("ADDED", "echo")]


def test_a_watch_opened_in_between_hears_nothing_twice(bare: Bare) -> None:
    late = []
    eager = bare.watch(CONFIGMAPS)

    def react() -> None:
        if len(eager.lines) == 1:
            bare.configmap("echo")
            late.append(bare.watch(CONFIGMAPS))

    eager.listen(react)
    bare.configmap("call")

    assert told(late[0]) == [("ADDED", "call"), ("ADDED", "echo")]


def test_a_watch_from_the_future_is_silent_until_then(bare: Bare) -> None:
    stream = bare.watch(CONFIGMAPS, resourceVersion=bare.store.revision + 2)

    for name in "abc":
        bare.configmap(name)

    assert told(stream) == [("ADDED", "c")]


def test_all_who_get_a_bookmark_of_one_kind_at_once_get_the_same_line(bare: Bare) -> None:
    now = bare.store.revision
    first, second = (bare.watch(CONFIGMAPS, allowWatchBookmarks="true", resourceVersion=now) for _ in range(2))
    pods = bare.watch(PODS, allowWatchBookmarks="true", resourceVersion=now)
    bare.ask("POST", "/api/v1/namespaces/default/secrets", {"metadata": {"name": "s"}})

    bare.wait(60)

    assert first.lines[0] is second.lines[0]
    assert json.loads(pods.lines[0])["object"]["kind"] == "Pod"


def test_a_closed_watch_is_forgotten_without_a_search_for_garbage(bare: Bare) -> None:
    stream = bare.watch(CONFIGMAPS, timeoutSeconds=10)
    gc.collect()
    standing = watchers_in_memory()
    gc.disable()
    try:
        bare.wait(11)
        assert stream.closed
        assert watchers_in_memory() == standing - 1
    finally:
        gc.enable()


def watchers_in_memory() -> int:
    return sum(isinstance(each, watching.Watcher) for each in gc.get_objects())
