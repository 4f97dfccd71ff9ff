"""Whether a container that ended is started again, when, and how the kubelet says that it waits. Pure."""

from __future__ import annotations

from spo.sim.node import podstatus
from spo.sim.node.container import Container
from spo.sim.node.podrun import PodRun

RESTART_S = 1.0  # the first restart after a crash
BACK_OFF_S = 10.0
BACK_OFF_S_MAX = 300.0


def restarts(run: PodRun, container: Container, code: int) -> bool:
    """Is it started again after it ended with this code?"""
    if container.is_sidecar:
        return True
    if run.restart_policy == "Always" and not container.is_init:
        return True
    return run.restart_policy != "Never" and code != 0


def is_over(run: PodRun) -> bool:
    """Will nothing of the pod run any more?"""
    phase = podstatus.phase_of(run.inits, run.containers, run.restart_policy, False)
    return phase in ("Succeeded", "Failed")


def doubled_s(times: int) -> float:
    """The delay after so many failures in a row."""
    return min(BACK_OFF_S * float(2 ** min(times - 1, 10)), BACK_OFF_S_MAX)


def restart_delay_s(crashes: int) -> float:
    """At once after the first crash, then ever later."""
    return RESTART_S if crashes <= 1 else doubled_s(crashes - 1)


def waiting(run: PodRun, container: Container, delay_s: float) -> str:
    return f"back-off {_duration(delay_s)} restarting failed container={container.name} pod={_pod(run)}"


def event(run: PodRun, container: Container) -> str:
    return f"Back-off restarting failed container {container.name} in pod {_pod(run)}"


def _pod(run: PodRun) -> str:
    return f"{run.meta['name']}_{run.key.namespace}({run.uid})"


def _duration(seconds: float) -> str:
    """As Go writes it: `10s`, `1m20s`, `5m0s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
