"""`spo try` of profiles that no container runtime loads, or only some: the pod does not run, and the reason is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spo.cli.main import main

API = "security-profiles-operator.x-k8s.io/v1beta1"
MODE = [{"index": 1, "op": "SCMP_CMP_EQ", "value": 511}]
REFUSING = {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}
AGENT = "/var/run/security-profiles-operator/agent.sock"


def given(*rules: dict[str, Any], default: str = "SCMP_ACT_ALLOW", **spec: Any) -> str:
    """A profile, and a pod under it."""
    metadata = {"name": "p", "namespace": "demo"}
    wanted = {"defaultAction": default, "syscalls": list(rules), **spec}
    context = {"seccompProfile": {"type": "Localhost", "localhostProfile": "operator/demo/p.json"}}
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}},
        {"apiVersion": API, "kind": "SeccompProfile", "metadata": metadata, "spec": wanted},
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {"securityContext": context, "containers": [{"name": "c", "image": "busybox"}]},
        },
    ]
    return "\n---\n".join(json.dumps(each) for each in objects)


@pytest.fixture
def tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(text: str, *options: str) -> tuple[int, dict[str, Any]]:
        file = tmp_path / "given.yaml"
        file.write_text(text, encoding="utf-8")
        code = main(["try", "-f", str(file), "--nodes", "1", "-o", "json", *options])
        return code, json.loads(capsys.readouterr().out)

    return run


def of_profile(said: dict[str, Any]) -> dict[str, Any]:
    (found,) = [each for each in said["profiles"] if each["name"] == "p"]
    return dict(found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (given(REFUSING, architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_S390X"]), "numerical argument out of domain"),
        (given({**REFUSING, "action": "SCMP_ACT_NOTIFY"}), "listenerPath is not set"),
        (given({"names": ["write"], "action": "SCMP_ACT_NOTIFY"}, listenerPath=AGENT), "for the write syscall"),
        (given({**REFUSING, "args": MODE}, {**REFUSING, "action": "SCMP_ACT_KILL", "args": MODE}), "file exists"),
        (given({**REFUSING, "errnoRet": 65535}), "takes 0 to 4094"),
    ],
)
def test_what_no_runtime_loads_is_an_error_of_the_profile_and_its_pod_does_not_run(
    tried: Any, text: str, told: str
) -> None:
    code, said = tried(text)

    assert code == 1
    assert (of_profile(said)["state"], of_profile(said)["reason"]) == ("Error", "InvalidSeccompProfile")
    assert told in of_profile(said)["message"]
    assert [(pod["name"], pod["reason"]) for pod in said["pods"]] == [("p", "CreateContainerError")]


def test_an_error_number_that_would_be_cut_to_none_is_refused_by_the_server(tried: Any) -> None:
    code, said = tried(given({**REFUSING, "errnoRet": 65536}))

    assert code == 1
    (rejected,) = said["rejected"]
    assert "spec.syscalls[0].errnoRet" in rejected["message"] and "65535" in rejected["message"]


def test_an_agent_that_does_not_listen_keeps_the_pod_from_starting_and_is_told(tried: Any) -> None:
    code, said = tried(given({**REFUSING, "action": "SCMP_ACT_NOTIFY"}, listenerPath=AGENT))

    assert code == 1
    assert of_profile(said)["state"] == "Installed"
    (pod,) = said["pods"]
    assert pod["reason"] == "RunContainerError"
    assert f"dial unix {AGENT}: connect: no such file or directory" in pod["message"]
    assert "listenerPath" in pod["remedy"]


@pytest.mark.parametrize(
    ("spec", "words", "remedy"),
    [
        ({"flags": ["SECCOMP_FILTER_FLAG_LOG"]}, "seccomp flags are not yet supported by runc", "spec.flags"),
        ({"architectures": ["SCMP_ARCH_RISCV64"]}, "string SCMP_ARCH_RISCV64 is not a valid arch", "architecture"),
    ],
)
def test_what_depends_on_the_runtime_is_a_remark_and_the_runtime_of_the_nodes_decides(
    tried: Any, spec: dict[str, Any], words: str, remedy: str
) -> None:
    code, said = tried(given(REFUSING, **spec))
    assert code == 1
    (remark,) = of_profile(said)["remarks"]
    assert remark.startswith("DependsOnRuntime: ")
    (pod,) = said["pods"]
    assert words in pod["message"] and remedy in pod["remedy"]

    code, said = tried(given(REFUSING, **spec), "--runc", "1.2.4")
    assert (code, said["pods"]) == (0, [])
    assert of_profile(said)["remarks"] == [remark]


def test_big_endian_architectures_alone_are_for_other_nodes(tried: Any) -> None:
    code, said = tried(given(REFUSING, architectures=["SCMP_ARCH_S390X"]))

    assert code == 1
    assert of_profile(said)["remarks"][0].startswith("DependsOnRuntime: SCMP_ARCH_S390X: only big-endian nodes load it")
    (pod,) = said["pods"]
    assert "numerical argument out of domain" in pod["message"] and "byte order" in pod["remedy"]


def test_a_release_that_is_none_is_bad_input(tried: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tried(given(REFUSING), "--runc", "newest")
    assert "'newest' is not a release like 1.1.5" in capsys.readouterr().err
