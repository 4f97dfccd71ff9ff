"""The Helm chart's templates: the plain manifests, with `{{ .Values… }}` at the places that can be set.

A place is a word in a manifest (`__image__`) until the manifest is text; `template` then writes Helm's language. All
that is written is JSON, which is YAML at any depth, so no place needs to know how far it is indented.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from spo.model.labels import APP
from spo.render.install import VERSION, Manifests, files
from spo.render.own_profile import layer, volume
from spo.render.uninstall_hook import uninstall_hook

NAMESPACE = "__namespace__"
IMAGE = "__image__"

# Before all else in a template that names the image.
IMAGE_IS = """\
{{- $image := .Values.image.repository }}
{{- if .Values.image.digest }}
{{- $image = printf "%s@%s" $image .Values.image.digest }}
{{- else if .Values.image.tag }}
{{- $image = printf "%s:%s" $image .Values.image.tag }}
{{- end }}
"""
# Where a field is left out when its value is empty: the whole line depends on it.
OPTIONAL = re.compile(r"^( *)(\w+): __with\.([\w.]+)__$", re.MULTILINE)
OPTIONAL_IS = r"{{- with .Values.\3 }}" + "\n" + r"\1\2: {{ toJson . }}" + "\n{{- end }}"
VALUE = re.compile(r"__values\.([\w.]+)__([\w/]*)")


class Template(Struct, frozen=True):
    """One file below `templates/`: its manifests with places in them, and the value that switches all of it on."""

    manifests: Manifests
    switch: str = ""


def chart() -> dict[str, Any]:
    """`Chart.yaml`."""
    return {
        "apiVersion": "v2",
        "name": APP,
        "description": "Seccomp profiles as objects of the API, on every node",
        "type": "application",
        "version": VERSION,
        "appVersion": VERSION,
    }


def templates() -> dict[str, Template]:
    """The files below `templates/` by name, as those below `deploy/`, in their order."""
    parts = files(NAMESPACE, IMAGE)
    _namespace(parts["namespace.yaml"][0])
    _accounts(parts["rbac.yaml"])
    _manager(parts["manager.yaml"][0])
    parts["uninstall.yaml"] = _hook()
    switches = {"namespace.yaml": "namespace.create", "uninstall.yaml": "uninstallHook.enabled"}
    return {
        name: Template(manifests, "baseProfiles" if name.startswith("profiles/") else switches.get(name, ""))
        for name, manifests in parts.items()
        if not name.startswith("crds/")
    }


def template(text: str, switch: str = "") -> str:
    """The YAML text of a template's manifests in Helm's language."""
    text = VALUE.sub(_value_is, OPTIONAL.sub(OPTIONAL_IS, text))
    if IMAGE in text:
        text = IMAGE_IS + text
    text = text.replace(NAMESPACE, "{{ toJson .Release.Namespace }}").replace(IMAGE, "{{ toJson $image }}")
    return f"{{{{- if .Values.{switch} }}}}\n{text}{{{{- end }}}}\n" if switch else text


def _value_is(place: re.Match[str]) -> str:
    """The value, or a path below it."""
    path, rest = place.groups()
    return f'{{{{ toJson (printf "%s{rest}" .Values.{path}) }}}}' if rest else f"{{{{ toJson .Values.{path} }}}}"


def _value(path: str) -> str:
    return f"__values.{path}__"


def _optional(path: str) -> str:
    return f"__with.{path}__"


def _namespace(manifest: dict[str, Any]) -> None:
    """The release itself is kept in the namespace: Helm must not remove it from under its own feet."""
    manifest["metadata"]["labels"] = _value("namespace.labels")
    manifest["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}


def _accounts(manifests: Manifests) -> None:
    """Pull secrets stand at the accounts: the manager makes the daemons' pods, and these reach both."""
    for manifest in manifests:
        if manifest["kind"] == "ServiceAccount":
            manifest["imagePullSecrets"] = _optional("imagePullSecrets")


def _hook() -> Manifests:
    """What runs before the release is uninstalled, where the manager may run."""
    deadline = _value("uninstallHook.activeDeadlineSeconds")
    made = uninstall_hook(NAMESPACE, IMAGE, _value("image.pullPolicy"), deadline)
    _accounts(made)
    pod = made[-1]["spec"]["template"]["spec"]
    for field in ("nodeSelector", "tolerations"):
        pod[field] = _optional(f"manager.{field}")
    return made


def _manager(manifest: dict[str, Any]) -> None:
    manifest["spec"]["replicas"] = _value("manager.replicas")
    pod = manifest["spec"]["template"]["spec"]
    for field in ("nodeSelector", "tolerations", "affinity"):
        pod[field] = _optional(f"manager.{field}")
    kubelet_dir, pull_policy = _value("kubeletDir"), _value("image.pullPolicy")
    pod["volumes"] = [volume(kubelet_dir)]
    pod["initContainers"] = [layer(IMAGE, pull_policy, kubelet_dir, _value("manager.selinuxTypeTag"))]
    (container,) = pod["containers"] = pod.pop("containers")  # last, as in the plain manifest
    container["resources"] = _optional("manager.resources")
    container["imagePullPolicy"] = pull_policy
    told = {"OPERATOR_IMAGE_PULL_POLICY": pull_policy, "KUBELET_DIR": kubelet_dir}
    for variable in container["env"]:
        if variable["name"] in told:
            variable["value"] = told[variable["name"]]
