"""All that is installed for the operator, for any namespace. The files under `deploy/` are made from this."""

from __future__ import annotations

from typing import Any

from spo.model.crd import definitions
from spo.model.labels import APP, APP_LABELS
from spo.model.manifest import plain, to_manifest
from spo.model.scheduling import ResourceRequirements
from spo.render.bases import shipped
from spo.render.health import GRACE_S, health
from spo.render.own_profile import SELINUX_TYPE, confinement, layer, volume
from spo.render.rbac import MANAGER, rbac
from spo.render.security import NOBODY, security_context

VERSION = "0.1.0"
NAMESPACE = "security-profiles-operator"
IMAGE = f"security-profiles-operator:{VERSION}"
PULL_POLICY = "IfNotPresent"
KUBELET_DIR = "/var/lib/kubelet"
REPLICAS = 2
NODE_SELECTOR = {"kubernetes.io/os": "linux"}
RESOURCES = ResourceRequirements(requests={"cpu": "100m", "memory": "64Mi"}, limits={"memory": "128Mi"})
# The daemons mount a directory of the node, which takes the level `privileged`.
POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
POD_LABELS = {**APP_LABELS, "name": APP}

Manifests = list[dict[str, Any]]


def manifests(namespace: str = NAMESPACE, image: str = IMAGE) -> Manifests:
    """Every object of the operator, in the order of installation, for this namespace."""
    return [manifest for part in files(namespace, image).values() for manifest in part]


def files(namespace: str = NAMESPACE, image: str = IMAGE) -> dict[str, Manifests]:
    """The same by file below `deploy/`, in the order of installation."""
    crds = {f"crds/{crd['spec']['names']['plural']}.yaml": [crd] for crd in definitions()}
    profiles = {f"profiles/{each.metadata.name}.yaml": [to_manifest(each)] for each in shipped(namespace)}
    return {
        "namespace.yaml": [namespace_manifest(namespace)],
        **crds,
        "rbac.yaml": rbac(namespace),
        "manager.yaml": [manager(namespace, image)],
        **profiles,
    }


def namespace_manifest(namespace: str) -> dict[str, Any]:
    """The operator's namespace."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "labels": {**APP_LABELS, **POD_SECURITY}},
    }


def manager(namespace: str, image: str) -> dict[str, Any]:
    """The manager's Deployment: several replicas, one of which leads."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": MANAGER, "namespace": namespace, "labels": dict(APP_LABELS)},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": dict(POD_LABELS)},
            "template": {
                "metadata": {"labels": dict(POD_LABELS)},
                "spec": {
                    "serviceAccountName": MANAGER,
                    "terminationGracePeriodSeconds": GRACE_S,
                    "nodeSelector": dict(NODE_SELECTOR),
                    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                    "volumes": [volume(KUBELET_DIR)],
                    # All that it has to do with the node: the manager itself mounts nothing of it.
                    "initContainers": [layer(image, PULL_POLICY, KUBELET_DIR, SELINUX_TYPE)],
                    "containers": [_container(image)],
                },
            },
        },
    }


def _container(image: str) -> dict[str, Any]:
    return {
        "name": MANAGER,
        "image": image,
        "imagePullPolicy": PULL_POLICY,
        "args": ["manager"],
        "env": [
            {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
            for name, path in (("OPERATOR_NAMESPACE", "metadata.namespace"), ("POD_NAME", "metadata.name"))
        ]
        # Handed on to the daemons: what they run, and where the kubelets keep their files.
        + [
            {"name": "OPERATOR_IMAGE", "value": image},
            {"name": "OPERATOR_IMAGE_PULL_POLICY", "value": PULL_POLICY},
            {"name": "KUBELET_DIR", "value": KUBELET_DIR},
        ],
        **health(),
        "resources": plain(RESOURCES),
        "securityContext": security_context(NOBODY, seccompProfile=confinement()),
    }
