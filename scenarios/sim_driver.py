"""The simulated cluster as a story's world: three nodes with the operator at work, checked after every revision."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from scenarios import shell_blocks
from scenarios.driver import Refused
from scenarios.manifests import Manifest
from scenarios.states import SETTLES_S_MAX, StateRecorder, States, is_settled
from spo.model.resource import Resource
from spo.queue import LAST_DELAY_S
from spo.reconcile.leader import LOCK
from spo.render.install import NAMESPACE
from spo.report.terminal import Paint, timeline_text
from spo.report.timeline import lines
from spo.sim.api.status import ApiError
from spo.sim.faults import Fault, FaultPlan, Operation, Site
from spo.sim.faults.fates import ClockSkew, DiskFault
from spo.sim.node.backoff import BACK_OFF_S_MAX
from spo.sim.store import Change
from spo.testbed.invariants import PROFILES, ROOT, Checks
from spo.testbed.world import SimulatedWorld, boot

T = TypeVar("T")


class SimDriver:
    """A Driver, and the powers that only a simulated world has: bad luck, clocks, new nodes."""

    namespace = "default"
    stays_s_max = math.inf
    patience_s = 0.0

    def __init__(self, seed: int, nodes: int = 3, operator_namespace: str = NAMESPACE) -> None:
        self.seed = seed
        self.suffered = False
        self.mended = False
        self.world: SimulatedWorld = boot(seed=seed, nodes=nodes, namespace=operator_namespace)
        self.operator_namespace = self.world.namespace
        self.cluster = self.world.cluster
        self.checks = Checks(self.cluster, self.world.namespace)
        for node in self.cluster.nodes.values():
            self.checks.watch(node)
        self._you = self.cluster.client()
        self._recorder = StateRecorder()
        self._visited: tuple[str, ...] = ()
        self.cluster.store.subscribe(self._record)

    # -- the API -----------------------------------------------------------------------------------------------------

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        try:
            return self._you.get(self._resource(kind), namespace, name)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, kind: str, namespace: str) -> list[Manifest]:
        return self._you.list(self._resource(kind), namespace)

    def create(self, manifest: Manifest) -> Manifest:
        return self._asked(lambda: self._you.create(self._resource(manifest["kind"]), manifest))

    def create_with_warnings(self, manifest: Manifest, validation: str) -> list[str]:
        """Create as `kubectl --validate=…` does (Strict, Warn, Ignore unknown fields); gives the server's warnings."""
        resource = self._resource(manifest["kind"])
        path, query = resource.path(manifest["metadata"]["namespace"]), (("fieldValidation", validation),)
        response = self._asked(lambda: self._you.send("POST", path, manifest, query=query))
        return [value for name, value in response.headers if name == "Warning"]

    def patch(self, kind: str, namespace: str, name: str, patch: Manifest) -> Manifest:
        return self._asked(lambda: self._you.patch(self._resource(kind), namespace, name, patch))

    def delete(self, kind: str, namespace: str, name: str) -> None:
        self._asked(lambda: self._you.delete(self._resource(kind), namespace, name))

    def types(self, block: str, given: str) -> None:
        """Do what this block of the documentation does; `given` is what it reads. Raises Refused."""
        shell_blocks.by_driver(block, self, given)

    def visit(self, namespace: str) -> None:
        """What becomes of the profiles there belongs to the story's states, too."""
        self._visited = (*self._visited, namespace)

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except ApiError as error:
            raise Refused(error.message) from error

    def _resource(self, kind: str) -> Resource:
        for served in self.cluster.api.registry.all():
            if served.kind.resource.kind == kind:
                return served.kind.resource
        raise LookupError(f"the simulated API server serves no kind {kind}")

    # -- time --------------------------------------------------------------------------------------------------------

    def until(self, check: Callable[[], bool], max_s: float) -> bool:
        return self.cluster.run_until(check, max_s)

    def rest(self) -> None:
        if self.suffered:
            # All is quiet while a container that crashed often, or a key that failed often, waits for its next turn.
            self.cluster.run_until(self._operator_is_ready, BACK_OFF_S_MAX * 2)
            self.cluster.run(LAST_DELAY_S)
        assert self.cluster.rest(), "the world does not come to rest"

    def _operator_is_ready(self) -> bool:
        pods = self.list("Pod", self.operator_namespace)
        conditions = [each for pod in pods for each in pod["status"].get("conditions", ()) if each["type"] == "Ready"]
        return len(conditions) == len(pods) and all(each["status"] == "True" for each in conditions)

    # -- nodes -------------------------------------------------------------------------------------------------------

    def nodes(self) -> list[str]:
        return sorted(self.cluster.nodes)

    def files(self, node: str) -> dict[str, bytes]:
        return {path.removeprefix(ROOT + "/"): data for path, data in self.cluster.nodes[node].disk.peek_below(ROOT)}

    def write_file(self, node: str, path: str, data: bytes | None) -> None:
        disk = self.cluster.nodes[node].disk
        self.checks.tampering = True
        try:
            if data is None:
                disk.remove(f"{ROOT}/{path}")
            else:
                disk.write(f"{ROOT}/{path}", data)
        finally:
            self.checks.tampering = False

    def add_node(self, name: str) -> None:
        self.checks.watch(self.world.add_node(name))

    def break_disk(self, node: str, reason: str) -> None:
        """From now on the disk refuses to be written to."""
        self.cluster.faults.add(Fault(Site.DISK, DiskFault(reason), who=node, what="write", on=ROOT))

    def suffer(self, *faults: Fault) -> None:
        """From now on this goes wrong."""
        self.suffered = True
        self.cluster.faults.plan = FaultPlan(faults)

    def meanwhile(self, what: str, on: str, act: Callable[[], None]) -> None:
        """Once, just before the operator next asks for this (`patch` …) on that object, somebody else does `act`."""

        def act_first(operation: Operation) -> None:
            if operation.fits("", what, on):
                self.cluster.faults.unlisten(act_first)
                act()

        self.cluster.faults.listen(act_first, Site.API)

    def mend(self) -> None:
        """Bad luck ends."""
        self.mended = True
        self.cluster.faults.end()

    # -- the operator's processes ------------------------------------------------------------------------------------

    def metric(self, name: str, **labels: str) -> float:
        return sum(process.counters.value(name, **labels) for process in self.world.processes.values())

    def kill(self, role: str) -> None:
        """kill -9 every process of a role; the kubelet starts them again."""
        self.suffered = True
        for record in list(self.cluster.store.scan("pods", self.operator_namespace)):
            process = self.world.processes.get(record.key.name)
            if process is not None and process.role == role and record.node in self.cluster.kubelets:
                container = record.object()["spec"]["containers"][0]["name"]
                self.cluster.kubelets[record.node].crash(self.operator_namespace, record.key.name, container)

    def managers(self) -> list[str]:
        """The manager's pods that run, the leader first."""
        lease = self.get("Lease", self.operator_namespace, LOCK) or {"spec": {}}
        pods = [each["metadata"]["name"] for each in self.list("Pod", self.operator_namespace)]
        found = [pod for pod in pods if pod in self.world.processes and self.world.processes[pod].role == "manager"]
        return sorted(found, key=lambda pod: (pod != lease["spec"].get("holderIdentity"), pod))

    def set_clock(self, pod: str, ahead_s: float) -> None:
        """From now on, the pod's clock is so far ahead."""
        self.cluster.faults.add(Fault(Site.CLOCK, ClockSkew(ahead_s), who=pod))

    def story(self) -> str:
        """What happened and what went wrong, for a story that failed."""
        told = timeline_text(lines(self.world.recorder.facts, self.world.start_ns), Paint())
        struck = Counter(strike.fault for strike in self.cluster.faults.strikes)
        faults = "".join(f"\n{count:4} × {fault}" for fault, count in struck.items())
        return f"{told}{faults}\nseed {self.seed}"

    # -- the story's end ---------------------------------------------------------------------------------------------

    def states(self) -> States:
        """What its profiles went through, until nothing is under way."""

        def told() -> States:
            return self._recorder.of(self.namespace, *self._visited)

        self.cluster.run_until(lambda: is_settled(told()), SETTLES_S_MAX)
        return told()

    def end(self) -> list[str]:
        """The world comes to rest; gives what is wrong with it then."""
        self.mend()
        self.rest()
        return self.checks.finally_()

    def _record(self, change: Change) -> None:
        record = change.after or change.before
        if change.key.resource == PROFILES and record is not None:
            self._recorder.seen(record.object(), deleted=change.after is None)
