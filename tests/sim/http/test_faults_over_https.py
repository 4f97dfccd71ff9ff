"""Faults as a client outside meets them: of the API server's requests, and of its watches."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest

from spo.sim.faults import Fault, Site
from spo.sim.faults.fates import (
    ArriveTwice,
    Conflict,
    CrashAfter,
    CrashBefore,
    Delay,
    Fate,
    LoseReply,
    Refuse,
    WatchBreaks,
)

MAPS = "/api/v1/namespaces/default/configmaps"
MAP = {"metadata": {"name": "web"}, "data": {"a": "b"}}
HEAD = "Host: h\r\nAuthorization: Bearer admin-token\r\nUser-Agent: shop/1.2 (linux)\r\n"
SHOP = {"Authorization": "Bearer admin-token", "User-Agent": "shop/1.2 (linux)"}
LAST_CHUNK = b"0\r\n\r\n"
ENDED = (http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def make(served: Any) -> tuple[int, Any]:
    found: tuple[int, Any] = served.ask("POST", MAPS, MAP, SHOP)
    return found


def is_there(served: Any) -> bool:
    """For the administrator with another program, whom no fault means."""
    return bool(served.ask("GET", f"{MAPS}/web")[0] == 200)


def refused(served: Any) -> None:
    with pytest.raises(ENDED):
        make(served)
    assert not is_there(served)


def loses_the_reply(served: Any) -> None:
    with pytest.raises(ENDED):
        make(served)
    assert is_there(served)


def arrives_twice(served: Any) -> None:
    status, answer = make(served)
    assert (status, answer["reason"]) == (409, "AlreadyExists")
    assert is_there(served)


def in_conflict(served: Any) -> None:
    status, answer = make(served)
    assert (status, answer["reason"]) == (409, "AlreadyExists")
    assert not is_there(served)
    served.ask("POST", MAPS, MAP)
    patch = {**SHOP, "Content-Type": "application/merge-patch+json"}
    status, answer = served.ask("PATCH", f"{MAPS}/web", {"data": {"a": "c"}}, patch)
    assert (status, answer["reason"]) == (409, "Conflict")


def is_late(served: Any) -> None:
    with served.connect() as sock:
        sock.settimeout(0.3)
        body = json.dumps(MAP)
        sock.sendall(f"POST {MAPS} HTTP/1.1\r\n{HEAD}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        with pytest.raises(TimeoutError):
            sock.recv(100)
        assert is_there(served), "it was done at once"
        served.running.advance(4.9)
        with pytest.raises(TimeoutError):
            sock.recv(100)
        served.running.advance(0.2)
        sock.settimeout(20)
        assert sock.recv(100).startswith(b"HTTP/1.1 201 ")


FATES: dict[Any, Callable[[Any], None]] = {
    Refuse(): refused,
    LoseReply(): loses_the_reply,
    ArriveTwice(): arrives_twice,
    Conflict(): in_conflict,
    CrashBefore(): refused,
    CrashAfter(): loses_the_reply,
    Delay(5.0): is_late,
}


@pytest.mark.parametrize("fate", FATES, ids=lambda fate: fate.name)
def test_a_request_meets_its_fate(serve: Any, fate: Fate) -> None:
    served = serve(speed="manual")
    served.running.inject(Fault(Site.API, fate, who="shop", on="ConfigMap default/web"))

    FATES[fate](served)

    strikes = served.running.call(lambda: [strike.note for strike in served.cluster.faults.strikes])
    assert bool(strikes[0]) == isinstance(fate, CrashBefore | CrashAfter), "nobody outside can be killed: it is noted"


def test_a_pods_token_shown_from_outside_makes_nobody_a_program_in_a_pod(
    served: Any, caplog: pytest.LogCaptureFixture
) -> None:
    token = served.running.call(lambda: served.cluster.keys.service_account_token("default", "default", "", "shop-1"))
    served.running.inject(Fault(Site.API, CrashBefore(), who="shop-1"))

    with pytest.raises(ENDED):
        served.ask("GET", MAPS, headers={"Authorization": f"Bearer {token}"})
    assert served.ask("GET", MAPS)[0] == 200, "and the server goes on"
    assert caplog.records == [], "nothing has gone wrong in it"


def test_only_the_connection_that_is_struck_ends(served: Any) -> None:
    served.running.inject(Fault(Site.API, Refuse(), who="shop"))
    other = f"GET {MAPS} HTTP/1.1\r\n{HEAD}\r\n".replace("shop", "bakery").encode()
    with served.connect() as sock:
        for _ in range(2):
            sock.sendall(other)
            assert sock.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
            with pytest.raises(ENDED):
                make(served)


# -- watches ---------------------------------------------------------------------------------------------------------


def lines_of(served: Any, sock: Any, count: int) -> list[Any]:
    """So many lines of a watch, decoded; fewer, if it ends or nothing more comes."""
    found: list[Any] = []
    data = b""
    while len(found) < count:
        try:
            piece = sock.recv(1 << 16)
        except TimeoutError:
            break
        if not piece or piece == LAST_CHUNK:
            break
        data += piece
        found = [json.loads(line) for line in data.splitlines() if line.startswith(b'{"type"')]
    return found


def watch(served: Any, sock: Any) -> None:
    """Begin to watch, from now on."""
    version = served.ask("GET", MAPS)[1]["metadata"]["resourceVersion"]
    sock.sendall(f"GET {MAPS}?watch=1&resourceVersion={version} HTTP/1.1\r\n{HEAD}\r\n".encode())
    assert sock.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


def test_an_event_comes_late_and_what_follows_behind_it(serve: Any) -> None:
    served = serve(speed="manual")
    served.running.inject(Fault(Site.WATCH, Delay(5.0), who="shop", nth=1))
    with served.connect() as sock:
        watch(served, sock)
        for name in ("first", "second"):
            served.ask("POST", MAPS, {"metadata": {"name": name}})
        sock.settimeout(0.3)
        assert lines_of(served, sock, 1) == []
        served.running.advance(5.1)
        sock.settimeout(20)
        assert [line["object"]["metadata"]["name"] for line in lines_of(served, sock, 2)] == ["first", "second"]


@pytest.mark.parametrize("gone", [False, True])
def test_a_watch_breaks(served: Any, gone: bool) -> None:
    served.running.inject(Fault(Site.WATCH, WatchBreaks(gone), who="shop", what="ADDED"))
    with served.connect() as sock:
        watch(served, sock)
        served.ask("POST", MAPS, MAP)
        lines = lines_of(served, sock, 2)

    assert [(line["type"], line["object"].get("code")) for line in lines] == ([("ERROR", 410)] if gone else [])
    assert served.watches() == 0


def test_a_watch_whose_answer_is_late_is_closed_when_its_client_leaves(serve: Any) -> None:
    served = serve(speed="manual")
    served.running.inject(Fault(Site.API, Delay(60.0), who="shop", what="watch"))

    def open_watches() -> int:
        return int(served.running.call(lambda: served.cluster.api.hub.watchers("configmaps")))

    with served.connect() as sock:
        sock.sendall(f"GET {MAPS}?watch=1 HTTP/1.1\r\n{HEAD}\r\n".encode())
        eventually(lambda: open_watches() == 1)
    eventually(lambda: open_watches() == 0)
    served.running.advance(61)
    assert served.ask("GET", MAPS)[0] == 200


# -- /sim/faults -----------------------------------------------------------------------------------------------------


def test_a_plan_is_posted_and_read_and_ended(served: Any) -> None:
    plan = {"faults": [{"site": "api", "fate": {"type": "refuse"}, "who": "shop", "every": 2}]}

    assert served.ask("POST", "/sim/faults", plan) == (200, {**plan, "strikes": 0})
    assert make(served)[0] == 201
    with pytest.raises(ENDED):
        make(served)
    assert served.ask("GET", "/sim/faults") == (200, {**plan, "strikes": 1})
    assert served.ask("POST", "/sim/faults", {"faults": []}) == (200, {"faults": [], "strikes": 1})
    assert make(served)[0] == make(served)[0] == 409


def test_what_has_its_time_in_a_posted_plan_comes_without_another_request(served: Any) -> None:
    plan = {"faults": [{"site": "node", "fate": {"type": "nodeOff"}, "at_s": 30}]}
    served.ask("POST", "/sim/faults", plan)

    eventually(lambda: not served.cluster.nodes["node-1"].lives)


def test_a_plan_that_cannot_be_is_refused(served: Any) -> None:
    status, answer = served.ask("POST", "/sim/faults", {"faults": [{"site": "clock", "fate": {"type": "refuse"}}]})

    assert status == 400
    assert "fault at clock: fate: Refuse means nothing there: choose one of ClockSkew" in answer["message"]
    assert "$.faults[0]" in answer["message"]
