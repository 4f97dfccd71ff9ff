"""What is no manifest yet is named for what it is, with the command that makes one of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spo.input.foreign import is_seccomp
from spo.input.load import BadInput, load

OCI = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}
TEMPLATE = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.name }}\n"
CONDITIONAL = "{{- if .Values.on }}\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n{{- end }}\n"
QUOTED = 'apiVersion: v1\nkind: Pod\nmetadata: {name: "{{ .Release.Name }}-web"}\n'
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n"
ALERT = POD + '  annotations: {summary: "{{ $labels.pod }} is down"}\n  labels: a: b\n'


def refusal(directory: Path, name: str, text: str) -> str:
    file = directory / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    with pytest.raises(BadInput) as caught:
        load([str(file)])
    return str(caught.value).replace(f"{directory}/", "")


@pytest.mark.parametrize(
    ("name", "text", "place", "remedy"),
    [
        ("oci.json", json.dumps(OCI), "oci.json:1: it is an OCI seccomp profile", "`spo convert {dir}/oci.json`"),
        ("docker.json", json.dumps({"archMap": []}), "docker.json:1: it is an OCI seccomp profile", "`spo convert "),
        ("p.yaml", "a: 1\n", "p.yaml:1: apiVersion: is missing", "`apiVersion: v1`"),
        ("config.json", '{"ociVersion": "1"}', "config.json:1: it is an OCI container's", "jq .linux.seccomp"),
        ("t.yaml", TEMPLATE, "t.yaml:4: it is a Helm template", "`helm template … | spo try -f -`"),
        ("t.yaml", CONDITIONAL, "t.yaml:1: it is a Helm template", "`helm template … | spo try -f -`"),
        ("t.yaml", QUOTED, "t.yaml:1: it is a Helm template", "`helm template … | spo try -f -`"),
        (
            "web/Chart.yaml",
            "apiVersion: v2\nname: web\n",
            "it describes a Helm chart",
            "`helm template {dir}/web | spo",
        ),
        (
            "k/kustomization.yaml",
            "resources: [p.yaml]\n",
            "it is a kustomization",
            "`kubectl kustomize {dir}/k | spo try -f -`",
        ),
        ("k.yaml", "kind: Kustomization\nresources: []\n", "it is a kustomization", "`kubectl kustomize {dir} | spo"),
        (
            "k.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n",
            "a kustomization",
            "kubectl kustomize",
        ),
        (
            "d.yaml",
            f"Warning: v1 Endpoints is deprecated\n{POD}",
            "d.yaml:1: this line is not of the manifests",
            "2>&1",
        ),
        (
            "d.json",
            '\nWarning: old\n{"kind": "List"}',
            "d.json:2: this line is not of the manifests",
            "remove the line",
        ),
        (
            "d.yaml",
            f"E0812 10:11:12.131415 1 memcache.go:265] no\n{POD}",
            "d.yaml:1: this line is not",
            "remove the line",
        ),
    ],
)
def test_it_is_named_with_its_place_and_the_command(
    tmp_path: Path, name: str, text: str, place: str, remedy: str
) -> None:
    told = refusal(tmp_path, name, text).replace(str(tmp_path), "")
    assert place in told
    assert remedy.replace("{dir}/", "").replace("{dir}", "") in told


@pytest.mark.parametrize(
    "text",
    [
        POD + "data: {note: '{{ .Values.x }} is filled in by another'}\n",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux}\n",
        POD + "defaultAction: of something else\n",
        POD.replace("web", "warning") + "Warning: as a field\n",
    ],
)
def test_what_is_a_manifest_stays_one(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kustomization.yaml"
    file.write_text(text)
    assert len(load([str(file)])) == 1


def test_a_broken_yaml_with_somebody_elses_braces_is_told_as_broken(tmp_path: Path) -> None:
    assert "mapping values are not allowed" in refusal(tmp_path, "alert.yaml", ALERT)


def test_what_is_accepted_besides_manifests_needs_none_of_their_fields(tmp_path: Path) -> None:
    file = tmp_path / "mixed.yaml"
    file.write_text(f"{POD}---\n{json.dumps(OCI)}\n")
    assert [is_seccomp(item.object) for item in load([str(file)], besides=is_seccomp)] == [False, True]


def test_a_name_that_stands_twice_in_a_json_object_is_refused(tmp_path: Path) -> None:
    told = refusal(tmp_path, "a.json", '{"kind": "Pod",\n"metadata": {"name": "a", "name": "b"}}')
    assert "a.json:1: `name` is given twice" in told
