"""Strategic merge patch: by keys, with directives (recorded: 5.3.26)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from spo.sim.api.builtin import TABLE
from spo.sim.api.status import ApiError
from spo.sim.api.verbs.strategic import strategic_merge

POD = TABLE["pods"]


def _pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a", "finalizers": ["x/a", "x/b"]}, "spec": spec}


def _patched(obj: dict[str, Any], **spec: Any) -> Any:
    return strategic_merge(obj, {"spec": spec}, POD)["spec"]


def _containers(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "image": f"{name}:1"} for name in names]


def test_containers_merge_by_name_and_the_patch_goes_first() -> None:
    pod = _pod(containers=_containers("c", "d"))

    spec = _patched(pod, containers=[{"name": "new", "image": "n"}, {"name": "c", "image": "c:2"}])

    assert [(item["name"], item["image"]) for item in spec["containers"]] == [("new", "n"), ("c", "c:2"), ("d", "d:1")]


def test_what_stood_before_an_element_of_the_patch_stays_before_it() -> None:
    pod = _pod(containers=_containers("c", "d", "e"))

    spec = _patched(pod, containers=[{"name": "d", "image": "d:2"}])

    assert [item["name"] for item in spec["containers"]] == ["c", "d", "e"]


def test_a_merge_goes_as_deep_as_the_keys_do() -> None:
    pod = _pod(containers=[{"name": "c", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}])

    spec = _patched(pod, containers=[{"name": "c", "env": [{"name": "C", "value": "3"}, {"name": "A", "value": "9"}]}])

    assert [item["name"] for item in spec["containers"][0]["env"]] == ["C", "A", "B"]


def test_a_list_without_keys_is_replaced() -> None:
    pod = _pod(tolerations=[{"key": "k"}], containers=[{"name": "c", "args": ["x", "y"]}])

    spec = _patched(pod, tolerations=[{"key": "z"}], containers=[{"name": "c", "args": ["z"]}])

    assert (spec["tolerations"], spec["containers"][0]["args"]) == ([{"key": "z"}], ["z"])


@pytest.mark.parametrize(
    ("patch", "names"),
    [
        ([{"name": "d", "$patch": "delete"}], ["c"]),
        ([{"name": "none", "$patch": "delete"}], ["c", "d"]),
        ([{"$patch": "replace"}, {"name": "only"}], ["only"]),
    ],
)
def test_elements_are_deleted_or_the_list_replaced_on_request(patch: list[Any], names: list[str]) -> None:
    spec = _patched(_pod(containers=_containers("c", "d")), containers=patch)

    assert [item["name"] for item in spec["containers"]] == names


def test_an_order_can_be_given_with_and_without_elements() -> None:
    pod = _pod(containers=_containers("c", "d"))
    order = {"$setElementOrder/containers": [{"name": "d"}, {"name": "c"}]}

    alone = _patched(pod, **order)
    together = _patched(pod, **order, containers=[{"name": "d", "image": "d:2"}])

    assert [item["name"] for item in alone["containers"]] == ["d", "c"]
    assert [item["image"] for item in together["containers"]] == ["d:2", "c:1"]


def test_maps_can_be_replaced_emptied_and_thinned() -> None:
    pod = _pod(nodeSelector={"a": "b"}, volumes=[{"name": "v", "emptyDir": {}}], securityContext={"runAsUser": 1})

    spec = _patched(
        pod,
        nodeSelector={"$patch": "replace", "c": "d"},
        volumes=[{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "q"}}],
        securityContext={"$patch": "delete"},
    )

    assert spec == {
        "nodeSelector": {"c": "d"},
        "volumes": [{"name": "v", "configMap": {"name": "q"}}],
        "securityContext": {},
    }


def test_finalizers_are_a_set_and_single_ones_can_be_taken_out() -> None:
    pod = _pod()

    added = strategic_merge(pod, {"metadata": {"finalizers": ["x/c"]}}, POD)
    removed = strategic_merge(pod, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/a"]}}, POD)
    gone = strategic_merge(pod, {"metadata": {"finalizers": None}}, POD)

    assert added["metadata"]["finalizers"] == ["x/c", "x/a", "x/b"]
    assert removed["metadata"]["finalizers"] == ["x/b"]
    assert "finalizers" not in gone["metadata"]


@pytest.mark.parametrize(
    ("patch", "text"),
    [
        ({"$patch": "bogus"}, "unknown patch type: bogus in map: map[$patch:bogus]"),
        (
            {"spec": {"containers": [{"image": "x:1"}]}},
            "map: map[image:x:1] does not contain declared merge key: name",
        ),
    ],
)
def test_what_cannot_be_understood_is_an_error_without_a_reason(patch: Any, text: str) -> None:
    with pytest.raises(ApiError) as refused:
        strategic_merge(_pod(containers=_containers("c")), patch, POD)

    assert (refused.value.code, refused.value.reason, refused.value.message) == (500, "", text)


def test_a_strategic_patch_is_pure() -> None:
    pod = _pod(containers=_containers("c", "d"))
    patch = {"spec": {"containers": [{"name": "c", "env": [{"name": "A"}]}], "nodeSelector": {"a": "b"}}}
    before = copy.deepcopy((pod, patch))

    merged = strategic_merge(pod, patch, POD)
    merged["spec"]["containers"][0]["env"].append("x")
    merged["spec"]["nodeSelector"]["c"] = "d"
    merged["metadata"]["finalizers"].append("x/z")

    assert (pod, patch) == before
