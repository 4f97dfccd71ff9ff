"""The connection: what is sent, by which way, and what pykube and requests would do if we let them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from spo.doors.ports import Unavailable
from spo.doors.wire import JSON, ApiRequest
from spo.real.transport import Answer, Patience, Transport
from tests.conformance.cluster.served import Canned, Face

VERSION = ApiRequest("GET", "/version")


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    made = Face(tmp_path)
    yield made
    made.close()


def test_a_call_is_sent_as_it_is(face: Face) -> None:
    face.mood = lambda request: Canned(200, b"{}")
    query = (("labelSelector", "a in (b,c),!d"), ("fieldSelector", "metadata.name=ü&x"))
    face.transport({"token": "t"}).send(ApiRequest("POST", "/api/v1/namespaces/n/pods", query, JSON, "ü".encode()))

    (request,) = face.asked
    assert (request.method, request.path, request.query, request.body) == (
        "POST",
        "/api/v1/namespaces/n/pods",
        query,
        "ü".encode(),
    )
    headers = request.headers
    assert (headers["Authorization"], headers["Content-Type"], headers["Accept"], headers["User-Agent"]) == (
        "Bearer t",
        JSON,
        JSON,
        "spo-test",
    )


def test_an_answer_of_any_status_is_an_answer(face: Face) -> None:
    face.mood = lambda request: Canned(418, b"short and stout", {"Retry-After": "3"})

    answer = face.transport({"token": "t"}).send(VERSION)
    assert (answer.status, answer.body, answer.retry_after_s) == (418, b"short and stout", 3.0)
    with face.transport({"token": "t"}).stream(VERSION, 1) as lines:
        assert isinstance(lines, Answer)
        assert lines.status == 418


def test_a_redirect_is_not_followed_and_no_token_goes_elsewhere(face: Face) -> None:
    face.mood = lambda request: Canned(307, b"", {"Location": "/elsewhere"})

    assert face.transport({"token": "t"}).send(VERSION).status == 307
    assert [request.path for request in face.asked] == ["/version"]


def test_a_password_for_that_host_in_netrc_is_not_ours(
    face: Face, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    face.transport({"token": "t"}).send(VERSION)

    assert face.asked[0].headers["Authorization"] == "Bearer t"


def test_the_kubeconfigs_proxy_is_used(face: Face, tmp_path: Path) -> None:
    config = yaml.safe_load(face.kubeconfig({"token": "t"}).read_text())
    config["clusters"][0]["cluster"] = {
        "server": "http://api.nowhere.test:6443",
        "proxy-url": f"http://127.0.0.1:{face.port}",
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    Transport(tmp_path / "config").send(VERSION)

    assert face.asked[0].headers["Host"] == "api.nowhere.test:6443"


def test_each_thread_has_a_connection_of_its_own_and_keeps_it(face: Face) -> None:
    transport = face.transport({"token": "t"})
    clients: list[Any] = []

    def work() -> None:
        for _ in range(2):
            transport.send(VERSION)
            clients.append(transport._client())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(clients) == 4
    assert len({id(client) for client in clients}) == 2


def test_the_kernel_is_asked_to_notice_a_peer_that_died(face: Face) -> None:
    transport = face.transport({"token": "t"})
    options = transport._client().session.get_adapter("http://x").poolmanager.connection_pool_kw["socket_options"]

    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in options
    assert (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) in options  # the library's own are kept


@pytest.mark.parametrize("port", ["refused", "silent"])
def test_nobody_there_is_unavailable_within_our_patience(tmp_path: Path, port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        number = silent.getsockname()[1]
        if port == "refused":
            silent.close()
        config = tmp_path / "config"
        config.write_text(
            yaml.safe_dump(
                {
                    "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{number}"}}],
                    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "x",
                }
            )
        )
        transport = Transport(config, patience=Patience(connect_s=0.2, answer_s=0.2))
        began = time.monotonic()
        with pytest.raises(Unavailable, match="GET /version: "):
            transport.send(VERSION)

    assert time.monotonic() - began < 3


def test_a_certificate_that_is_none_is_unavailable(tmp_path: Path) -> None:
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority-data": "bm9uZQ=="}
    config = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))

    with pytest.raises(Unavailable):
        Transport(tmp_path / "config").send(VERSION)
