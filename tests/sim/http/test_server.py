"""The face as any client meets it: TLS, users, keep-alive, watches, limits, and `/sim/…`."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spo.sim.http.certificates import Authority
from spo.sim.http.connection import Limits

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
POD = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
HEAD = "Host: h\r\nAuthorization: Bearer admin-token\r\n"


def read_until(sock: socket.socket, enough: Callable[[bytes], bool]) -> bytes:
    data = b""
    while not enough(data):
        piece = sock.recv(65536)
        if not piece:
            break
        data += piece
    return data


def is_over(sock: socket.socket) -> bool:
    """Ended from the other side, one way or the other."""
    try:
        return sock.recv(10) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def a_map(name: str, size: int = 1) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": {"a": "x" * size}}


# -- connections -----------------------------------------------------------------------------------------------------


def test_http_1_1_is_agreed_upon_with_a_client_that_would_rather_speak_2(served: Any) -> None:
    served.context.set_alpn_protocols(["h2", "http/1.1"])
    with served.connect() as sock:
        assert sock.selected_alpn_protocol() == "http/1.1"


def test_a_certificate_of_another_authority_is_not_ours(served: Any) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        served.connect(ssl.create_default_context())


def test_a_client_that_speaks_no_tls_is_told_so(served: Any) -> None:
    with socket.create_connection(("127.0.0.1", served.running.port), timeout=20) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b"HTTP request to an HTTPS server" in read_until(plain, lambda _: False)


def test_a_client_that_never_shakes_hands_is_let_go(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spo.sim.http.server.HANDSHAKE_S_MAX", 0.1)
    with socket.create_connection(("127.0.0.1", serve().running.port), timeout=5) as silent:
        assert is_over(silent)


def test_what_a_client_sends_before_it_has_its_answer_is_not_taken_in_without_end(served: Any) -> None:
    """Requests behind a watch, whose answer does not end: 64 MiB of them, of which the sockets hold a few."""
    with watch(served, "") as sock:
        eventually(lambda: served.watches() == 1)
        sock.settimeout(1)
        with pytest.raises(TimeoutError):
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * (1 << 21))


def test_requests_in_a_row_are_answered_in_that_row(served: Any) -> None:
    with served.connect() as sock:
        sock.sendall(
            b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 3
            + b"GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        )
        data = read_until(sock, lambda _: False)

    statuses = [line.split()[1] for line in data.split(b"\r\n") if line.startswith(b"HTTP/1.1 ") or b"okHTTP" in line]
    assert statuses == [b"200", b"200", b"200", b"403"]


def test_a_head_has_the_length_but_not_the_body(served: Any) -> None:
    with served.connect() as sock:
        sock.sendall(f"HEAD /healthz HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n".encode())
        data = read_until(sock, lambda _: False)
    assert b"Content-Length: 2\r\n" in data
    assert data.endswith(b"\r\n\r\n")


def test_a_client_that_asks_first_is_told_to_go_on(served: Any) -> None:
    body = json.dumps(a_map("a")).encode()
    with served.connect() as sock:
        sock.sendall(
            f"POST {MAPS} HTTP/1.1\r\n{HEAD}Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert read_until(sock, lambda data: b"\r\n\r\n" in data) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert read_until(sock, lambda data: b"\r\n\r\n" in data).startswith(b"HTTP/1.1 201 Created\r\n")


def test_a_body_that_is_too_long_is_refused_in_the_api_servers_words(served: Any) -> None:
    status, body = served.ask("POST", MAPS, a_map("a", 30_000_000))  # which is still on its way when the answer comes
    assert (status, body["message"]) == (413, "Request entity too large: limit is 3145728")


def test_a_malformed_request_is_told_so_and_ends_the_connection(served: Any) -> None:
    with served.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        data = read_until(sock, lambda _: False)
    assert data.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert data.count(b"HTTP/1.1") == 1


def test_connections_on_which_nothing_goes_on_are_ended(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spo.sim.http.server.SWEEP_S", 0.05)
    served = serve(limits=Limits(idle_s=0.2))
    with served.connect() as silent, served.connect() as half, served.connect() as watching:
        half.sendall(b"GET /healthz HT")
        watching.sendall(f"GET {PODS}?watch=1 HTTP/1.1\r\n{HEAD}\r\n".encode())
        assert read_until(silent, lambda _: False) == b""
        assert is_over(half)
        assert served.watches() == 1


def test_a_client_that_waits_for_time_to_pass_is_not_taken_for_one_that_left(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spo.sim.http.server.SWEEP_S", 0.05)
    served = serve(speed="manual", limits=Limits(idle_s=0.1))
    end = time.monotonic() + 0.5

    def work() -> None:  # of a busy cluster, whose hour takes more than the patience with the idle
        time.sleep(0.01)
        if time.monotonic() < end:
            served.cluster.timeline.after(1, work)

    served.running.call(work)
    with served.connect() as sock:
        sock.sendall(f"POST /sim/advance?duration=1h HTTP/1.1\r\n{HEAD}\r\nGET /none HTTP/1.1\r\n{HEAD}\r\n".encode())
        assert read_until(sock, lambda data: b"\r\n\r\n" in data).startswith(b"HTTP/1.1 200 OK")
        assert b"404" in read_until(sock, lambda data: b"HTTP/1.1 404" in data)  # and the one behind it is answered


def test_no_more_connections_than_allowed(serve: Any) -> None:
    served = serve(limits=Limits(connections=1))
    with served.connect() as first:
        first.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        read_until(first, lambda data: data.endswith(b"ok"))
        with served.connect() as second:
            assert is_over(second)
    eventually(lambda: served.running.call(lambda: served.running.server.connections) == 0)
    assert served.ask("GET", "/healthz")[0] == 200


# -- who asks --------------------------------------------------------------------------------------------------------


def who(served: Any, headers: dict[str, str]) -> Any:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    _, answer = served.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body, headers)
    return answer.get("reason") or answer["status"]["userInfo"]


def test_a_token_says_who_asks(served: Any) -> None:
    assert who(served, {"Authorization": "Bearer admin-token"})["username"] == "admin"
    assert who(served, {"Authorization": "Bearer unknown"}) == "Unauthorized"


def test_a_client_certificate_says_it_too_and_counts_more(served: Any, tmp_path: Path) -> None:
    pair = served.running.authority.client("alice", ("dev", "ops"))
    file = tmp_path / "alice.pem"
    file.write_text(pair.certificate + pair.key)
    served.context.load_cert_chain(file)

    assert who(served, {})["username"] == "alice"
    assert who(served, {"Authorization": "Bearer admin-token"})["groups"] == ["dev", "ops", "system:authenticated"]
    assert served.ask("GET", PODS, headers={})[0] == 403


def test_a_client_certificate_of_another_authority_is_refused_with_the_connection(served: Any, tmp_path: Path) -> None:
    """A real server takes the connection and says 401; `ssl` cannot put off the verdict until there is a request."""
    pair = Authority().client("admin", ("system:masters",))
    file = tmp_path / "foreign.pem"
    file.write_text(pair.certificate + pair.key)
    served.context.load_cert_chain(file)

    with pytest.raises(ssl.SSLError, match="unknown ca"):
        served.ask("GET", PODS, headers={})


def test_an_administrator_can_speak_for_others_whatever_the_case_of_the_headers(served: Any) -> None:
    with served.connect() as sock:
        sock.sendall(
            f"POST /apis/authentication.k8s.io/v1/selfsubjectreviews HTTP/1.1\r\n{HEAD}impersonate-user: bob\r\n"
            "impersonate-group: a, b\r\nImpersonate-Group: c\r\nImpersonate-Extra-scopes: view\r\n"
            "Impersonate-Uid: 7\r\n"
            "Content-Length: 2\r\nConnection: close\r\n\r\n{}".encode()
        )
        answer = json.loads(read_until(sock, lambda _: False).partition(b"\r\n\r\n")[2])
    assert answer["status"]["userInfo"] == {
        "username": "bob",
        "uid": "7",
        "groups": ["a, b", "c", "system:authenticated"],
        "extra": {"scopes": ["view"]},
    }


# -- watches ---------------------------------------------------------------------------------------------------------


def watch(served: Any, query: str, path: str = MAPS, **how: Any) -> ssl.SSLSocket:
    sock: ssl.SSLSocket = served.connect(**how)
    sock.sendall(f"GET {path}?watch=1{query} HTTP/1.1\r\n{HEAD}\r\n".encode())
    return sock


def test_a_watch_tells_each_change_as_it_happens_and_ends_when_the_client_said(serve: Any) -> None:
    served = serve(speed="manual")
    with watch(served, "&timeoutSeconds=1&resourceVersion=1&fieldSelector=metadata.name%3Da") as sock:
        read_until(sock, lambda data: b"chunked\r\n\r\n" in data)
        served.ask("POST", MAPS, a_map("a"))
        assert b'{"type":"ADDED"' in read_until(sock, lambda data: data.endswith(b"\n\r\n"))
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")  # and the connection goes on after its end
        assert read_until(sock, lambda data: data.endswith(b"ok")).startswith(b"0\r\n\r\nHTTP/1.1 200 OK")


def test_a_leap_in_time_does_not_end_a_watch_before_its_client_expects_it(served: Any) -> None:
    with watch(served, "&timeoutSeconds=300") as sock:
        read_until(sock, lambda data: b"chunked\r\n\r\n" in data)
        served.running.advance(600)
        assert served.watches() == 1


def test_a_client_of_http_1_0_gets_bare_lines_until_the_end(served: Any) -> None:
    with served.connect() as sock:
        sock.sendall(f"GET {PODS}?watch=1&timeoutSeconds=1 HTTP/1.0\r\n{HEAD}Connection: keep-alive\r\n\r\n".encode())
        served.ask("POST", PODS, POD)
        data = read_until(sock, lambda _: False).partition(b"\r\n\r\n")[2]
    assert json.loads(data.splitlines()[0])["type"] == "ADDED"


def test_a_watch_whose_client_leaves_is_forgotten(served: Any) -> None:
    sock = watch(served, "")
    eventually(lambda: served.watches() == 1)
    sock.close()
    eventually(lambda: served.watches() == 0)
    assert served.running.call(lambda: served.cluster.api.hub.watchers("configmaps")) == 0


@pytest.mark.parametrize("limits", [Limits(lines_behind=50), Limits(bytes_behind=2_000_000)])
def test_a_slow_watcher_is_ended_and_harms_nobody_else(serve: Any, limits: Limits) -> None:
    served = serve(speed="manual", limits=limits)
    with watch(served, "&resourceVersion=1", receive_bytes=4096) as slow, watch(served, "&resourceVersion=1") as quick:
        eventually(lambda: served.watches() == 2)
        client = served.cluster.client()

        def write() -> None:
            client.call("POST", MAPS, {"metadata": {"generateName": "m-"}, "data": {"a": "x" * 50_000}})

        read, count = b"", 0
        while served.watches() == 2 and count < 500:
            served.running.call(write)
            count += 1
            read = read_until(quick, lambda data: data.endswith(b"\n\r\n"))
        assert count < 500
        assert served.watches() == 1  # the slow one's is over …
        served.running.call(write)
        assert b'"ADDED"' in read_until(quick, lambda data: data.endswith(b"\n\r\n"))  # … the other goes on
        assert b'"ADDED"' in read
        late = read_until(slow, lambda data: data.endswith(b"\r\n0\r\n\r\n"))  # and ends as it should,
        assert b"0\r\n\r\n" in late
        assert late.count(b'"ADDED"') <= count - 50  # without what it was behind with


def test_no_more_watches_than_allowed(serve: Any) -> None:
    served = serve(limits=Limits(watches=1))
    with watch(served, ""):
        eventually(lambda: served.watches() == 1)
        status, body = served.ask("GET", f"{PODS}?watch=1")
    assert (status, body) == (429, b"Too many requests, please try again later.\n")
    assert served.running.call(lambda: served.cluster.api.hub.watchers("pods")) == 0


# -- time, and what only a simulated cluster has -----------------------------------------------------------------------


def phase(served: Any) -> str:
    return str(served.ask("GET", f"{PODS}/web")[1]["status"]["phase"])


def test_at_max_what_was_asked_for_is_done_when_the_client_looks(served: Any) -> None:
    served.ask("POST", PODS, POD)
    eventually(lambda: phase(served) == "Running")


def test_by_hand_it_is_done_when_time_was_let_pass(serve: Any) -> None:
    served = serve(speed="manual")
    served.ask("POST", PODS, POD)
    assert phase(served) == "Pending"

    status, state = served.ask("POST", "/sim/advance?duration=1m")
    assert (status, state["now"], state["speed"]) == (200, "2026-01-01T00:01:05.000000Z", "manual")
    assert phase(served) == "Running"


def test_the_same_requests_give_the_same_history(serve: Any) -> None:
    digests = []
    for _ in range(2):
        served = serve(speed="manual")
        served.cluster.api.observers.append(_observer(served))
        served.ask("POST", PODS, POD)
        served.ask("POST", "/sim/advance?duration=1m")
        digests.append(served.ask("GET", "/sim/history")[1])
    assert digests[0] == digests[1]
    assert digests[0]["entries"] > 5


def _observer(served: Any) -> Any:
    history = served.running.server._control._history
    return lambda request, _, response: history.request(request, response, served.cluster.store.revision)


def test_what_only_the_simulator_has_is_for_administrators(served: Any) -> None:
    account = served.cluster.keys.service_account_token("default", "default")
    assert served.ask("GET", "/sim/state", headers={"Authorization": f"Bearer {account}"})[0] == 403
    assert served.ask("GET", "/sim/state", headers={})[0] == 403
    assert served.ask("GET", "/sim/state", headers={"Authorization": "Bearer x"})[0] == 401


def test_a_restart_of_the_api_server_ends_watches_and_forgets_what_was(served: Any) -> None:
    with watch(served, "&resourceVersion=1") as sock:
        eventually(lambda: served.watches() == 1)
        assert served.ask("POST", "/sim/restart")[1]["watches"] == 1  # whose end is on its way
        assert read_until(sock, lambda data: data.endswith(b"0\r\n\r\n")).endswith(b"0\r\n\r\n")
    with watch(served, "&resourceVersion=1") as sock:
        assert b"too old resource version: 1" in read_until(sock, lambda data: data.endswith(b"0\r\n\r\n"))
    assert served.ask("GET", f"{MAPS}/kube-root-ca.crt")[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/sim/advance?duration=soon", 400),
        ("POST", "/sim/advance?duration=400d", 400),
        ("POST", "/sim/advance", 400),
        ("POST", "/sim/speed?speed=fast", 400),
        ("GET", "/sim/advance", 404),
        ("GET", "/sim/nothing", 404),
    ],
)
def test_what_cannot_be_is_refused(served: Any, method: str, path: str, status: int) -> None:
    assert served.ask(method, path)[0] == status


def test_the_speed_can_be_changed_on_the_way(serve: Any) -> None:
    served = serve(speed="manual")
    served.ask("POST", PODS, POD)
    assert served.ask("POST", "/sim/speed?speed=max")[1]["speed"] == "max"
    eventually(lambda: phase(served) == "Running")


def test_a_bug_of_ours_is_told_to_one_client_and_the_others_go_on(served: Any, capfd: Any) -> None:
    def fails(*_: Any) -> None:
        raise ZeroDivisionError

    served.cluster.api.observers.append(fails)
    status, body = served.ask("GET", PODS)
    assert (status, body["reason"]) == (500, "InternalError")
    served.cluster.api.observers.remove(fails)
    assert served.ask("GET", PODS)[0] == 200
