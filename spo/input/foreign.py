"""What people give that is no manifest yet: what it is, and the command that makes one of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from msgspec import Struct

Object = Mapping[str, Any]

# What stands in the braces of Helm's templates, and not in those of most others (Prometheus, Argo).
TEMPLATE = re.compile(
    r"\{\{[^}]*("
    r"\.(Values|Release|Chart|Files|Capabilities|Template)\b|"
    r"\b(include|define|template|toYaml|tpl|if|with|range|end)\b)"
)
# kubectl's stderr in front of what it printed: `Warning: v1 ComponentStatus is deprecated`, `E0812 10:11:12.131415 …`.
COMPLAINT = re.compile(rb"\s*(Warning: |[IWE]\d{4} \d\d:\d\d:\d\d\.)")
KUSTOMIZE = "kustomize.config.k8s.io/"
KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
SECCOMP_FIELDS = frozenset({"defaultAction", "syscalls", "archMap"})


class Foreign(Struct, frozen=True):
    """What it is, and what to do with it."""

    what: str
    remedy: str


HELM_TEMPLATE = Foreign(
    "it is a Helm template, not a manifest yet", "have Helm fill it in: `helm template … | spo try -f -`"
)


def is_seccomp(obj: Object) -> bool:
    """Is this a seccomp profile as container runtimes read it, in OCI's form or in Docker's?"""
    return "apiVersion" not in obj and "kind" not in obj and not SECCOMP_FIELDS.isdisjoint(obj)


def foreign_object(obj: Object, file: str) -> Foreign | None:
    """What this object is, if it is no manifest but something we know."""
    return next((said for recognise in RECOGNISED if (said := recognise(obj, file))), None)


def template_line(text: str) -> int | None:
    """The first line with an action of Helm's on it, in a text that is no YAML; None if there is none."""
    match = TEMPLATE.search(text)
    return text.count("\n", 0, match.start()) + 1 if match else None


def complaint(data: bytes) -> Foreign | None:
    """Did what a command said on the terminal get into the file, in front of the manifests?"""
    if not COMPLAINT.match(data):
        return None
    said = data.strip().split(b"\n", 1)[0].decode(errors="replace")
    shown = said[:60].rstrip() + ("…" if len(said) > 60 else "")
    what = f"this line is not of the manifests: kubectl said it beside them: `{shown}`"
    return Foreign(what, "remove the line, or dump again with `>` alone, without `2>&1`")


def _seccomp(obj: Object, file: str) -> Foreign | None:
    what = "it is an OCI seccomp profile, not a SeccompProfile"
    return Foreign(what, f"have one made of it: `spo convert {file}`") if is_seccomp(obj) else None


def _container(obj: Object, file: str) -> Foreign | None:
    if "ociVersion" not in obj or "kind" in obj:
        return None
    remedy = f"a SeccompProfile of what it has: `jq .linux.seccomp {file} | spo convert --name NAME -`"
    return Foreign("it is an OCI container's configuration", remedy)


def _kustomization(obj: Object, file: str) -> Foreign | None:
    """Flux has a kind of that name, too, which is an object like any other."""
    if "apiVersion" in obj:
        is_one = str(obj["apiVersion"]).startswith(KUSTOMIZE)
    else:
        is_one = PurePath(file).name in KUSTOMIZATIONS or obj.get("kind") == "Kustomization"
    remedy = f"have it built: `kubectl kustomize {_directory(file)} | spo try -f -`"
    return Foreign("it is a kustomization, not a manifest yet", remedy) if is_one else None


def _chart(obj: Object, file: str) -> Foreign | None:
    if "kind" in obj or PurePath(file).name != "Chart.yaml":
        return None
    remedy = f"have Helm fill the chart in: `helm template {_directory(file)} | spo try -f -`"
    return Foreign("it describes a Helm chart, and is no manifest", remedy)


def _template(obj: Object, file: str) -> Foreign | None:
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return HELM_TEMPLATE if isinstance(name, str) and "{{" in name and TEMPLATE.search(name) else None


def _directory(file: str) -> str:
    return "DIR" if file == "<stdin>" else str(PurePath(file).parent)


RECOGNISED: tuple[Callable[[Object, str], Foreign | None], ...] = (
    _seccomp,
    _container,
    _kustomization,
    _chart,
    _template,
)
