"""`spo convert`: from every form that people have a profile in, with every refusal in its place."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from spo.cli.main import BAD_INPUT, OK, main
from tests.convert.docker_profile import docker_profile

API = "security-profiles-operator.x-k8s.io"
OCI = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
PROFILE = f"""\
apiVersion: {API}/v1beta1
kind: SeccompProfile
metadata: {{name: web, namespace: shop}}
spec:
  defaultAction: SCMP_ACT_ERRNO
  baseProfileName: base
  syscalls:
  - {{action: SCMP_ACT_ALLOW, names: [read]}}
"""
BASE = PROFILE.replace("name: web", "name: base").replace("  baseProfileName: base\n", "").replace("[read]", "[write]")
OLD = PROFILE.replace("  baseProfileName: base\n", "  disabled: true\n")


class Converted:
    """One run of `spo convert`, and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def objects(self) -> list[dict[str, Any]]:
        return list(yaml.safe_load_all(self.out))


@pytest.fixture
def converted(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **files: str) -> Converted:
        for name, text in files.items():
            Path(name.replace("_", ".")).write_text(text)
        try:
            code = main(["convert", *arguments, *(name.replace("_", ".") for name in files)])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        said = capsys.readouterr()
        return Converted(code, said.out, said.err)

    return run


def test_seccomp_json_becomes_a_manifest(converted: Any) -> None:
    run = converted("--namespace", "shop", web_json=json.dumps(OCI))
    assert (run.code, run.err) == (OK, "")
    assert run.objects == [
        {
            "apiVersion": f"{API}/v1beta1",
            "kind": "SeccompProfile",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {
                "defaultAction": "SCMP_ACT_ERRNO",
                "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}],
            },
        }
    ]


def test_json_of_stdin_needs_a_name(converted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(OCI).encode())))
    assert converted("--name", "web", "-o", "json", "-").objects[0]["metadata"] == {"name": "web"}

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(OCI).encode())))
    run = converted("-")
    assert (run.code, run.out) == (BAD_INPUT, "")
    assert run.err == (
        "spo: <stdin>:1: there is no name in it for the profile\n    → give one: --name NAME\n"
        "spo: nothing was converted\n"
    )


def test_dockers_profile_is_read_for_the_containers_that_are_named(converted: Any) -> None:
    text = json.dumps(docker_profile(), indent="\t")
    some, admin = converted(default_json=text), converted("--cap", "sys_admin", "--arch", "s390x", default_json=text)

    def allowed(run: Converted) -> set[str]:
        rules = run.objects[0]["spec"]["syscalls"]
        return {name for rule in rules for name in rule["names"] if rule["action"] == "SCMP_ACT_ALLOW"}

    assert {"chroot", "arch_prctl", "ptrace"} <= allowed(some) and "mount" not in allowed(some)
    assert {"mount", "s390_runtime_instr"} <= allowed(admin) and "arch_prctl" not in allowed(admin)
    assert "ptrace" not in allowed(converted("--kernel", "4.7", default_json=text))
    assert admin.objects[0]["spec"]["architectures"] == ["SCMP_ARCH_S390X", "SCMP_ARCH_S390"]
    assert "6 of 18 rules are for others" in some.err and "syscalls[16]" not in some.err
    assert "left out: syscalls[16] (reboot): only with CAP_SYS_BOOT" in converted("-v", default_json=text).err


def test_manifests_of_another_release_become_those_of_this_one(converted: Any) -> None:
    run = converted(old_yaml=OLD)
    assert run.code == OK
    assert run.objects[0]["spec"]["state"] == "Disabled"
    assert 'SeccompProfile shop/web (old.yaml:1):\n    spec.disabled → spec.state: "Disabled"\n' in run.err


def test_several_come_as_documents_or_as_a_list(converted: Any) -> None:
    both = f"{PROFILE}---\n{BASE}"
    run, listed = converted(both_yaml=both), converted("-o", "json", both_yaml=both)
    assert [each["metadata"]["name"] for each in run.objects] == ["web", "base"]
    assert run.err == "spo: nothing had to be changed: it is in the form of this release\n"
    assert json.loads(listed.out) == {"apiVersion": "v1", "kind": "List", "items": run.objects}
    assert [each["metadata"]["name"] for each in converted("--name", "base", both_yaml=both).objects] == ["base"]


def test_the_file_of_a_profile_is_printed_with_its_bases_in_it(converted: Any) -> None:
    run = converted("--to", "oci", "--name", "web", web_yaml=PROFILE, base_yaml=BASE)
    assert run.code == OK
    assert json.loads(run.out)["syscalls"] == [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}]
    assert "with what its bases let through: shop/base" in run.err


def test_the_files_of_several_are_written_as_on_a_node(converted: Any) -> None:
    run = converted("--to", "oci", "--into", "files", web_yaml=PROFILE, base_yaml=BASE)
    assert run.out.split() == ["files/shop/web.json", "files/shop/base.json"]
    assert json.loads(Path("files/shop/base.json").read_text())["syscalls"][0]["names"] == ["write"]

    run = converted("--to", "oci", web_yaml=PROFILE, base_yaml=BASE)
    assert (run.code, run.out) == (BAD_INPUT, "")
    assert "these are 2: shop/web.json, shop/base.json\n    → have them written with --into DIR" in run.err


def test_a_directory_that_cannot_be_written_is_told(converted: Any) -> None:
    Path("file").write_text("")
    run = converted("--to", "oci", "--into", "file", base_yaml=BASE)
    assert run.code == BAD_INPUT
    assert "give a directory that can be written" in run.err


def test_what_is_refused_is_told_with_file_line_field_and_remedy_and_nothing_comes_out(converted: Any) -> None:
    bad = {**OCI, "flags": ["SECCOMP_FILTER_FLAG_LOGS"], "defaultAction": "SCMP_ACT_NO"}
    run = converted(bad_json=json.dumps(bad, indent="\t"), web_yaml=PROFILE)
    assert (run.code, run.out) == (BAD_INPUT, "")
    lines = run.err.splitlines()
    assert lines[0].startswith("spo: bad.json:2: defaultAction: a SeccompProfile has no action SCMP_ACT_NO")
    assert "spo: bad.json:12: flags[0]: a SeccompProfile has no flag SECCOMP_FILTER_FLAG_LOGS" in lines
    assert "    → did you mean SECCOMP_FILTER_FLAG_LOG?" in lines
    assert lines[-1] == "spo: nothing was converted"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PROFILE.replace("SCMP_ACT_ERRNO", "SCMP_ACT_ERNO"), "web.yaml:5: SeccompProfile shop/web: spec.defaultAction"),
        (
            PROFILE.replace("kind: Secc", "kind: Sec"),
            "web.yaml:2: SecompProfile shop/web: kind: the operator has no kind",
        ),
        (PROFILE.replace("SeccompProfile", "SelinuxProfile"), "kind: SelinuxProfile is not in this release"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", "spo: input: there is no object that can be converted"),
        ("kind: [\n", "web.yaml:1: not YAML"),
    ],
)
def test_manifests_that_cannot_be_converted_are_refused(converted: Any, text: str, words: str) -> None:
    run = converted(web_yaml=text)
    assert (run.code, run.out) == (BAD_INPUT, "")
    assert words in run.err


def test_a_missing_base_is_refused_by_name(converted: Any) -> None:
    run = converted("--to", "oci", web_yaml=PROFILE)
    assert run.code == BAD_INPUT
    assert "web.yaml:6: SeccompProfile shop/web: spec.baseProfileName: shop/web names the base profile base" in run.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cap", "SYS_ADMN"), "there is no capability SYS_ADMN; did you mean CAP_SYS_ADMIN?"),
        (("--arch", "z80"), "z80 is none of x86, amd64"),
        (("--kernel", "new"), "'new' is no version like 6.1"),
        (("--name", "My Profile"), "'My Profile' is no name that an object can have; my-profile is"),
        (("--namespace", "a.b"), "'a.b' is no name that an object can have; a-b is"),
        (("--into", "x"), "--into and --operator-namespace are for --to oci"),
        (("--operator-namespace", "x"), "--into and --operator-namespace are for --to oci"),
        (("--to", "oci", "-o", "yaml"), "--to oci always writes JSON"),
    ],
)
def test_options_that_make_no_sense_are_refused(converted: Any, options: tuple[str, ...], words: str) -> None:
    run = converted(*options, web_json=json.dumps(OCI))
    assert (run.code, run.out) == (BAD_INPUT, "")
    assert words in run.err
