"""What the containers of ours are left with on their node: no more than they use."""

from __future__ import annotations

from typing import Any

ROOT = 0
NOBODY = 65535  # the image's own user


def security_context(user: int, **more: Any) -> dict[str, Any]:
    """The `securityContext` of a container of ours, as this user and group; `more`: what is its own."""
    return {
        "runAsUser": user,
        "runAsGroup": user,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        **more,
    }
