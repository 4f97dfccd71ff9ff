"""The state machine, on the simulator alone, and on it and a real API server side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from spo.wire import Call
from tests.conformance.cluster.worlds import Real, Simulated, need_a_real_cluster
from tests.conformance.machine.machine import Machine
from tests.conformance.machine.twins import Twin

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
    need_a_real_cluster()
    simulated, real, made = Simulated(), Real(tmp_path), list[Twin]()

    def twins(name: str) -> list[Twin]:
        name = f"{name}-{uuid4().hex[:6]}"  # another run may have left one behind that still goes
        made.append(Twin(real, name))
        return [Twin(simulated, name), made[-1]]

    try:
        real.skip_if_operated()
        run(twins, examples=120, steps=25)
    finally:
        for twin in made:
            sweep(twin)
        real.close()


def sweep(twin: Twin) -> None:
    """Nothing is left: what has finalizers would hold its namespace for ever."""
    for plural in (
        "/api/v1/namespaces/{}/configmaps",
        "/apis/security-profiles-operator.x-k8s.io/v1beta1/namespaces/{}/seccompprofiles",
    ):
        path = plural.format(twin.namespace)
        _, listed = twin.ask(Call("GET", path))
        for item in listed["items"]:
            if item["metadata"].get("finalizers"):
                where = f"{path}/{item['metadata']['name']}"
                body = b'{"metadata":{"finalizers":null}}'
                twin.ask(Call("PATCH", where, (), "application/merge-patch+json", body))
    twin.ask(Call("DELETE", f"/api/v1/namespaces/{twin.namespace}"))
