"""The Helm chart as files, made from `spo.render.chart`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from spo.installation import crds
from spo.installation.files import MADE_FROM_RENDER, in_yaml
from spo.model.manifest import plain
from spo.render.chart import Template, chart, template, templates
from spo.render.chart_values import Image, Schema, Values, schema

# Settings of ours, each described; other objects are Kubernetes'.
SECTIONS = ("image", "manager", "namespace", "uninstallHook")

NOTES = """\
The Security Profiles Operator is installed in namespace {{ .Release.Namespace }}.

Watch it come up, until the state is RUNNING:
  kubectl -n {{ .Release.Namespace }} get spod spod -w
{{- if not .Values.namespace.create }}

The daemons mount a directory of each node. Where the cluster enforces Pod Security, the namespace must allow that:
  kubectl label namespace {{ .Release.Namespace }} pod-security.kubernetes.io/enforce=privileged
{{- end }}

Settings of the daemons, and which syscalls profiles may allow, stand in the object spod:
  kubectl -n {{ .Release.Namespace }} edit spod spod
{{- if .Values.uninstallHook.enabled }}

Uninstalling deletes ALL SeccompProfiles first, in every namespace, and their files on the nodes.
{{- else }}

Before uninstalling, let the profiles go while the operator is still there to clean up after them:
  kubectl delete seccompprofiles --all --all-namespaces
{{- end }}
"""


def texts(image: str) -> Mapping[str, str]:
    """The chart's files by name, for this image by default."""
    values = replace(Values(), image=Image.named(image))
    return {
        "Chart.yaml": MADE_FROM_RENDER + in_yaml([chart()]),
        "values.yaml": MADE_FROM_RENDER + "\n".join(_settings(plain(values), schema())),
        "values.schema.json": json.dumps(schema(), indent=2) + "\n",
        **{f"crds/{name}": text for name, text in crds.texts().items()},
        **{f"templates/{name}": MADE_FROM_RENDER + _text(each) for name, each in templates().items()},
        "templates/NOTES.txt": NOTES,
    }


def _text(each: Template) -> str:
    return template(in_yaml(each.manifests), each.switch)


def _settings(values: Mapping[str, Any], of: Schema, indent: str = "") -> list[str]:
    """`values.yaml` line by line: each setting under its description; what has settings of its own, deeper."""
    lines = []
    for name, value in values.items():
        field = of["properties"][name]
        lines.append(f"{indent}# {field['description']}")
        if name in SECTIONS:
            lines += [f"{indent}{name}:", *_settings(value, field, f"{indent}  ")]
        elif isinstance(value, dict) and value:
            lines += [f"{indent}{line}" for line in in_yaml([{name: value}]).splitlines()]
        else:
            lines.append(f"{indent}{name}: {json.dumps(value)}")
        lines += [] if indent else [""]
    return lines
