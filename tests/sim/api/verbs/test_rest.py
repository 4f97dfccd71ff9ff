"""The steps of a write: their order, and what is left behind when one refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sim.api.apiserver import CONFIGMAPS, Bare

A = f"{CONFIGMAPS}/a"
NOWHERE = "/api/v1/namespaces/nowhere/configmaps"
BAD = "not a name!"
STALE, OTHER_UID = "1", "00000000-0000-4000-8000-000000000000"


def config_map(name: str = "a", data: Any = None, **meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **meta},
        "data": {} if data is None else data,
    }


@pytest.fixture
def bare() -> Bare:
    """With a ConfigMap `a`."""
    made = Bare()
    made.configmap("a")
    return made


# Each breaks two steps, the earlier one first.
TWO_FAULTS: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "the body before its namespace": ("POST", NOWHERE, config_map(data="text"), 400, "cannot unmarshal"),
    "the namespace before the version": ("POST", NOWHERE, config_map(resourceVersion="5"), 404, '"nowhere" not found'),
    "the version before validation": ("POST", CONFIGMAPS, config_map(BAD, resourceVersion="5"), 500, "resourceVersion"),
    "validation before the name is taken": ("POST", CONFIGMAPS, config_map(data={BAD: "1"}), 422, "data["),
    "the name of the URL before the uid": ("PUT", A, config_map("b", uid=OTHER_UID), 400, "on the URL"),
    "the uid before the version": ("PUT", A, config_map(uid=OTHER_UID, resourceVersion=STALE), 409, "UID in"),
    "the version before validation of a change": (
        *("PUT", A, config_map(data={BAD: "1"}, resourceVersion=STALE), 409),
        "the object has been modified",
    ),
}


@pytest.mark.parametrize("case", TWO_FAULTS)
def test_of_two_faults_the_earlier_steps_is_told_and_nothing_is_stored(bare: Bare, case: str) -> None:
    method, path, body, code, text = TWO_FAULTS[case]
    before = bare.store.revision
    answer = bare.ask(method, path, body)

    assert answer.status == code
    assert text in json.loads(answer.body)["message"]
    assert bare.store.revision == before


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", CONFIGMAPS, config_map("b"), 201),
        ("POST", CONFIGMAPS, config_map("a"), 409),
        ("PUT", A, config_map(data={"k": "1"}), 200),
        ("PUT", A, config_map(resourceVersion=STALE), 409),
    ],
)
def test_a_dry_run_takes_every_step_but_the_storing(
    bare: Bare, method: str, path: str, body: dict[str, Any], code: int
) -> None:
    before = bare.store.revision

    assert bare.ask(method, path, body, dryRun="All").status == code
    assert bare.store.revision == before


def test_a_write_that_changes_nothing_makes_no_revision(bare: Bare) -> None:
    before, standing = bare.store.revision, bare.get(A)
    answers = [bare.ask("PUT", A, standing), bare.patch(A, {"metadata": {"labels": None}})]

    assert [answer.status for answer in answers] == [200, 200]
    assert json.loads(answers[0].body) == standing
    assert bare.store.revision == before


def test_a_patch_conflicts_only_if_it_names_a_version(bare: Bare) -> None:
    stale = bare.get(A)["metadata"]["resourceVersion"]
    bare.patch(A, {"data": {"k": "1"}})

    assert bare.patch(A, {"data": {"k": "2"}}).status == 200
    assert bare.patch(A, {"metadata": {"resourceVersion": stale}, "data": {"k": "3"}}).status == 409
    assert bare.get(A)["data"] == {"k": "2"}


def test_an_object_goes_with_its_last_finalizer_and_not_before(bare: Bare) -> None:
    bare.patch(A, {"metadata": {"finalizers": ["example.com/one", "example.com/two"]}})
    bare.ask("DELETE", A)
    bare.patch(A, {"metadata": {"finalizers": ["example.com/two"]}})
    assert bare.get(A)["metadata"]["finalizers"] == ["example.com/two"]

    bare.patch(A, {"metadata": {"finalizers": None}})
    assert bare.ask("GET", A).status == 404
