"""`kubectl logs`: which container, since when, and how much of it."""

from __future__ import annotations

import pytest

from spo.sim.api.ages import seconds_of
from tests.sim.api.apiserver import PODS, Bare

START = seconds_of("2026-01-01T00:00:00Z")


@pytest.fixture
def bare() -> Bare:
    bare = Bare()
    bare.pod("p", node="node-1")
    status = {"containerStatuses": [{"name": "c", "state": {"running": {}}}]}
    bare.patch(f"{PODS}/p/status", {"status": status})
    lines = [(START, "one"), (START + 60, "two"), (START + 61.5, "three")]
    bare.server.logs.output = lambda namespace, pod, container: lines
    bare.wait(120)
    return bare


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, "one\ntwo\nthree\n"),
        ({"tailLines": 1}, "three\n"),
        ({"tailLines": 0}, ""),
        ({"sinceTime": "2026-01-01T00:01:00Z"}, "two\nthree\n"),
        ({"limitBytes": 5}, "one\nt"),
        ({"tailLines": 1, "timestamps": "true"}, "2026-01-01T00:01:01.500000000Z three\n"),
    ],
)
def test_a_log_is_cut_as_asked(bare: Bare, query: dict[str, object], text: str) -> None:
    response = bare.ask("GET", f"{PODS}/p/log", **query)

    assert (response.status, response.body.decode()) == (200, text)


def test_a_container_must_be_one_of_the_pod(bare: Bare) -> None:
    refusal = bare.get(f"{PODS}/p/log", container="none")

    assert (refusal["code"], refusal["message"]) == (400, "container none is not valid for pod p")


def test_there_is_no_log_of_what_has_not_started(bare: Bare) -> None:
    bare.pod("q", node="node-1")

    refusal = bare.get(f"{PODS}/q/log")

    assert refusal["message"] == 'container "c" in pod "q" is waiting to start: ContainerCreating'


def test_there_is_no_earlier_log_of_what_never_restarted(bare: Bare) -> None:
    refusal = bare.get(f"{PODS}/p/log", previous="true")

    assert refusal["message"] == 'previous terminated container "c" in pod "p" not found'
