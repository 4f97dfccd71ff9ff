"""The kinds an API server has by itself: one table, found by resource (`pods`, `daemonsets.apps`).

Only what the operator, the simulated controllers and the recorded sequences need is here; a group, kind or field that
is not answers as one a real server does not know.
"""

from __future__ import annotations

from spo.sim.api.builtin import cluster, core, others, pods, quotas, volumes, workloads
from spo.sim.api.builtin.kind import BuiltIn

KINDS: tuple[BuiltIn, ...] = (
    pods.POD, *core.KINDS, *quotas.KINDS, *workloads.KINDS, *cluster.KINDS, *volumes.KINDS, *others.KINDS,
)  # fmt: skip
TABLE: dict[str, BuiltIn] = {kind.resource.storage: kind for kind in KINDS}
