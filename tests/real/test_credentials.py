"""Who we are: kubeconfigs and what may be wrong with them, tokens that rotate, exec plug-ins."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from freezegun import freeze_time

from spo.cli.main import main
from spo.doors.wire import ApiRequest
from spo.interest import Interest
from spo.real import credentials
from spo.real.credentials import Adapter, BadConfig, ExecPlugins, config_of
from spo.real.transport import Patience
from tests.conformance.cluster.listener import CONFIGMAPS, Kept, Listener
from tests.conformance.cluster.served import Face
from tests.conformance.cluster.test_reading import configmap

V1 = "client.authentication.k8s.io/v1"
SERVER = {"server": "https://example.test:6443"}


def kubeconfig(tmp_path: Path, user: Any = None, cluster: Any = None, **more: Any) -> Path:
    config = {
        "clusters": [{"name": "c", "cluster": SERVER if cluster is None else cluster}],
        "users": [{"name": "u", "user": user or {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
        **more,
    }
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(config))
    return file


def plug_in(tmp_path: Path, body: str, **more: Any) -> dict[str, Any]:
    """A program that counts its runs; `body` says what it does."""
    program = tmp_path / "plug-in"
    runs = tmp_path / "runs"
    program.write_text(f"#!{sys.executable}\nimport json, os, sys\nopen({str(runs)!r}, 'a').write('x')\n{body}\n")
    program.chmod(0o755)
    return {"apiVersion": V1, "command": str(program), **more}


def runs(tmp_path: Path) -> int:
    return len((tmp_path / "runs").read_text())


def gives(**status: Any) -> str:
    answer = {"apiVersion": V1, "kind": "ExecCredential", "status": status}
    return f"print({json.dumps(answer)!r})"


# -- kubeconfigs ---------------------------------------------------------------------------------------------------

WRONG = {
    "no current-context": ({"current-context": ""}, "it has no current-context"),
    "no such context": ({"current-context": "y"}, "it has no context 'y', its current one"),
    "no such cluster": ({"clusters": []}, "it has no cluster 'c', which its context 'x' names"),
    "no server": ({"cluster": {"insecure-skip-tls-verify": True}}, "its cluster 'c' has no server"),
    "no authority": ({"cluster": {**SERVER, "certificate-authority": "/no/ca"}}, "'/no/ca' file does not exist"),
    "not base64": ({"cluster": {**SERVER, "certificate-authority-data": "1"}}, "no usable cluster configuration"),
    "no key": ({"user": {"client-certificate": "/no/crt", "client-key": "/no/key"}}, "'/no/crt' file does not exist"),
    "auth provider": (
        {"user": {"auth-provider": {"name": "oidc", "config": {}}}},
        "its user has auth-provider, which",
    ),
    "somebody else": ({"user": {"token": "t", "as": "boss"}}, "its user has as, which is not supported"),
    "no command": ({"user": {"exec": {"apiVersion": V1}}}, "its exec plug-in has no command"),
    "old plug-in": (
        {"user": {"exec": {"command": "p", "apiVersion": "x/v1alpha1"}}},
        "exec plug-in p: apiVersion 'x/v1a",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_kubeconfig_is_said_in_one_line(tmp_path: Path, wrong: str) -> None:
    given, words = WRONG[wrong]
    file = kubeconfig(tmp_path, **given)
    with pytest.raises(BadConfig) as caught:
        config_of(file)

    text = str(caught.value)
    assert words in text
    assert text.startswith(f"{file}: ")
    assert text.endswith("Name a kubeconfig with --kubeconfig.")
    assert "\n" not in text


@pytest.mark.parametrize("text", ["", "[]", "hello", "{}", "clusters: 3\ncurrent-context: x", "a: [", "\0"])
def test_what_is_no_kubeconfig_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(BadConfig, match="kubeconfig"):
        config_of(file)


def test_a_kubeconfig_that_is_not_there_ends_the_command_with_2_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPERATOR_IMAGE", "spo:test")
    assert main(["manager", "--kubeconfig", str(tmp_path / "none")]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"spo manager: {tmp_path}/none: no usable cluster configuration: Configuration file {tmp_path}/none not found."
        " Name a kubeconfig with --kubeconfig."
    ]


def test_the_message_names_the_file_that_the_environment_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(BadConfig, match=rf"^{tmp_path}/none: "):
        config_of(None)


@pytest.fixture
def in_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the kubelet mounts into every pod."""
    for name, text in (("token", "first\n"), ("namespace", "ours"), ("ca.crt", "PEM")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(credentials, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return tmp_path


def test_in_a_pod_its_service_account_is_used_with_the_token_of_the_moment(in_pod: Path) -> None:
    config = config_of(None)
    assert config.cluster["server"] == "https://10.0.0.1:443"
    assert config.namespace == "ours"
    adapter = Adapter(config)
    assert authorization(adapter) == "Bearer first"

    (in_pod / "next").write_text("second\n")
    (in_pod / "next").rename(in_pod / "token")
    assert authorization(adapter) == "Bearer second"


def test_in_a_pod_without_an_api_server_the_message_is_about_the_pod(
    in_pod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    with pytest.raises(BadConfig, match=f"^{in_pod}: .*KUBERNETES_SERVICE_HOST"):
        config_of(None)


def authorization(adapter: Adapter) -> str | None:
    return prepared(adapter)[0].headers.get("Authorization")


def prepared(adapter: Adapter) -> tuple[requests.PreparedRequest, dict[str, Any]]:
    """What would be sent, and with which options."""
    request = requests.Request("GET", "https://example.test/").prepare()
    sent: list[dict[str, Any]] = []

    def send(self: Any, request: Any, **options: Any) -> requests.Response:
        sent.append(options)
        response = requests.Response()
        response.status_code = 200
        return response

    adapter._do_send = send.__get__(adapter)
    adapter.send(request)
    return request, sent[0]


def test_a_key_that_stands_in_a_kubeconfig_is_never_readable_by_others(tmp_path: Path) -> None:
    inline = {f"{name}-data": base64.b64encode(name.encode()).decode() for name in ("client-certificate", "client-key")}
    adapter = Adapter(config_of(kubeconfig(tmp_path, inline)))

    files = [Path(name) for name in prepared(adapter)[1]["cert"]]
    assert [file.read_text() for file in files] == ["client-certificate", "client-key"]
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_files_are_found_beside_the_kubeconfig_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "my-token").write_text("t1")
    assert authorization(Adapter(config_of(kubeconfig(tmp_path, {"tokenFile": "my-token"})))) == "Bearer t1"

    plug_in(tmp_path, gives(token="t2"))
    user = {"exec": {"apiVersion": V1, "command": "./plug-in"}}
    assert authorization(Adapter(config_of(kubeconfig(tmp_path, user)))) == "Bearer t2"


# -- exec plug-ins -------------------------------------------------------------------------------------------------


def test_a_plug_in_runs_once_for_as_long_as_its_credential_is_good(tmp_path: Path) -> None:
    wanted = plug_in(tmp_path, gives(token="t", expirationTimestamp="2030-01-01T01:00:00Z"))
    plug_ins = ExecPlugins()
    with freeze_time("2030-01-01T00:00:00Z") as clock:
        assert plug_ins.credential(wanted, SERVER).token == "t"
        clock.move_to("2030-01-01T00:58:59Z")
        plug_ins.credential(wanted, SERVER)
        assert runs(tmp_path) == 1

        clock.move_to("2030-01-01T00:59:01Z")  # a minute early: nothing is sent with a token about to expire
        plug_ins.credential(wanted, SERVER)
        assert runs(tmp_path) == 2


def test_a_credential_without_an_end_is_kept_until_the_server_refuses_it(tmp_path: Path) -> None:
    wanted = plug_in(tmp_path, gives(token="t"))
    plug_ins = ExecPlugins()
    with freeze_time("2030-01-01") as clock:
        plug_ins.credential(wanted, SERVER)
        clock.move_to("2040-01-01")
        plug_ins.credential(wanted, SERVER)
    assert runs(tmp_path) == 1

    plug_ins.forget(wanted)
    plug_ins.credential(wanted, SERVER)
    assert runs(tmp_path) == 2


def test_a_plug_in_may_give_a_certificate(tmp_path: Path) -> None:
    wanted = plug_in(tmp_path, gives(clientCertificateData="CRT", clientKeyData="KEY"))
    request, options = prepared(Adapter(config_of(kubeconfig(tmp_path, {"exec": wanted}))))

    assert [Path(name).read_text() for name in options["cert"]] == ["CRT", "KEY"]
    assert "Authorization" not in request.headers


def test_a_plug_in_is_told_version_cluster_and_environment(tmp_path: Path) -> None:
    body = "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n" + (
        "token = json.dumps([info, os.environ['EXTRA'], sys.argv[1:], sys.stdin.read()])\n"
        f"print(json.dumps({{'apiVersion': {V1!r}, 'kind': 'ExecCredential', 'status': {{'token': token}}}}))"
    )
    wanted = plug_in(tmp_path, body, args=["a", "b"], env=[{"name": "EXTRA", "value": "e"}], provideClusterInfo=True)
    authority = base64.b64encode(b"PEM").decode()
    file = kubeconfig(tmp_path, {"exec": wanted}, {**SERVER, "certificate-authority-data": authority})
    said = authorization(Adapter(config_of(file)))

    assert said is not None
    info, extra, arguments, typed = json.loads(said.removeprefix("Bearer "))
    assert info == {
        "kind": "ExecCredential",
        "apiVersion": V1,
        "spec": {"interactive": False, "cluster": {**SERVER, "certificate-authority-data": authority}},
    }
    assert (extra, arguments, typed) == ("e", ["a", "b"], "")


BROKEN = {
    "fails": ("sys.exit('no such account')", "returned non-zero exit status 1. no such account try: install it"),
    "says nothing": ("", "exec plug-in"),
    "babbles": ("print('hello')", "exec plug-in"),
    "has no status": (f"print({json.dumps({'apiVersion': V1})!r})", "status"),
    "gives nothing": (gives(), "it gave neither a token nor a client certificate"),
    "has half a pair": (gives(clientCertificateData="CRT"), "it gave neither a token nor a client certificate"),
    "gives a number": (gives(token=7), "token"),
    "speaks another version": (gives(token="t").replace(V1, V1 + "beta1"), f"it answered in {V1}beta1, not in {V1}"),
    "knows no clock": (gives(token="t", expirationTimestamp="soon"), "RFC3339"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_plug_in_that_fails_is_named_with_what_it_said(tmp_path: Path, broken: str) -> None:
    body, words = BROKEN[broken]
    wanted = plug_in(tmp_path, body, installHint="try: install it")
    with pytest.raises(BadConfig) as caught:
        ExecPlugins().credential(wanted, SERVER)

    assert words in str(caught.value)
    assert str(caught.value).startswith(f"exec plug-in {tmp_path}/plug-in: ")
    assert "\n" not in str(caught.value)


def test_a_plug_in_that_is_not_installed_is_named_with_its_hint() -> None:
    wanted = {"apiVersion": V1, "command": "no-such-plug-in", "installHint": "get it from example.test"}
    with pytest.raises(BadConfig, match=r"exec plug-in no-such-plug-in: .*No such file.* get it from example\.test"):
        ExecPlugins().credential(wanted, SERVER)


@pytest.fixture
def face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Face]:
    monkeypatch.setattr(credentials, "EXECUTED", ExecPlugins())
    made = Face(tmp_path)
    yield made
    made.close()


def test_a_refused_credential_is_fetched_anew_at_once(face: Face, tmp_path: Path) -> None:
    body = (
        f"token = open({str(tmp_path / 'now')!r}).read()\n"
        f"print(json.dumps({{'apiVersion': {V1!r}, 'status': {{'token': token}}}}))"
    )
    wanted = plug_in(tmp_path, body)
    (tmp_path / "now").write_text("old")
    face.token = "old"
    transport = face.transport({"exec": wanted})
    assert transport.send(ApiRequest("GET", "/version")).status == 200
    (tmp_path / "now").write_text("new")
    face.token = "new"
    assert transport.send(ApiRequest("GET", "/version")).status == 200
    assert runs(tmp_path) == 2


def test_a_watch_outlives_a_plug_in_that_fails_for_a_while(face: Face, tmp_path: Path) -> None:
    flag = tmp_path / "broken"
    body = f"if os.path.exists({str(flag)!r}): sys.exit('the vault is sealed')\n" + gives(
        token="admin-token", expirationTimestamp="2020-01-01T00:00:00Z"
    )
    door = face.door_of({"exec": plug_in(tmp_path, body)}, Patience(watch_s=1, pause_s=0.05, pause_s_max=0.2))
    heard = Listener(door, Interest(CONFIGMAPS, Kept, namespace=face.namespace), face.pass_time)
    heard.until_listed()
    flag.touch()
    heard.until(lambda: any("the vault is sealed" in text for text in face.troubles))

    flag.unlink()
    face.made(CONFIGMAPS, configmap("a"))
    heard.until_known("a")


def test_what_we_leave_on_the_disk_goes_when_we_end(tmp_path: Path) -> None:
    inline = {"client-certificate-data": "QQ==", "client-key-data": "QQ=="}
    code = (
        "from spo.real.credentials import config_of\n"
        f"print(config_of({str(kubeconfig(tmp_path, inline))!r}).user['client-key'].filename())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert said and not os.path.exists(os.path.dirname(said))
