from __future__ import annotations

import json

import pytest

from spo.sim.api.verbs.listing import COMPACT_EVERY_S
from tests.sim.api.apiserver import CONFIGMAPS, PODS, Bare, names


@pytest.fixture
def bare() -> Bare:
    bare = Bare()
    for name in "ebdac":
        bare.configmap(name, x="1")
    return bare


def test_pages_show_one_moment_whatever_happens_between_them(bare: Bare) -> None:
    first = bare.get(CONFIGMAPS, limit=2)
    bare.configmap("bb")
    bare.ask("DELETE", f"{CONFIGMAPS}/d")
    bare.patch(f"{CONFIGMAPS}/e", {"data": {"late": "yes"}})

    second = bare.get(CONFIGMAPS, limit=2, _continue=first["metadata"]["continue"])
    third = bare.get(CONFIGMAPS, limit=2, _continue=second["metadata"]["continue"])

    assert [names(page) for page in (first, second, third)] == [["a", "b"], ["c", "d"], ["e"]]
    assert "data" not in third["items"][0]
    assert "continue" not in third["metadata"]
    assert first["metadata"]["remainingItemCount"] == 3
    assert len({page["metadata"]["resourceVersion"] for page in (first, second, third)}) == 1


def test_a_page_token_too_old_comes_back_with_one_to_go_on_with(bare: Bare) -> None:
    token = bare.get(CONFIGMAPS, limit=2)["metadata"]["continue"]
    bare.configmap("bb")
    bare.configmap("f")
    bare.store.compact(bare.store.revision)

    refusal = bare.get(CONFIGMAPS, limit=2, _continue=token)
    rest = bare.get(CONFIGMAPS, _continue=refusal["metadata"]["continue"])

    assert (refusal["code"], refusal["reason"]) == (410, "Expired")
    assert names(rest) == ["bb", "c", "d", "e", "f"]


def test_pages_over_all_namespaces_go_on_in_the_right_one(bare: Bare) -> None:
    bare.ask("POST", "/api/v1/namespaces/kube-system/configmaps", {"metadata": {"name": "a"}})

    first = bare.get("/api/v1/configmaps", limit=4)
    second = bare.get("/api/v1/configmaps", limit=4, _continue=first["metadata"]["continue"])

    assert names(first) + names(second) == ["a", "b", "c", "d", "e", "a"]


def test_the_past_can_be_listed_until_it_is_compacted(bare: Bare) -> None:
    then = bare.store.revision
    bare.ask("DELETE", f"{CONFIGMAPS}/a")

    assert names(bare.get(CONFIGMAPS, resourceVersion=then, resourceVersionMatch="Exact")) == ["a", "b", "c", "d", "e"]
    bare.store.compact(bare.store.revision)
    assert bare.ask("GET", CONFIGMAPS, resourceVersion=then - 1, resourceVersionMatch="Exact").status == 410


def test_a_future_revision_is_refused_at_once(bare: Bare) -> None:
    response = bare.ask("GET", CONFIGMAPS, resourceVersion=bare.store.revision + 1)

    assert response.status == 504
    assert ("Retry-After", "1") in response.headers


def test_items_of_built_in_kinds_go_without_their_type(bare: Bare) -> None:
    listed = bare.get(CONFIGMAPS)

    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert all("kind" not in item and "apiVersion" not in item for item in listed["items"])


def test_many_pods_are_found_by_their_node_as_few_are() -> None:
    bare = Bare()
    for index in range(300):
        bare.pod(f"p{index}", node=f"n{index % 100}")

    before = bare.get("/api/v1/pods", fieldSelector="spec.nodeName=n7")
    bare.pod("late", node="n7")
    bare.ask("DELETE", f"{PODS}/p7", {"gracePeriodSeconds": 0})
    after = bare.get("/api/v1/pods", fieldSelector="spec.nodeName=n7")

    assert names(before) == ["p107", "p207", "p7"]
    assert names(after) == ["late", "p107", "p207"]


def test_an_index_follows_a_label_that_changes() -> None:
    bare = Bare()
    for index in range(300):
        bare.configmap(f"c{index}", k=str(index % 100))
    assert names(bare.get(CONFIGMAPS, labelSelector="k=7")) == ["c107", "c207", "c7"]

    bare.patch(f"{CONFIGMAPS}/c7", {"metadata": {"labels": {"k": "8"}}})
    bare.patch(f"{CONFIGMAPS}/c9", {"metadata": {"labels": {"k": "7"}}})

    assert names(bare.get(CONFIGMAPS, labelSelector="k=7")) == ["c107", "c207", "c9"]
    assert "c7" in names(bare.get(CONFIGMAPS, labelSelector="k=8"))


def test_the_stored_bytes_are_what_is_answered(bare: Bare) -> None:
    body = bare.ask("GET", f"{CONFIGMAPS}/a").body

    record = next(bare.store.scan("configmaps", "default"))
    assert body is record.body
    assert json.loads(body)["kind"] == "ConfigMap"


def test_a_page_limit_does_not_keep_an_index_from_use(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = Bare()
    for index in range(300):
        bare.pod(f"p{index}", node=f"n{index % 100}")
    scanned: list[int] = []
    scan = bare.store.scan
    bare.get("/api/v1/pods", fieldSelector="spec.nodeName=n7", limit=500)
    monkeypatch.setattr(bare.store, "scan", lambda *args: scanned.append(1) or scan(*args))

    listed = bare.get("/api/v1/pods", fieldSelector="spec.nodeName=n8", limit=2)

    assert names(listed) == ["p108", "p208"]
    assert scanned == []
    assert names(
        bare.get("/api/v1/pods", fieldSelector="spec.nodeName=n8", _continue=listed["metadata"]["continue"])
    ) == ["p8"]


def test_a_token_lasts_for_five_to_ten_minutes() -> None:
    bare = Bare()
    for name in ("a", "b"):
        bare.configmap(name)
    bare.get(CONFIGMAPS, limit=1)
    bare.wait(COMPACT_EVERY_S - 1)  # the next compaction is near
    token = bare.get(CONFIGMAPS, limit=1)["metadata"]["continue"]
    bare.configmap("later")
    bare.wait(COMPACT_EVERY_S)
    young = bare.ask("GET", CONFIGMAPS, limit=1, _continue=token)
    bare.wait(COMPACT_EVERY_S)
    old = bare.ask("GET", CONFIGMAPS, limit=1, _continue=token)

    assert (young.status, old.status) == (200, 410)
    again = bare.get(CONFIGMAPS, limit=1, _continue=json.loads(old.body)["metadata"]["continue"])
    assert names(again) == ["b"]
