"""How the kubelet asks a container of ours whether it is well: one port and two probes, the same for every role."""

from __future__ import annotations

from typing import Any

PORT = 8085  # plain HTTP: /livez, /readyz and /metrics


def health() -> dict[str, Any]:
    """The fields of a container that say so. There is no start-up probe: `/livez` answers from the first second on,
    and a process that has not seen its first full lists is merely not ready.
    """
    return {
        "ports": [{"name": "health", "containerPort": PORT}],
        "livenessProbe": {"httpGet": {"path": "/livez", "port": "health"}, "periodSeconds": 10, "failureThreshold": 3},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "health"}, "periodSeconds": 5},
    }
