"""The chart's hook before it is uninstalled: a Job that runs `spo uninstall --keep-installation`, and its rights.

Helm deletes manager and profiles together; then nobody would be left to take finalizers off profiles, and files off
nodes.
"""

from __future__ import annotations

from typing import Any

from spo.model import kinds
from spo.model.kinds import APPLY, OurKind, Removed, Verbs
from spo.model.labels import APP, APP_LABELS
from spo.model.resource import DAEMONSETS, DEPLOYMENTS, LEASES, NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS
from spo.render.rbac import Grant, account, roles
from spo.render.security import NOBODY, security_context

NAME = f"{APP}-uninstall"
# Seconds that a step may make no progress: five such steps end within Helm's own 5 minutes.
PATIENCE_S = 45
DEADLINE_S = 290

AT_HOME: tuple[Grant, ...] = (
    (NAMESPACES, "", ("get",)),
    (SERVICE_ACCOUNTS, "", ("get",)),  # how the operator's image is pulled
    (DEPLOYMENTS, "", ("get", "patch")),  # the manager is scaled down
    (DAEMONSETS, "", ("get", "delete")),
    (PODS, "", ("list", "delete", *APPLY)),  # those that clean the nodes
    (LEASES, "", ("get", "delete")),  # the managers'
)


def everywhere() -> tuple[Grant, ...]:
    """What it may do in every namespace."""
    return (
        (DEPLOYMENTS, "", ("list",)),  # whether the operator runs elsewhere: then its profiles are not ours
        (NODES, "", ("list",)),  # to be cleaned
        *((kind.resource, "", _on(kind)) for kind in kinds.OURS),
    )


def _on(kind: OurKind) -> Verbs:
    """What is done with the objects of a kind: deleted, unless they go with others; their finalizers taken off."""
    delete = ("delete",) if kind.removed is not Removed.WITH_THEIR_OWNERS else ()
    return ("list", *delete, *(("patch",) if kind.finalizer else ()))


def uninstall_hook(
    namespace: str, image: str, pull_policy: str, deadline_s: int | str = DEADLINE_S
) -> list[dict[str, Any]]:
    """Rights first, then the Job; all of it goes when the Job has succeeded, or before the next attempt."""
    rights = [account(NAME, namespace), *roles(NAME, namespace, everywhere(), AT_HOME)]
    return [*(_hook(each, -1) for each in rights), _hook(_job(namespace, image, pull_policy, deadline_s), 0)]


def _hook(manifest: dict[str, Any], weight: int) -> dict[str, Any]:
    manifest["metadata"]["annotations"] = {
        "helm.sh/hook": "pre-delete",
        "helm.sh/hook-weight": str(weight),
        "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
        "helm.sh/hook-output-log-policy": "hook-failed",
    }
    return manifest


def _job(namespace: str, image: str, pull_policy: str, deadline_s: int | str) -> dict[str, Any]:
    labels = {**APP_LABELS, "name": NAME}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": NAME, "namespace": namespace, "labels": dict(APP_LABELS)},
        "spec": {
            "backoffLimit": 0,  # the person who uninstalls is told, and tries again
            "activeDeadlineSeconds": deadline_s,  # one that cannot start must not do so days later
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": NAME,
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": 1,  # it may be cut off anywhere
                    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [_container(namespace, image, pull_policy)],
                },
            },
        },
    }


def _container(namespace: str, image: str, pull_policy: str) -> dict[str, Any]:
    return {
        "name": "uninstall",
        "image": image,
        "imagePullPolicy": pull_policy,
        "args": [
            "uninstall",
            "--keep-installation",
            f"--patience={PATIENCE_S}",
            "--namespace",
            namespace,
            "--image",  # where the manager's Deployment is gone, that would have told
            image,
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        # Not under the profile of our own: what it does last is to take that off the nodes.
        "securityContext": security_context(NOBODY),
    }
