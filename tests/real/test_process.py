"""A role as a real process: health, signals, log lines; `spo manager` and `spo daemon` against the fake API server."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time

from spo.doors.wire import ApiRequest
from spo.model.resource import LEASES, NAMESPACES, NODE_STATUSES, SECCOMP_PROFILES, SPODS
from spo.real import process
from spo.real.process import Health, Runner, log_to, serve_health
from spo.reconcile.leader import LOCK
from tests.conformance.cluster.served import Canned, Face

OURS = "security-profiles-operator"
WITHIN_S = 20.0
HEAVY = ("starlette", "uvicorn", "fastapi", "aiohttp", "flask", "cryptography", "prometheus_client", "kubernetes")


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end, f"not in {WITHIN_S} s"
        time.sleep(0.05)


def asked(port: int, path: str) -> tuple[int, str]:
    """Status and text; 0 if nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


# -- parts ---------------------------------------------------------------------------------------------------------


@contextmanager
def served(health: Health) -> Iterator[int]:
    server = serve_health(health, lambda: ["spo_things_total 3"], 0)
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_a_process_that_breathes_lives_and_is_ready_when_it_knows_enough() -> None:
    health = Health(time.monotonic())
    with served(health) as port:
        assert asked(port, "/livez") == (200, "ok")
        assert asked(port, "/readyz?verbose") == (503, "waiting for the first full lists")
        health.knows_enough = True
        assert asked(port, "/readyz") == (200, "ok")


def test_a_process_that_is_stuck_is_neither_alive_nor_ready() -> None:
    with served(Health(time.monotonic() - process.STUCK_S - 1, knows_enough=True)) as port:
        assert asked(port, "/livez") == (500, "stuck")
        assert asked(port, "/readyz")[0] == 503


def test_metrics_have_our_lines_and_those_of_every_process() -> None:
    with served(Health(time.monotonic())) as port:
        status, text = asked(port, "/metrics")
        assert asked(port, "/secrets") == (404, "not found: try /livez, /readyz or /metrics")

    assert status == 200
    names = [line.split()[0] for line in text.splitlines()]
    assert names == ["spo_things_total", "process_resident_memory_bytes", "process_cpu_seconds_total"]
    resident = float(text.splitlines()[1].split()[1])
    assert 1 << 20 < resident < 1 << 32


def test_health_is_served_on_both_sorts_of_addresses() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with served(Health(time.monotonic())) as port, socket.create_connection(("::1", port), 5) as connection:
        connection.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        assert b"200" in connection.recv(100)


def test_a_log_line_is_one_json_object_with_its_time_first() -> None:
    stream = io.StringIO()
    with freeze_time("2030-01-02T03:04:05.678901Z"):
        log_to(stream)({"level": "info", "message": "zwei\nZeilen, 世界"})

    assert stream.getvalue() == (
        '{"time": "2030-01-02T03:04:05.678901Z", "level": "info", "message": "zwei\\nZeilen, 世界"}\n'
    )


class Breaths:
    """A process that counts its breaths and does something at one of them."""

    def __init__(self, wish: float | None, act: Callable[[int], None]) -> None:
        self.count = 0
        self._wish = wish
        self._act = act

    def tick(self) -> float | None:
        self.count += 1
        self._act(self.count)
        return self._wish


def test_a_runner_breathes_on_news_at_once_and_stops_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LONGEST_WAIT_S", 30.0)
    lines: list[Any] = []
    runner = Runner(lines.append)
    breaths = Breaths(None, lambda count: runner.wake() if count < 5 else runner.stop())
    began = time.monotonic()
    runner.run(breaths, lambda: True)

    assert breaths.count == 5
    assert time.monotonic() - began < 10
    assert runner.health.knows_enough
    assert lines == [{"level": "info", "message": "stopped"}]


def test_a_runner_waits_for_the_next_wish_and_never_longer_than_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Runner(lambda line: None)
    waited: list[float] = []
    monkeypatch.setattr(runner._news, "wait", waited.append)
    now = 1_900_000_000.0
    monkeypatch.setattr("spo.real.process.steady_time", lambda: now)
    for wish in (now + 0.25, now + 900, now - 5, None):
        runner._stop.clear()
        runner.run(Breaths(wish, lambda count: runner.stop()), lambda: False)

    assert waited == [0.25, 1.0, 0.0, 1.0]


def test_an_exception_of_ours_ends_the_process() -> None:
    def fail(count: int) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        Runner(lambda line: None).run(Breaths(None, fail), lambda: True)


# -- whole processes -----------------------------------------------------------------------------------------------


class Started:
    """`spo <role>` as the kubelet starts it."""

    def __init__(self, role: str, kubeconfig: Path, port: int = 0, **environment: str) -> None:
        self.port = port or free_port()
        command = [
            sys.executable,
            "-m",
            "spo.cli.main",
            role,
            "--kubeconfig",
            str(kubeconfig),
            "--port",
            str(self.port),
        ]
        given = {**os.environ, "OPERATOR_NAMESPACE": OURS, "POD_NAME": f"{role}-1", **environment}
        self._process = subprocess.Popen(
            command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
        )

    def until_ready(self) -> None:
        until(lambda: asked(self.port, "/readyz")[0] == 200)

    def signalled(self, number: int) -> tuple[int, list[dict[str, Any]]]:
        """Send a signal, wait for the end; gives the exit code and the log."""
        self._process.send_signal(number)
        return self.ended()[:2]

    def ended(self) -> tuple[int, list[dict[str, Any]], str]:
        out, err = self._process.communicate(timeout=WITHIN_S)
        return self._process.returncode, [json.loads(line) for line in out.splitlines()], err

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    made = Face(tmp_path, ours=True)
    made.made(NAMESPACES, {"metadata": {"name": OURS}})
    yield made
    made.close()


@pytest.fixture
def start(face: Face) -> Iterator[Callable[..., Started]]:
    started: list[Started] = []

    def begin(role: str, port: int = 0, **environment: str) -> Started:
        one = Started(role, face.kubeconfig({"token": "admin-token"}), port, **environment)
        started.append(one)
        return one

    yield begin
    for one in started:
        one.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_manager_leads_and_lets_the_lease_go_when_it_is_told_to_stop(face: Face, start: Any, number: int) -> None:
    manager = start("manager", OPERATOR_IMAGE="spo:test")
    manager.until_ready()
    until(lambda: holder(face) == "manager-1")
    until(lambda: face.send(ApiRequest("GET", SPODS.path(OURS, "spod")))[0] == 200)
    assert "process_resident_memory_bytes" in asked(manager.port, "/metrics")[1]

    code, log = manager.signalled(number)
    assert code == 0
    assert holder(face) == ""
    assert log[0]["message"] == "manager started"
    assert log[-1]["message"] == "stopped"
    assert all({"time", "level"} <= line.keys() for line in log)


def holder(face: Face) -> str | None:
    status, lease = face.send(ApiRequest("GET", LEASES.path(OURS, LOCK)))
    return lease["spec"].get("holderIdentity", "") if status == 200 else None


def test_a_daemon_puts_a_profile_on_the_disk_and_says_so(face: Face, start: Any, tmp_path: Path) -> None:
    daemon = start("daemon", NODE_NAME="node-1", KUBELET_DIR=str(tmp_path / "kubelet"))
    face.made(SPODS, {"metadata": {"name": "spod"}}, namespace=OURS)
    profile = {"metadata": {"name": "p", "finalizers": ["spo.x-k8s.io/profile"]}}
    face.made(SECCOMP_PROFILES, {**profile, "spec": {"defaultAction": "SCMP_ACT_LOG"}})
    file = tmp_path / "kubelet/seccomp/operator" / face.namespace / "p.json"
    until(file.exists)
    until(lambda: "Installed" in json.dumps(face.listed(NODE_STATUSES)))

    code, log = daemon.signalled(signal.SIGTERM)
    assert code == 0
    assert log[0]["node"] == "node-1"
    assert file.exists()  # the pods that use it run on


def test_a_role_without_an_api_server_says_why_and_is_alive_but_not_ready(face: Face, start: Any) -> None:
    face.mood = lambda request: Canned(503, b"no endpoints")
    manager = start("manager", OPERATOR_IMAGE="spo:test")
    until(lambda: asked(manager.port, "/livez")[0] == 200)
    assert asked(manager.port, "/readyz")[0] == 503

    time.sleep(0.5)
    code, log = manager.signalled(signal.SIGTERM)
    assert code == 0
    assert any(line["level"] == "warning" and "no endpoints" in line["message"] for line in log)


@pytest.mark.parametrize(("port", "why"), [("taken", "Address already in use"), ("99999", "port must be 0-65535")])
def test_a_port_that_cannot_be_had_ends_the_command_with_2_and_one_line(start: Any, port: str, why: str) -> None:
    with socket.create_server(("", 0)) as taken:
        number = taken.getsockname()[1] if port == "taken" else int(port)
        code, log, err = start("manager", number, OPERATOR_IMAGE="spo:test").ended()

    assert (code, log) == (2, [])
    assert err.startswith(f"spo manager: --port {number}: ")
    assert why in err
    assert err.count("\n") == 1


def test_the_daemon_loads_nothing_heavy(face: Face, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "import spo.cli.main, spo.real.process\n"
        "spo.real.process.Runner.run = lambda *_: None\n"  # it is built, and stops before its first breath
        "code = spo.cli.main.main(['daemon', '--port', '0', '--kubeconfig', sys.argv[1]])\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    given = {**os.environ, "NODE_NAME": "node-1", "KUBELET_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code, str(face.kubeconfig({"token": "t"}))]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=True)
    loaded = done.stderr.split()

    assert "spo.real.cluster" in loaded
    assert not [name for name in loaded if name.partition(".")[0] in HEAVY]
    assert not [name for name in loaded if name.startswith(("spo.sim", "spo.admission", "spo.audit"))]
