"""spod as the DaemonSet `spod`: a pure function, so that what is switched off leaves nothing behind."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from spo.model import labels
from spo.model.manifest import plain
from spo.model.quantity import canonical
from spo.model.resource import DAEMONSETS, SPODS
from spo.model.scheduling import ResourceRequirements
from spo.model.spod import NAME, PRIORITY_CLASS, TOLERATIONS, SecurityProfilesOperatorDaemon, SpodSpec
from spo.render.health import GRACE_S, health
from spo.render.own_profile import SELINUX_TYPE, confinement, layer, mount, volume
from spo.render.security import ROOT, security_context

CONTAINER = "security-profiles-operator"
SERVICE_ACCOUNT = "spod"
POD_LABELS = {**labels.APP_LABELS, "name": NAME}

RESOURCES = ResourceRequirements(
    requests={"cpu": "100m", "ephemeral-storage": "50Mi", "memory": "64Mi"},
    limits={"ephemeral-storage": "200Mi", "memory": "128Mi"},
)


class DaemonSetSettings(Struct, frozen=True):
    """What the daemon set needs to know beside spod: the operator's own namespace, image and kubelet directory."""

    namespace: str
    image: str
    pull_policy: str = "IfNotPresent"
    kubelet_dir: str = "/var/lib/kubelet"


def daemonset(spod: SecurityProfilesOperatorDaemon, settings: DaemonSetSettings) -> dict[str, Any]:
    """The manifest of the daemon set that spod asks for, to be applied whole (docs/reference.md 6).

    It is owned by spod, and goes with it. The annotation `spo.x-k8s.io/rendered` is the hash of all the rest: it
    differs exactly when something in the manifest does. Fields of spod that `not_built` names have no effect here.
    """
    manifest: dict[str, Any] = {
        "apiVersion": DAEMONSETS.api_version,
        "kind": DAEMONSETS.kind,
        "metadata": _metadata(spod, settings),
        "spec": {
            "selector": {"matchLabels": dict(POD_LABELS)},
            # All at once: one node's daemon has no need of another's, and a new allow list must not wait.
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
            "template": {
                "metadata": {"labels": dict(POD_LABELS), "annotations": {"openshift.io/scc": "privileged"}},
                "spec": _pod(spod.spec, settings),
            },
        },
    }
    form = sha256(msgspec.json.encode(manifest, order="deterministic")).hexdigest()
    manifest["metadata"]["annotations"] = {labels.RENDERED: form}
    return manifest


def _metadata(spod: SecurityProfilesOperatorDaemon, settings: DaemonSetSettings) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": NAME, "namespace": settings.namespace, "labels": dict(labels.APP_LABELS)}
    if spod.metadata.uid:
        owner = {"apiVersion": SPODS.api_version, "kind": SPODS.kind, "name": spod.metadata.name}
        metadata["ownerReferences"] = [{**owner, "uid": spod.metadata.uid, "controller": True}]
    return metadata


def _pod(spec: SpodSpec, settings: DaemonSetSettings) -> dict[str, Any]:
    tolerations = TOLERATIONS if spec.tolerations is None else spec.tolerations
    selinux_type = spec.selinux_type_tag or SELINUX_TYPE
    pod: dict[str, Any] = {
        "serviceAccountName": SERVICE_ACCOUNT,
        "terminationGracePeriodSeconds": GRACE_S,
        "priorityClassName": spec.priority_class_name or PRIORITY_CLASS,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "initContainers": [layer(settings.image, settings.pull_policy, settings.kubelet_dir, selinux_type)],
        "containers": [_container(spec, settings, selinux_type)],
        "volumes": [volume(settings.kubelet_dir)],
    }
    for name, value in (
        ("tolerations", tolerations),
        ("affinity", spec.affinity),
        ("imagePullSecrets", spec.image_pull_secrets),
    ):
        if value:
            pod[name] = plain(value)
    return pod


def _container(spec: SpodSpec, settings: DaemonSetSettings, selinux_type: str) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy,
        "args": ["daemon"],
        "env": [
            _from_field("NODE_NAME", "spec.nodeName"),
            _from_field("OPERATOR_NAMESPACE", "metadata.namespace"),
            _from_field("POD_NAME", "metadata.name"),
            {"name": "SPOD_NAME", "value": NAME},
            {"name": "KUBELET_DIR", "value": settings.kubelet_dir},
        ],
        **health(),
        "resources": _resources(spec.daemon_resource_requirements or RESOURCES),
        # The kubelet makes the volume's directory, for root. So the daemon is root, without any capability: enough to
        # write there and nowhere else, and nobody has to change owners (as the reference's init container does).
        "securityContext": security_context(ROOT, seLinuxOptions={"type": selinux_type}, seccompProfile=confinement()),
        "volumeMounts": [mount(settings.kubelet_dir)],
    }


def _resources(asked: ResourceRequirements) -> dict[str, Any]:
    amounts = {"limits": asked.limits, "requests": asked.requests}
    return {
        what: {name: canonical(quantity) for name, quantity in given.items()}
        for what, given in amounts.items()
        if given
    }


def _from_field(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
