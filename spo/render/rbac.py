"""Who may do what: the roles of the manager and the daemons, complete, and with nothing that they do not use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from spo.model import kinds
from spo.model.kinds import APPLY, READ, Right, Rights, Verbs
from spo.model.labels import APP_LABELS
from spo.model.resource import DAEMONSETS, EVENTS, LEASES, NODES, PODS, Resource

MANAGER = "security-profiles-operator"
DAEMON = "spod"

Grant = tuple[Resource, str, Verbs]  # resource, sub-resource, verbs


def manager_everywhere() -> tuple[Grant, ...]:
    """What the manager may do in every namespace."""
    return (
        (NODES, "", READ),  # a node status whose node is gone holds nobody up
        *_of_ours(lambda rights: rights.manager_everywhere),
        (EVENTS, "", APPLY),  # on objects of every namespace
    )


def manager_at_home() -> tuple[Grant, ...]:
    """What the manager may do in the operator's namespace only."""
    return (
        *_of_ours(lambda rights: rights.manager_at_home),
        (DAEMONSETS, "", (*READ, *APPLY)),
        (PODS, "", READ),  # the daemons'
        (EVENTS, "", READ),  # why the daemon set cannot make its pods
        (LEASES, "", (*READ, *APPLY)),  # leader election
    )


def daemon_everywhere() -> tuple[Grant, ...]:
    """What the daemons may do in every namespace."""
    return (
        *_of_ours(lambda rights: rights.daemon_everywhere),
        (PODS, "", READ),  # of its own node
        (EVENTS, "", APPLY),
    )


def daemon_at_home() -> tuple[Grant, ...]:
    """What the daemons may do in the operator's namespace only."""
    return _of_ours(lambda rights: rights.daemon_at_home)


def _of_ours(place: Callable[[Rights], tuple[Right, ...]]) -> tuple[Grant, ...]:
    return tuple(
        (kind.resource, subresource, verbs) for kind in kinds.OURS for subresource, verbs in place(kind.rights)
    )


def rbac(namespace: str) -> list[dict[str, Any]]:
    """The ServiceAccounts, roles and bindings of the operator in this namespace, in the order of their installation."""
    return [
        account(MANAGER, namespace),
        account(DAEMON, namespace),
        *roles(MANAGER, namespace, manager_everywhere(), manager_at_home()),
        *roles(DAEMON, namespace, daemon_everywhere(), daemon_at_home()),
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
