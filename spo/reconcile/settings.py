"""What a role knows of itself: where the operator lives, who we are, on which node."""

from __future__ import annotations

from msgspec import Struct


class Settings(Struct, frozen=True):
    """Told at start by arguments and environment; the same for the whole life of the process."""

    namespace: str  # the operator's
    identity: str  # our pod
    node: str = ""  # the daemon's
    image: str = ""  # of the operator, for the daemon set
    pull_policy: str = "IfNotPresent"
    kubelet_dir: str = "/var/lib/kubelet"
