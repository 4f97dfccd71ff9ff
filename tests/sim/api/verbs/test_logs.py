"""`kubectl logs`: which run of which container, since when, how much of it, and what is still to come."""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim.api.http import Stream
from spo.sim.api.tables.ages import seconds_of
from spo.sim.container_logs import BYTES_MAX, ContainerLogs, Log
from spo.sim.store import StoreKey
from tests.sim.api.apiserver import PODS, Bare

START = seconds_of("2026-01-01T00:00:00Z")
POD = StoreKey("pods", "default", "p")
RUNNING = {"state": {"running": {}}, "containerID": "first"}
RESTARTED = {
    "state": {"running": {}},
    "containerID": "second",
    "lastState": {"terminated": {"exitCode": 1, "containerID": "first"}},
}
ENDED = {"state": {"terminated": {"exitCode": 0, "containerID": "first"}}, "containerID": "first"}


@pytest.fixture
def bare() -> Bare:
    bare = Bare()
    bare.pod("p", node="node-1")
    is_now(bare, RUNNING)
    for at, text in ((0, "one"), (60, "two"), (61.5, "three")):
        wrote(bare, text, at)
    bare.wait(120)
    return bare


def is_now(bare: Bare, status: dict[str, Any]) -> None:
    bare.patch(f"{PODS}/p/status", {"status": {"containerStatuses": [{"name": "c", **status}]}})


def wrote(bare: Bare, text: str, at: float = 120, run: str = "first") -> None:
    bare.server.logs.book.log(POD, "c", run).write(START + at, text)


def followed(bare: Bare, **query: Any) -> Stream:
    stream = bare.ask("GET", f"{PODS}/p/log", follow="true", **query).stream
    assert stream is not None
    return stream


def read(stream: Stream) -> str:
    text = b"".join(stream.lines).decode()
    stream.lines.clear()
    return text


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, "one\ntwo\nthree\n"),
        ({"tailLines": 1}, "three\n"),
        ({"tailLines": 0}, ""),
        ({"tailLines": 9}, "one\ntwo\nthree\n"),
        ({"sinceTime": "2026-01-01T00:01:00Z"}, "two\nthree\n"),
        ({"sinceSeconds": 59}, "three\n"),
        ({"limitBytes": 5}, "one\nt"),
        ({"tailLines": 1, "timestamps": "true"}, "2026-01-01T00:01:01.500000000Z three\n"),
    ],
)
def test_a_log_is_cut_as_asked(bare: Bare, query: dict[str, object], text: str) -> None:
    response = bare.ask("GET", f"{PODS}/p/log", **query)

    assert (response.status, response.body.decode()) == (200, text)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"tailLines": -1}, "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ({"limitBytes": 0}, "limitBytes: Invalid value: 0: must be greater than 0"),
        ({"sinceSeconds": 0}, "sinceSeconds: Invalid value: 0: must be greater than 0"),
        (
            {"sinceSeconds": 5, "sinceTime": "2026-01-01T00:00:00Z"},
            "[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(bare: Bare, query: dict[str, object], why: str) -> None:
    refusal = bare.get(f"{PODS}/p/log", **query)

    assert (refusal["code"], refusal["message"]) == (422, f'PodLogOptions "p" is invalid: {why}')


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"tailLines": "x"}, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ({"sinceTime": "x"}, 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'),
    ],
)
def test_what_cannot_be_read_is_said_in_gos_words(bare: Bare, query: dict[str, object], why: str) -> None:
    refusal = bare.get(f"{PODS}/p/log", **query)

    assert (refusal["code"], refusal["message"]) == (400, why)


def test_a_container_must_be_one_of_the_pod(bare: Bare) -> None:
    refusal = bare.get(f"{PODS}/p/log", container="none")

    assert (refusal["code"], refusal["message"]) == (400, "container none is not valid for pod p")


def test_there_is_no_log_of_what_has_not_started(bare: Bare) -> None:
    bare.pod("q", node="node-1")

    refusal = bare.get(f"{PODS}/q/log")

    assert refusal["message"] == 'container "c" in pod "q" is waiting to start: ContainerCreating'


def test_a_pod_without_a_node_has_nothing_to_say(bare: Bare) -> None:
    bare.pod("q")

    response = bare.ask("GET", f"{PODS}/q/log")

    assert (response.status, response.body) == (204, b"")


def test_there_is_no_earlier_log_of_what_never_restarted(bare: Bare) -> None:
    refusal = bare.get(f"{PODS}/p/log", previous="true")

    assert refusal["message"] == 'previous terminated container "c" in pod "p" not found'


def test_after_a_restart_each_run_has_its_own_log(bare: Bare) -> None:
    is_now(bare, RESTARTED)
    wrote(bare, "again", run="second")

    assert bare.ask("GET", f"{PODS}/p/log").body == b"again\n"
    assert bare.ask("GET", f"{PODS}/p/log", previous="true").body == b"one\ntwo\nthree\n"


def test_who_crashed_and_waits_shows_what_it_said_last(bare: Bare) -> None:
    is_now(bare, {**RESTARTED, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "containerID": "first"})

    assert bare.ask("GET", f"{PODS}/p/log").body == b"one\ntwo\nthree\n"


def test_a_followed_log_goes_on_until_the_container_ends(bare: Bare) -> None:
    stream = followed(bare, tailLines=1, timestamps="true")
    assert read(stream) == "2026-01-01T00:01:01.500000000Z three\n"

    wrote(bare, "four")
    assert (read(stream), stream.closed) == ("2026-01-01T00:02:00.000000000Z four\n", False)

    is_now(bare, ENDED)
    assert stream.closed


def test_a_followed_log_ends_with_its_run_its_pod_or_its_bytes(bare: Bare) -> None:
    restarted, cut = followed(bare), followed(bare, limitBytes=16)
    wrote(bare, "four")
    assert (read(cut), cut.closed) == ("one\ntwo\nthree\nfo", True)
    is_now(bare, RESTARTED)
    assert restarted.closed

    deleted = followed(bare)
    bare.ask("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 0})
    assert deleted.closed


def test_the_log_of_what_has_ended_is_whole_at_once(bare: Bare) -> None:
    is_now(bare, ENDED)

    response = bare.ask("GET", f"{PODS}/p/log", follow="true")

    assert (response.stream, response.body) == (None, b"one\ntwo\nthree\n")


def test_who_stopped_reading_is_forgotten(bare: Bare) -> None:
    followed(bare).close()
    assert followed(bare, limitBytes=1).closed

    assert (bare.server.logs.followers, bare.server.logs.book.log(POD, "c", "first").readers) == (0, 0)


def test_the_log_of_a_pod_goes_with_it(bare: Bare) -> None:
    bare.ask("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 0})

    assert bare.server.logs.book.lines(POD, "c", "first") == ()


def test_a_log_that_grew_too_long_begins_anew() -> None:
    log = Log()
    log.write(0.0, "x" * BYTES_MAX)

    log.write(1.0, "y")

    assert log.lines == [(1.0, "y")]


def test_the_run_before_is_kept_and_no_other() -> None:
    book = ContainerLogs()
    for run in ("1", "2", "3"):
        book.log(POD, "c", run).write(0.0, run)

    assert [len(book.lines(POD, "c", run)) for run in ("1", "2", "3")] == [0, 1, 1]
