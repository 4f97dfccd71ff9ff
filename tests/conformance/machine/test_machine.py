"""The state machine, on the simulator alone, and on it and a real API server side by side."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from api_server import api_server
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from spo.doors.wire import JSON, ApiRequest
from spo.model.resource import CRDS as DEFINITIONS
from spo.model.resource import SECCOMP_PROFILES
from tests.conformance.cluster.worlds import CRDS, Real, Simulated
from tests.conformance.machine.machine import Machine
from tests.conformance.machine.twins import Twin

SERVED_S_MAX = 60.0
PROFILE = json.dumps(
    {
        "apiVersion": SECCOMP_PROFILES.api_version,
        "kind": SECCOMP_PROFILES.kind,
        "metadata": {"name": "served"},
        "spec": {"defaultAction": "SCMP_ACT_LOG"},
    }
).encode()
QUIET = {
    "derandomize": True,
    "deadline": None,
    "database": None,
    "print_blob": False,
    "report_multiple_bugs": False,
    # The first difference says it all: the request and both answers. Looking for a shorter way to it takes minutes.
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


def run(make_twins: Callable[[str], list[Twin]], examples: int, steps: int) -> None:
    class Run(Machine):
        pass

    Run.make_twins = staticmethod(make_twins)  # type: ignore[assignment]
    run_state_machine_as_test(Run, settings=settings(max_examples=examples, stateful_step_count=steps, **QUIET))


def test_the_simulator_tells_in_a_watch_what_stands_in_its_list() -> None:
    world = Simulated()
    run(lambda name: [Twin(world, name)], examples=30, steps=25)


def test_the_simulator_answers_as_the_real_server_does(tmp_path: Path) -> None:
    """One of the test's own, without controllers: these would remove what is deleted in the foreground, some time."""
    with api_server() as kubeconfig:
        simulated, real = Simulated(), Real(tmp_path, kubeconfig=kubeconfig)
        define(real)
        try:
            run(lambda name: [Twin(simulated, name), Twin(real, name)], examples=120, steps=25)
        finally:
            real.close()


def define(real: Real) -> None:
    """Bring our definitions, and wait until their objects are taken."""
    for file in CRDS:
        real.made(DEFINITIONS, yaml.safe_load(file.read_text()))
    deadline = time.monotonic() + SERVED_S_MAX
    path = SECCOMP_PROFILES.path(real.namespace)
    while real.send(ApiRequest("POST", path, (("dryRun", "All"),), JSON, PROFILE))[0] != 201:
        assert time.monotonic() < deadline, "the definitions are not served"
        real.pass_time()
