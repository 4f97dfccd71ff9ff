"""What servers and what stands before them really answer, now and then: played by the fake server to the real door."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spo.doors.ports import Unavailable
from spo.events import Listed
from spo.intents import Delete
from spo.interest import Interest
from spo.real.transport import Patience
from spo.sim.api.http import Request
from tests.conformance.cluster.listener import CONFIGMAPS, Kept, Listener
from tests.conformance.cluster.served import Canned, Face
from tests.conformance.cluster.test_reading import configmap
from tests.conformance.cluster.test_writing import create

QUICK = Patience(connect_s=1, answer_s=2, silence_s=1, watch_s=5, pause_s=0.05, pause_s_max=0.4, good_after_s=0.5)
EXPIRED = b'{"type":"ERROR","object":{"kind":"Status","message":"too old","reason":"Expired","code":410}}\n'


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    made = Face(tmp_path)
    yield made
    made.close()


@pytest.fixture
def heard(face: Face) -> Listener:
    """Somebody who has not yet listened: tests set the server's mood before the first look."""
    return Listener(_Later(face), Interest(CONFIGMAPS, Kept, namespace=face.namespace), face.pass_time)


class _Later:
    """A door that is opened when it is first looked through."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._door: Any = None

    def want(self, interest: Interest) -> None:
        self._interest = interest

    def take(self) -> Any:
        if self._door is None:
            self._door = self._face.door(patience=QUICK)
            self._door.want(self._interest)
        return self._door.take()


def is_watch(request: Request) -> bool:
    return ("watch", "true") in request.query


def is_list(request: Request) -> bool:
    return request.method == "GET" and request.path.endswith("/configmaps") and not is_watch(request)


def once(matches: Callable[[Request], bool], canned: Canned, after: int = 0) -> Callable[[Request], Canned | None]:
    """Play it to one of the requests that match: the first, or one after so many."""
    left = [after]

    def mood(request: Request) -> Canned | None:
        if not matches(request):
            return None
        left[0] -= 1
        return canned if left[0] == -1 else None

    return mood


def lists(heard: Listener) -> int:
    return sum(isinstance(event, Listed) for event in heard.events)


def revision(request: Request) -> str:
    return dict(request.query).get("resourceVersion", "")


# -- a revision that is too old ------------------------------------------------------------------------------------


def test_410_in_the_stream_makes_a_new_list_and_what_went_meanwhile_is_gone(face: Face, heard: Listener) -> None:
    for name in ("stays", "goes"):
        face.made(CONFIGMAPS, configmap(name))

    def mood(request: Request) -> Canned | None:
        if is_watch(request) and lists_asked(face) == 1:
            face.removed(CONFIGMAPS, "goes")
            return Canned(lines=[EXPIRED])
        return None

    face.mood = mood
    heard.until(lambda: lists(heard) == 2)

    assert heard.names() == ["stays"]
    face.made(CONFIGMAPS, configmap("new"))
    heard.until_known("new", "stays")


def lists_asked(face: Face) -> int:
    return sum(map(is_list, face.asked))


def test_410_as_an_answer_to_a_watch_makes_a_new_list(face: Face, heard: Listener) -> None:
    face.mood = once(is_watch, Canned(410, b'{"kind":"Status","reason":"Expired","code":410}'))
    heard.until(lambda: lists(heard) == 2)


def test_410_on_a_page_starts_over_and_half_a_list_is_never_taken_for_a_whole_one(face: Face, heard: Listener) -> None:
    names = [f"c-{number:03}" for number in range(510)]
    for name in names:
        face.made(CONFIGMAPS, configmap(name))
    body = b'{"kind":"Status","reason":"Expired","code":410,"metadata":{"continue":"newer"}}'
    face.mood = once(lambda request: "continue" in dict(request.query), Canned(410, body))
    heard.until_listed()

    assert heard.names() == names
    assert [("continue" in dict(request.query)) for request in face.asked if is_list(request)] == [
        False, True, False, True,
    ]  # fmt: skip


def test_a_server_that_always_says_410_is_not_asked_in_a_hot_loop(face: Face, heard: Listener) -> None:
    face.mood = lambda request: Canned(lines=[EXPIRED]) if is_watch(request) else None
    heard.until(lambda: lists(heard) >= 2)
    before = lists_asked(face)
    time.sleep(1.2)

    assert lists_asked(face) - before <= 6  # QUICK's longest pause is 0.4 s
    face.mood = lambda request: None
    face.made(CONFIGMAPS, configmap("a"))
    heard.until_known("a")


# -- not now -------------------------------------------------------------------------------------------------------

BUSY = b'{"kind":"Status","message":"Too many requests, please try again later.","reason":"TooManyRequests","code":429}'
BUSY_IN_BODY = BUSY[:-1] + b',"details":{"retryAfterSeconds":1}}'


@pytest.mark.parametrize(
    "busy", [Canned(429, b"Too many requests", {"Retry-After": "1"}), Canned(429, BUSY_IN_BODY)], ids=["header", "body"]
)
@pytest.mark.parametrize("asked", [is_list, is_watch])
def test_a_busy_server_is_asked_again_when_it_says(face: Face, heard: Listener, busy: Canned, asked: Any) -> None:
    at: list[float] = []

    def mood(request: Request) -> Canned | None:
        if asked(request):
            at.append(time.monotonic())
        return busy if asked(request) and len(at) == 1 else None

    face.mood = mood
    heard.until_listed()
    heard.until(lambda: len(at) >= 2)

    assert at[1] - at[0] >= 0.95
    assert any("oo many requests" in text for text in face.troubles)


@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        (Canned(429, b"Too many requests", {"Retry-After": "7"}), 7.0),
        (Canned(429, BUSY_IN_BODY), 1.0),
        (Canned(503, b"no endpoints", {"Retry-After": "later"}), 0.0),
        (Canned(504, b'{"kind":"Status","message":"Too large","details":{"retryAfterSeconds":3}}'), 3.0),
        (Canned(500, b"<html>"), 0.0),
    ],
    ids=["header", "body", "nonsense", "timeout", "html"],
)
def test_a_write_that_is_turned_away_says_how_long_to_wait(face: Face, answer: Canned, wait_s: float) -> None:
    face.mood = lambda request: answer
    with pytest.raises(Unavailable) as caught:
        face.door(patience=QUICK).carry_out(create(face.namespace, "a"))

    assert caught.value.retry_after_s == wait_s


def test_a_watch_that_ends_at_once_is_not_asked_for_in_a_hot_loop(face: Face, heard: Listener) -> None:
    face.mood = lambda request: Canned(lines=[]) if is_watch(request) else None
    heard.until_listed()
    time.sleep(1.5)

    assert 2 <= sum(map(is_watch, face.asked)) <= 10


# -- nothing to be read there --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "canned",
    [
        Canned(200, b"<html>Please log in</html>"),
        Canned(200, b'{"kind":"ConfigMapList","metadata":{"resourceVersion":"1"},"items":[{"metad'),
        Canned(200, b'{"kind":"ConfigMapList","metadata":{"resourceVersion":"1"},"items":[{"metadata":7}]}'),
        Canned(200, b"\xff\xfe"),
        Canned(302, b"", {"Location": "http://127.0.0.1:1/login"}),
        Canned(204, b""),
    ],
    ids=["page", "half", "shape", "bytes", "redirect", "nothing"],
)
def test_an_answer_that_cannot_be_read_is_told_and_asked_for_again(face: Face, heard: Listener, canned: Canned) -> None:
    face.made(CONFIGMAPS, configmap("a"))
    face.mood = once(is_list, canned)
    heard.until_listed()

    assert heard.names() == ["a"]
    assert face.troubles


@pytest.mark.parametrize(
    "line",
    [
        b"<html>\n",
        b'{"type":"ADDED","object":{"metadata":3}}\n',
        b'{"type":"ERROR","object":{"code":500,"message":"etcd"}}\n',
    ],
)
def test_a_line_that_cannot_be_read_ends_the_watch_and_nothing_is_lost(
    face: Face, heard: Listener, line: bytes
) -> None:
    face.mood = once(is_watch, Canned(lines=[line]))
    heard.until_listed()
    face.made(CONFIGMAPS, configmap("a"))

    heard.until_known("a")


def test_a_line_without_its_end_is_not_heard_even_if_it_could_be_read(face: Face, heard: Listener) -> None:
    half = b'{"type":"ADDED","object":{"metadata":{"name":"half","namespace":"here","resourceVersion":"7"}}}'
    face.mood = once(is_watch, Canned(lines=[half]))
    heard.until_listed()
    face.made(CONFIGMAPS, configmap("a"))
    heard.until(lambda: ("seen", "a") in heard.story())

    assert heard.story() == [("listed", ""), ("seen", "a")]


# -- bookmarks and bytes -------------------------------------------------------------------------------------------


def test_a_watch_of_nothing_but_bookmarks_goes_on_from_the_last_of_them(face: Face, heard: Listener) -> None:
    marks = [b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%d"}}}\n' % number for number in (501, 502)]
    face.mood = once(is_watch, Canned(lines=marks))
    heard.until(lambda: sum(map(is_watch, face.asked)) >= 2)

    assert revision([request for request in face.asked if is_watch(request)][1]) == "502"
    assert heard.story() == [("listed", "")]


@pytest.mark.parametrize("chunk_bytes", [1, 3, 7])
def test_a_character_may_be_cut_between_two_chunks(face: Face, heard: Listener, chunk_bytes: int) -> None:
    face.chunk_bytes = chunk_bytes
    heard.until_listed()
    text = "ü€😀" * 9
    for name in ("a", "b"):
        face.made(CONFIGMAPS, configmap(name, text=text))
    heard.until_known("a", "b")

    assert [heard.one(face.namespace, name).data["text"] for name in ("a", "b")] == [text, text]


def test_a_long_line_comes_in_many_pieces(face: Face, heard: Listener) -> None:
    face.chunk_bytes = 2048
    heard.until_listed()
    text = "ü" * 400_000
    face.made(CONFIGMAPS, configmap("a", text=text))
    heard.until_known("a")

    assert heard.one(face.namespace, "a").data["text"] == text


# -- who we are ----------------------------------------------------------------------------------------------------


def test_a_token_that_has_rotated_is_read_again(face: Face, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    face.token = "old"
    door = face.door_of({"tokenFile": str(file)}, QUICK)
    door.carry_out(create(face.namespace, "a"))

    face.token = "new"
    with pytest.raises(Unavailable, match="Unauthorized"):
        door.carry_out(create(face.namespace, "b"))

    fresh = tmp_path / "token.next"
    fresh.write_text("new\n")
    fresh.rename(file)
    door.carry_out(create(face.namespace, "b"))
    assert face.got(CONFIGMAPS, "b") is not None


def test_a_watch_survives_the_rotation_of_its_token(face: Face, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    face.token = "old"
    door = face.door_of({"tokenFile": str(file)}, Patience(watch_s=1, pause_s=0.05, pause_s_max=0.2))
    heard = Listener(door, Interest(CONFIGMAPS, Kept, namespace=face.namespace), face.pass_time)
    heard.until_listed()
    face.token = "new"
    heard.until(lambda: any("Unauthorized" in text for text in face.troubles))

    file.write_text("new")
    face.made(CONFIGMAPS, configmap("a"))
    heard.until_known("a")
    assert lists(heard) == 1


def test_deleting_what_is_gone_is_fine_whatever_stands_in_the_answer(face: Face) -> None:
    face.mood = lambda request: Canned(404, json.dumps({"kind": "Status", "code": 404}).encode())
    face.door(patience=QUICK).carry_out(Delete(CONFIGMAPS, face.namespace, "a", "some-uid"))
