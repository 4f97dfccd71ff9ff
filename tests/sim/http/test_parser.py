"""Requests out of bytes: the same, however they are cut; and nothing that two readers could read differently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spo.sim.api.http import Request
from spo.sim.http.parser import HEAD_BYTES_MAX, BadRequest, Incoming, Parser

GET = b"GET /api/v1/pods?labelSelector=a%3Db&watch=1 HTTP/1.1\r\nHost: h\r\naccept: application/json\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nT: x\r\n\r\n"
)


def parsed(data: bytes, *cuts: int) -> list[Incoming]:
    parser, found = Parser(), []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        parser.feed(data[start:end])
        while (incoming := parser.next()) is not None:
            found.append(incoming)
    return found


def refusal(data: bytes) -> int:
    with pytest.raises(BadRequest) as refused:
        parsed(data)
    return refused.value.status


def test_a_request_is_taken_apart() -> None:
    (incoming,) = parsed(GET)

    headers = {"Host": "h", "Accept": "application/json"}
    assert incoming.request == Request("GET", "/api/v1/pods", (("labelSelector", "a=b"), ("watch", "1")), headers)
    assert (incoming.keep_alive, incoming.chunks, incoming.cut) == (True, True, False)


@pytest.mark.parametrize("data", [POST, CHUNKED])
def test_a_body_comes_whole_by_its_length_or_in_chunks(data: bytes) -> None:
    (incoming,) = parsed(data)
    assert incoming.request.body == b"hello"


@given(st.lists(st.integers(0, len(GET + POST + CHUNKED + GET)), max_size=8))
def test_where_the_bytes_are_cut_makes_no_difference(cuts: list[int]) -> None:
    together = GET + POST + CHUNKED + GET
    assert parsed(together, *sorted(cuts)) == parsed(together)
    assert [each.request.body for each in parsed(together)] == [b"", b"hello", b"hello", b""]


def test_names_of_headers_are_written_one_way_and_repeated_ones_joined() -> None:
    head = b"GET / HTTP/1.1\r\nhost: h\r\nACCEPT: a\r\nAccept: b\r\n"
    head += b"impersonate-group: x, y\r\nImpersonate-Group: z\r\n\r\n"
    (incoming,) = parsed(head)
    assert incoming.request.headers == {"Host": "h", "Accept": "a, b", "Impersonate-Group": "x, y\nz"}


def test_an_escaped_path_is_opened_and_an_absolute_target_is_understood() -> None:
    assert parsed(b"GET /a%20b HTTP/1.1\r\nHost: h\r\n\r\n")[0].request.path == "/a b"
    assert parsed(b"GET https://h:1/a?b=c HTTP/1.1\r\nHost: h\r\n\r\n")[0].request.path == "/a"


def test_pairs_of_a_query_that_go_would_not_read_are_passed_over() -> None:
    (incoming,) = parsed(b"GET /?a=%zz&b=1;c=2&d=%20+e&f HTTP/1.1\r\nHost: h\r\n\r\n")
    assert incoming.request.query == (("d", "  e"), ("f", ""))


@pytest.mark.parametrize(
    ("head", "keep_alive", "chunks"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", False, True),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, Close\r\n\r\n", False, True),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: not-close\r\n\r\n", True, True),
        (b"GET / HTTP/1.0\r\n\r\n", False, False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True, False),
    ],
)
def test_who_wants_to_go_on_is_known(head: bytes, keep_alive: bool, chunks: bool) -> None:
    (incoming,) = parsed(head)
    assert (incoming.keep_alive, incoming.chunks) == (keep_alive, chunks)


HOST = b"POST / HTTP/1.1\r\nHost: h\r\n"


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (400, b"GET /\r\n\r\n"),
        (400, b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (400, b"GET * HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n"),
        (505, b"GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
        (400, HOST + b"A : b\r\n\r\n"),
        (400, HOST + b"A: b\r\n c\r\n\r\n"),
        (400, HOST + b"A: b\nC: d\r\n\r\n"),
        (400, HOST + b"A: b\x00\r\n\r\n"),
        (400, HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
        (400, HOST + b"Content-Length: -1\r\n\r\n"),
        (400, HOST + b"Content-Length: +1\r\n\r\n"),
        (400, HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (501, HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
        (400, HOST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n"),
        (400, HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"),
        (400, HOST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"a" * 300),
        (400, HOST + b"Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\na\r\n0\r\n\r\n"),
        (400, HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\nC: d\r\n\r\n"),
        (400, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, b"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, b"GET /a% HTTP/1.1\r\nHost: h\r\n\r\n"),
        (417, HOST + b"Content-Length: 5\r\nExpect: tea\r\n\r\n"),
        (417, HOST + b"Expect: tea\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: h\r\nA: " + b"a" * HEAD_BYTES_MAX),
        (431, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 1001 + b"\r\n"),
    ],
)
def test_what_could_be_read_in_two_ways_or_is_too_much_is_refused(status: int, data: bytes) -> None:
    assert refusal(data) == status


def test_a_body_that_nobody_would_take_is_not_read_to_its_end() -> None:
    parser = Parser(body_bytes_max=10)
    parser.feed(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n0123456789a")
    incoming = parser.next()

    assert incoming is not None
    assert (incoming.cut, incoming.keep_alive, incoming.request.body) == (True, False, b"0123456789a")


def test_a_client_that_waits_for_our_word_before_its_body_is_noticed_once() -> None:
    parser = Parser()
    parser.feed(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert parser.next() is None
    assert parser.wants_continue

    parser.wants_continue = False
    parser.feed(b"a")
    assert parser.next() is None
    assert not parser.wants_continue

    parser = Parser()
    parser.feed(b"GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n")
    assert parser.next() is not None
    assert not parser.wants_continue  # there is no body to go on with
