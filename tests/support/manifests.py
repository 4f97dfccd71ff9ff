"""Small manifests for tests of the simulated cluster."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def pod(name: str, *, container: Object | None = None, namespace: str = "default", **spec: Any) -> Object:
    """A pod with one container `main`; `container` and `spec` add to it."""
    main = {"name": "main", "image": "images.test/app:1", **(container or {})}
    metadata: Object = {"name": name, "namespace": namespace}
    for field in ("labels", "annotations"):
        if field in spec:
            metadata[field] = spec.pop(field)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [main], **spec}}


def under(localhost_profile: str) -> Object:
    """A pod's security context that asks for a profile on the node's disk."""
    return {"seccompProfile": {"type": "Localhost", "localhostProfile": localhost_profile}}


def template(*, container: Object | None = None, **spec: Any) -> Object:
    main = {"name": "main", "image": "images.test/app:1", **(container or {})}
    return {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [main], **spec}}


def daemon_set(
    name: str = "agent", *, container: Object | None = None, strategy: Object | None = None, **spec: Any
) -> Object:
    of_set: Object = {"selector": {"matchLabels": {"app": "x"}}, "template": template(container=container, **spec)}
    if strategy is not None:
        of_set["updateStrategy"] = strategy
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": of_set}


def deployment(name: str = "web", replicas: int = 2, *, container: Object | None = None) -> Object:
    of_it = {"replicas": replicas, "selector": {"matchLabels": {"app": "x"}}, "template": template(container=container)}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": of_it}


def job(name: str, command: list[str], **spec: Any) -> Object:
    of_pod = template(container={"command": command}, restartPolicy="Never")
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": of_pod, **spec}}
