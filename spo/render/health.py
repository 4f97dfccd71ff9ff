"""How the kubelet asks a container of ours whether it is well: one port and two probes, the same for every role."""

from __future__ import annotations

from typing import Any

# An orderly end takes less than a second. A Python that was told to end before it listened is not waited for longer.
GRACE_S = 10
PORT = 8085  # plain HTTP: /livez, /readyz and /metrics


def health() -> dict[str, Any]:
    """The fields of a container that say so.

    There is no start-up probe: `/livez` answers as soon as there is a process, and one that has not seen its first full
    lists is merely not ready.
    """
    return {
        "ports": [{"name": "health", "containerPort": PORT}],
        "livenessProbe": {"httpGet": {"path": "/livez", "port": "health"}, "periodSeconds": 10, "failureThreshold": 3},
        # Asked at once, a starting Python would say no: a warning on every pod. Asked seldom (and a kubelet counts from
        # before the container starts), a daemon that is ready would not be known to be: a roll-out would last longer.
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": "health"},
            "initialDelaySeconds": 2,
            "periodSeconds": 1,
            "failureThreshold": 15,
        },
    }
