"""Two runs have the same hash exactly when the same was asked, at the same time, with the same outcome."""

from __future__ import annotations

import re

import pytest

from spo.sim.api.http import Request, Response
from spo.sim.history import History
from spo.sim.timeline import Timeline

GET = Request("GET", "/api/v1/pods", (("limit", "500"),), {"Authorization": "Bearer a"}, b"")
FINE = Response(200, (), b"{}")


def digest(
    *,
    wait_s: float = 0,
    request: Request = GET,
    response: Response = FINE,
    revision: int = 1,
    data: bytes | None = b"x",
) -> str:
    timeline = Timeline()
    history = History(timeline)
    timeline.run_until(timeline.now_ns + round(wait_s * 1e9))
    history.request(request, response, revision)
    asked = history.digest()
    history.file("node-1", "/a", data, revision)
    return f"{asked} {history.digest()}"


def test_the_hash_has_64_hex_digits_and_is_the_same_for_the_same_run() -> None:
    assert digest() == digest()
    assert all(re.fullmatch("[0-9a-f]{64}", part) for part in digest().split())


@pytest.mark.parametrize(
    "other",
    [
        {"wait_s": 0.001},
        {"request": Request("PUT", GET.path, GET.query, GET.headers)},
        {"request": Request("GET", GET.path, (), GET.headers)},
        {"request": Request("GET", GET.path, GET.query, {"Authorization": "Bearer b"})},
        {"request": Request("GET", GET.path, GET.query, GET.headers, b"\xff")},
        {"response": Response(404, (), b"{}")},
        {"revision": 2},
        {"data": b"y"},
        {"data": None},
    ],
)
def test_any_difference_changes_the_hash(other: dict[str, object]) -> None:
    asked, and_written = digest(**other).split()  # type: ignore[arg-type]
    assert and_written != digest().split()[1]
    assert (asked != digest().split()[0]) == ("data" not in other)


def test_header_names_are_compared_as_http_does() -> None:
    lower = Request("GET", GET.path, GET.query, {"authorization": "Bearer a", "X-Trace": "1"}, b"")
    assert digest(request=lower) == digest()


def test_the_hash_of_nothing_knows_its_format() -> None:
    # A change here means that older hashes can no longer be compared: raise FORMAT with it.
    assert History(Timeline()).digest() == "4d4f8af0680df81e24239d38696f03c454f355333db9c76f50e6dae6340465c1"
