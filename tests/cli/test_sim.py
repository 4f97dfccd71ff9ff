"""`spo sim`: a cluster for any client, its time, and keeping it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from spo.cli.main import main
from spo.cli.sim import DESCRIPTIONS
from spo.sim.http.remote import ServedCluster

WITHIN_S = 30
DUMPED_PROFILE = """\
apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata: {namespace: team, name: a, uid: a-1, creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {defaultAction: SCMP_ACT_ERRNO}
"""
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: mine}\n"

Start = Callable[..., "Server"]


def as_from_a_terminal() -> None:
    """Whoever runs these tests under nohup, or in the background, hands ignored signals down."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


class Server:
    """A `spo sim` process that serves."""

    def __init__(self, kubeconfig: Path, *arguments: str) -> None:
        self.kubeconfig = kubeconfig
        command = [sys.executable, "-m", "spo.cli.main", "sim", *arguments, "--kubeconfig", str(kubeconfig)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=as_from_a_terminal)
        end = time.monotonic() + WITHIN_S
        while not kubeconfig.exists():
            assert self._process.poll() is None, self._process.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)

    def ask(self, path: str, method: str = "GET") -> Any:
        return json.loads(ServedCluster(str(self.kubeconfig)).ask(method, path))

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit code, and what was said."""
        self._process.send_signal(how)
        out, err = self._process.communicate(timeout=WITHIN_S)
        return self._process.returncode, out, err

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers: list[Server] = []

    def started(*arguments: str) -> Server:
        servers.append(Server(tmp_path / f"kubeconfig-{len(servers)}", *arguments))
        return servers[-1]

    yield started
    for server in servers:
        server.kill()


def code_of(*arguments: str) -> int:
    try:
        return main(["sim", *arguments])
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_serves_says_what_to_do_and_stops_when_told(start: Start, how: signal.Signals) -> None:
    server = start("serve", "--nodes", "2", "--pods", "5", "--without-operator")
    state = server.ask("/sim/state")
    assert (state["nodes"], state["objects"]["pods"], state["speed"]) == (2, 5, "max")

    code, said, complaints = server.stop(how)
    assert (code, complaints) == (0, "")
    assert "2 simulated nodes, 5 pods, at https://127.0.0.1:" in said
    assert f"export KUBECONFIG={server.kubeconfig}" in said


def test_the_operator_is_at_work_in_it_unless_it_is_left_out(start: Start) -> None:
    daemons = "/apis/security-profiles-operator.x-k8s.io/v1alpha1/namespaces/security-profiles-operator"
    spod = start("serve", "--nodes", "1").ask(f"{daemons}/securityprofilesoperatordaemons/spod")
    assert spod["status"]["state"] == "RUNNING"


def test_manifests_can_be_there_from_the_start(start: Start, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(NAMESPACE)
    server = start("serve", "--nodes", "1", "--without-operator", "-f", str(tmp_path / "mine.yaml"))
    assert server.ask("/api/v1/namespaces/mine")["status"]["phase"] == "Active"


def test_nothing_of_a_dump_is_left_out_in_silence(start: Start, tmp_path: Path) -> None:
    (tmp_path / "dump.yaml").write_text(DUMPED_PROFILE)
    profile = "/apis/security-profiles-operator.x-k8s.io/v1beta1/namespaces/team/seccompprofiles/a"
    server = start("serve", "--nodes", "1", "-f", str(tmp_path / "dump.yaml"))
    assert server.ask(profile)["metadata"]["uid"] == "a-1"
    server = start("serve", "--nodes", "1", "--without-operator", "-f", str(tmp_path / "dump.yaml"))
    _, _, complaints = server.stop()
    assert "namespace team was not in the input, and was made" in complaints
    assert "SeccompProfile team/a is left out" in complaints


@pytest.mark.parametrize("options", [(), ("--without-operator",)])
def test_there_may_be_no_node_at_all(start: Start, options: tuple[str, ...]) -> None:
    server = start("serve", "--nodes", "0", *options)
    assert server.ask("/api/v1/nodes")["items"] == []
    assert server.ask("/sim/state")["nodes"] == 0


def test_at_real_speed_no_clock_there_is_ahead_of_ours(start: Start) -> None:
    """What the operator's start took of simulated time has passed already."""
    server = start("serve", "--nodes", "1", "--speed", "real")
    told = datetime.fromisoformat(server.ask("/sim/state")["now"]).timestamp()
    assert told <= time.time()
    leases = server.ask("/apis/coordination.k8s.io/v1/leases")["items"]
    renewed = [datetime.fromisoformat(each["spec"]["renewTime"]).timestamp() for each in leases]
    assert renewed and max(renewed) <= time.time()


def test_it_begins_an_hour_ago_or_when_it_is_told(start: Start) -> None:
    def begun(*arguments: str) -> str:
        server = start("serve", "--nodes", "1", "--without-operator", "--speed", "manual", *arguments)
        return str(server.ask("/api/v1/nodes/node-1")["metadata"]["creationTimestamp"])

    assert begun("--start", "2030-05-06T07:00:00Z") == "2030-05-06T07:00:00Z"
    ago = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() - 3600))
    assert begun().startswith(ago[:10])


def test_time_is_let_pass_and_the_cluster_kept_and_served_again(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start("serve", "--nodes", "1", "--pods", "2", "--without-operator", "--speed", "manual")
    at = f"--kubeconfig={server.kubeconfig}"
    before = server.ask("/sim/state")["now"]
    assert code_of("advance", "1h", at) == 0
    assert code_of("state", at) == 0
    after = server.ask("/sim/state")["now"]
    assert after > before
    assert f"it is {after} there" in capsys.readouterr().out

    file = tmp_path / "kept.ndjson"
    assert code_of("save", str(file), at) == 0
    server.stop()
    again = start("load", str(file), "--speed", "manual").ask("/sim/state")
    assert (again["now"], again["objects"]["pods"], again["nodes"]) == (after, 2, 1)


def test_a_kubeconfig_that_knows_other_clusters_is_left_alone(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump({"clusters": [{"name": "production"}]}))
    assert code_of("serve", "--kubeconfig", str(file)) == 2
    assert "is left alone" in capsys.readouterr().err
    assert "production" in file.read_text()


def test_the_kubeconfig_is_for_its_owner_alone_and_goes_with_the_server_if_it_was_not_named(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "spo.cli.main", "sim", "serve", "--nodes", "1", "--without-operator"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        path = next(re.search(r"KUBECONFIG=(\S+)", line) for line in process.stdout if "KUBECONFIG" in line)
        assert path is not None
        assert Path(path[1]).stat().st_mode & 0o077 == 0
        process.terminate()
    assert list(tmp_path.iterdir()) == []


def test_more_pods_than_the_nodes_hold_are_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("serve", "--nodes", "1", "--pods", "111", "--without-operator") == 2
    assert "→ --nodes 2" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["serve", "load", "advance", "state", "save"])
def test_each_help_says_what_the_command_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(name, "--help") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert DESCRIPTIONS[name] in said
    assert ("only with `spo sim advance`" in said) == (name in ("serve", "load"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--listen", "nowhere"),
        ("serve", "--nodes", "-1"),
        ("serve", "--start", "yesterday"),
        ("serve", "-f", "no-such-file.yaml"),
        ("load", "no-such-file"),
        ("advance", "5m", "--kubeconfig", "no-such-file"),
        (),
    ],
)
def test_bad_input_is_told_at_once(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(*arguments) == 2
    assert capsys.readouterr().err


def test_what_is_no_snapshot_is_not_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("kind: Pod\n")
    assert code_of("load", str(tmp_path / "file")) == 2
    assert "line 1" in capsys.readouterr().err


def test_a_port_that_is_taken_is_a_no(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    server = start("serve", "--nodes", "1", "--without-operator")
    taken = ServedCluster(str(server.kubeconfig)).server.removeprefix("https://")
    assert code_of("serve", "--nodes", "1", "--without-operator", "--listen", taken) == 1
    assert "in use" in capsys.readouterr().err


def test_a_cluster_that_is_gone_or_says_no_is_a_no(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    server = start("serve", "--nodes", "1", "--without-operator")
    at = f"--kubeconfig={server.kubeconfig}"
    assert code_of("advance", "soon", at) == 1
    assert "'soon' is not a time" in capsys.readouterr().err
    server.stop()
    assert code_of("state", at) == 1
    assert "still running?" in capsys.readouterr().err
