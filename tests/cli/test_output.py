"""docs/output.md lists every field that the commands print for machines, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from spo.cli.main import main
from tests.cli.test_sim import Server
from tests.cli.test_try_in_parts import DEPLOYMENT

PAGE = Path(__file__).parent.parent.parent / "docs" / "output.md"
API = "security-profiles-operator.x-k8s.io"
PROFILE = """
apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata: {name: %s, namespace: shop}
spec: {defaultAction: SCMP_ACT_ERRNO, baseProfileName: %s, syscalls: [{action: %s, names: [%s]}]}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: user, namespace: shop, %s}
spec:
  %s
  securityContext: {seccompProfile: {type: Localhost, localhostProfile: operator/shop/strict.json}}
  containers: [{name: main, image: busybox, command: [mkdir, /tmp/a]}]
"""
SPOD = """
apiVersion: security-profiles-operator.x-k8s.io/v1alpha1
kind: SecurityProfilesOperatorDaemon
metadata: {name: spod, namespace: security-profiles-operator}
spec: {%s}
"""
STRICT = PROFILE % ("strict", "runc-v1.0.0", "SCMP_ACT_ALLOW", "exit_group")
ODD = PROFILE % ("odd", '""', "SCMP_ACT_ALLOW", "raed")
WRONG = PROFILE % ("wrong", '""', "SCMP_ACT_MAYBE", "read")
FLAGS = "flags: [SECCOMP_FILTER_FLAG_LOG]"
LIVING = "uid: user, resourceVersion: '7', creationTimestamp: '2026-01-01T00:00:00Z'"


def documented(command: str) -> dict[str, re.Pattern[str]]:
    """Field → what it looks like in an answer."""
    section = PAGE.read_text().split(f"## `spo {command}`\n")[1].split("\n## ")[0]
    fields = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    return {field: re.compile(re.sub(r"<\w+>", ".+", re.sub(r"([.\[\]])", r"\\\1", field)) + r"\Z") for field in fields}


def fields_of(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from fields_of(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for each in value:
            yield from fields_of(each, f"{path}[]")
    elif value is not None:
        yield path


def check(command: str, *answers: Any) -> None:
    known = documented(command)
    found = {field for answer in answers for field in fields_of(answer)}
    assert known, "the page has a section of that name"
    assert {field for field in found if not any(pattern.match(field) for pattern in known.values())} == set()
    assert {name for name, pattern in known.items() if not any(pattern.match(field) for field in found)} == set()
    words = {
        word for field in found if not field.startswith(("profiles[].nodes.", "objects.")) for word in field.split(".")
    }
    assert all(re.fullmatch(r"[a-z][A-Za-z]*(\[\])?", word) for word in words), "names are camelCase"


@pytest.fixture
def answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def ask(*arguments: str, given: str = "", spod: str = "", form: str = "json") -> Any:
        more = [*arguments, "-o", form]
        for option, text in (("-f", given), ("--spod", spod)):
            if text:
                file = tmp_path / f"{option}.yaml"
                file.write_text(text)
                more += [option, str(file)]
        main(more)
        out = capsys.readouterr().out
        return json.loads(out) if form == "json" else yaml.safe_load(out)

    return ask


def test_the_page_has_the_fields_of_spo_try(answer: Any) -> None:
    everything = "---".join((STRICT, ODD, ODD, WRONG, POD % ("labels: {}", ""), SPOD % "enableLogEnricher: true"))
    facts = answer("try", given=everything)
    refused = PROFILE % ("refused", '""', "SCMP_ACT_ALLOW", "mount")
    listed = SPOD % "allowedSyscalls: [exit_group]"
    check("try", facts, answer("try", given="---\n".join((listed, refused, DEPLOYMENT % "refused"))))
    assert facts == answer("try", given=everything, form="yaml")


def test_the_page_has_the_fields_of_spo_explain(answer: Any) -> None:
    user = POD % (LIVING, "nodeName: node-1")
    everything = "---".join((STRICT, PROFILE % ("logs", '""', "SCMP_ACT_LOG", "read"), user, SPOD % ""))
    everything = everything.replace(
        "spec: {}", "spec: {allowedSyscalls: [read, raed], allowedSeccompActions: [SCMP_ACT_LOG]}"
    )
    new = SPOD % "allowedSyscalls: [exit_group], allowedSeccompActions: [SCMP_ACT_ALLOW]"
    free = SPOD % "allowedSyscalls: []"
    check(
        "explain allow-list",
        answer("explain", "allow-list", given=everything, spod=new),
        answer("explain", "allow-list", given="---".join((STRICT, user)), spod=new),
        answer("explain", "allow-list", given=STRICT, spod=free),
        answer("explain", "allow-list", given=STRICT.replace("baseProfileName", f"{FLAGS}, baseProfileName"), spod=new),
        answer("explain", "allow-list", given=ODD, spod=SPOD % "allowedSyscalls: [exit_group]"),
    )


def test_the_page_has_the_fields_of_spo_sim_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(tmp_path / "kubeconfig", "serve", "--nodes", "1", "--without-operator")
    try:
        main(["sim", "state", "--kubeconfig", str(server.kubeconfig)])
    finally:
        server.kill()
    check("sim state", json.loads(capsys.readouterr().out))


def test_the_page_has_the_fields_of_spo_version(answer: Any) -> None:
    check("version", answer("version"))
