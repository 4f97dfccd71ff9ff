"""Who may do what: the roles of the manager and the daemons, complete, and with nothing that they do not use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spo.model.labels import APP_LABELS
from spo.model.resource import (
    DAEMONSETS,
    EVENTS,
    LEASES,
    NODE_STATUSES,
    NODES,
    PODS,
    SECCOMP_PROFILES,
    SPODS,
    Resource,
)

MANAGER = "security-profiles-operator"
DAEMON = "spod"

READ = ("get", "list", "watch")
# Server-side apply is a PATCH; where the object may not be there yet, the server asks for `create` too.
APPLY = ("create", "patch")

Grant = tuple[Resource, str, tuple[str, ...]]  # resource, sub-resource, verbs

MANAGER_EVERYWHERE: tuple[Grant, ...] = (
    (NODES, "", READ),  # a node status whose node is gone holds nobody up
    (SPODS, "", READ),  # one in the wrong namespace is told that nobody reads it
    (SPODS, "status", ("patch",)),
    (SECCOMP_PROFILES, "", (*READ, "patch", "delete")),  # finalizer and annotations; A4
    (SECCOMP_PROFILES, "status", ("patch",)),
    (NODE_STATUSES, "", (*READ, "patch", "delete")),  # those of profiles and nodes that are gone
    (EVENTS, "", APPLY),  # on objects of every namespace
)
MANAGER_AT_HOME: tuple[Grant, ...] = (
    (SPODS, "", APPLY),  # the default spod
    (DAEMONSETS, "", (*READ, *APPLY)),
    (PODS, "", READ),  # the daemons'
    (EVENTS, "", READ),  # why the daemon set cannot make its pods
    (LEASES, "", (*READ, *APPLY)),  # leader election
)
DAEMON_EVERYWHERE: tuple[Grant, ...] = (
    (SECCOMP_PROFILES, "", READ),
    (NODE_STATUSES, "", (*READ, *APPLY)),  # never delete: only the manager's leader does
    (PODS, "", READ),  # of its own node
    (EVENTS, "", APPLY),
)
DAEMON_AT_HOME: tuple[Grant, ...] = ((SPODS, "", READ),)  # the allow list


def rbac(namespace: str) -> list[dict[str, Any]]:
    """The ServiceAccounts, roles and bindings of the operator in this namespace, in the order of their installation."""
    return [
        account(MANAGER, namespace),
        account(DAEMON, namespace),
        *roles(MANAGER, namespace, MANAGER_EVERYWHERE, MANAGER_AT_HOME),
        *roles(DAEMON, namespace, DAEMON_EVERYWHERE, DAEMON_AT_HOME),
    ]


def account(name: str, namespace: str) -> dict[str, Any]:
    """A ServiceAccount."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(name, namespace)}


def roles(name: str, namespace: str, everywhere: Iterable[Grant], at_home: Iterable[Grant]) -> list[dict[str, Any]]:
    """What the ServiceAccount of this name may do, in every namespace and in its own, each role with its binding."""
    return [
        _role("ClusterRole", name, everywhere),
        _binding("ClusterRole", name, namespace),
        _role("Role", name, at_home, namespace),
        _binding("Role", name, namespace),
    ]


def _metadata(name: str, namespace: str = "") -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, **place, "labels": dict(APP_LABELS)}


def _role(kind: str, name: str, grants: Iterable[Grant], namespace: str = "") -> dict[str, Any]:
    rules = [
        {
            "apiGroups": [resource.group],
            "resources": [f"{resource.plural}/{subresource}" if subresource else resource.plural],
            "verbs": list(verbs),
        }
        for resource, subresource, verbs in grants
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": _metadata(name, namespace),
        "rules": rules,
    }


def _binding(role_kind: str, name: str, namespace: str) -> dict[str, Any]:
    """A role (of the cluster: everywhere) for the ServiceAccount of the same name."""
    metadata = _metadata(name, "" if role_kind == "ClusterRole" else namespace)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": f"{role_kind}Binding",
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
