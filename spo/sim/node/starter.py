"""Starts containers: under their seccomp filter, with a program that was handed in or a scripted workload as task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from spo.doors.process import Process
from spo.sim.faults import Faults
from spo.sim.node import runtime
from spo.sim.node.container import Container
from spo.sim.node.kernel import UNCONFINED, Decision, Filter
from spo.sim.node.node import Node
from spo.sim.node.podrun import PodRun
from spo.sim.node.program import Launch, ProgramFactory, arguments, environment
from spo.sim.node.program_task import ProgramTask
from spo.sim.node.workload import ANNOTATION, UNKNOWN, Workload, of_command, parse
from spo.sim.node.workload_task import WorkloadTask

if TYPE_CHECKING:
    from spo.sim.api.server import ApiServer

Audit = Callable[[str, Decision], None]  # a syscall, and what the kernel said to it


class Starter(Struct):
    """What a cluster's kubelets have in common: `programs` and `workloads` by image, and who makes tokens."""

    api: ApiServer
    programs: Mapping[str, ProgramFactory]
    workloads: MutableMapping[str, Workload]
    token: Callable[[str, str, str], str]  # namespace, service account, pod
    faults: Faults

    def start(self, node: Node, run: PodRun, container: Container, on_exit: Callable[[Container, int], None]) -> None:
        """Raises CannotCreate or CannotStart."""
        wanted = runtime.confinement(run.pod["spec"], container.spec)
        loaded = runtime.filter_of(node.disk, wanted, node.runc)
        try:
            workload = self.workload(run, container)
        except ValueError as error:
            raise runtime.CannotStart(f"simulation: {error}") from error
        node.refused.get(run.key, {}).pop(container.name, None)  # what was said of its last run is over
        pid = node.pid()
        container.create()
        if loaded is not UNCONFINED:
            _run_init(loaded, wanted.no_new_privileges, container.name, workload.exe, _auditor(node, pid))
        task: ProgramTask | WorkloadTask
        factory = self.programs.get(container.image)
        if factory is not None:
            task = self._program(node, run, container, factory)
        else:
            task = WorkloadTask(
                workload,
                loaded,
                node.timeline,
                container.end,
                say=self._speaker(node, run, container),
                audit=_auditor(node, pid, workload.comm, workload.exe),
                refused=_blamer(node, run, container),
            )
        container.start(run.uid, task, on_exit)

    def resume(self, node: Node, run: PodRun, container: Container, on_exit: Callable[[Container, int], None]) -> None:
        """Let the program of a container that runs already begin; what it runs but no program needs no beginning."""
        factory = self.programs.get(str(container.spec["image"]))
        if factory is not None:
            container.resume(self._program(node, run, container, factory), on_exit)

    def _program(self, node: Node, run: PodRun, container: Container, factory: ProgramFactory) -> ProgramTask:
        make, waits_until = partial(self._launch, node, run, container, factory), self._waits_until(run.key.name)
        return ProgramTask(make, node.timeline, container.end, waits_until)

    def _waits_until(self, pod: str) -> Callable[[], float | None]:
        """When a program that starts now has the last of its answers, if some are late; for those of its past life
        it does not wait.
        """
        self.faults.let_go(pod)
        return partial(self.faults.held_until, pod)

    def knows(self, image: str) -> bool:
        """Is it told what containers of the image do?"""
        return image in self.programs or image in self.workloads

    def workload(self, run: PodRun, container: Container) -> Workload:
        """The pod's annotation, else the image's, else what its command line says. Raises ValueError."""
        annotation = (run.meta.get("annotations") or {}).get(ANNOTATION)
        if annotation is not None:
            return parse(annotation)
        known = self.workloads.get(container.spec["image"])
        if known is not None:
            return known
        command = [*(container.spec.get("command") or ()), *(container.spec.get("args") or ())]
        return of_command(command, UNKNOWN)

    def stops_s(self, run: PodRun, container: Container, program_stops_s: float) -> float | None:
        """How long the container takes to end after SIGTERM; `None`: until it is killed."""
        if container.spec["image"] in self.programs:
            return program_stops_s
        try:
            return self.workload(run, container).stops_s
        except ValueError:
            return 0.0

    def _speaker(self, node: Node, run: PodRun, container: Container) -> Callable[[str], None]:
        def say(text: str) -> None:
            log = self.api.logs.book.log(run.key, container.name, container.container_id)
            log.write(node.timeline.now, text)

        return say

    def _launch(
        self, node: Node, run: PodRun, container: Container, factory: ProgramFactory, wake: Callable[[], None]
    ) -> Process:
        """The program begins; `wake` asks for a tick of it."""
        spec, namespace = run.pod["spec"], run.key.namespace
        status = {**(run.pod.get("status") or {}), "podIP": run.ip, "hostIP": node.ip}
        variables = environment(container.spec, {**run.pod, "status": status})
        account = spec.get("serviceAccountName") or "default"
        launch = Launch(
            arguments=arguments(container.spec, variables),
            environment=variables,
            namespace=namespace,
            pod=run.key.name,
            container=container.name,
            node=node.name,
            service_account=account,
            token=self.token(namespace, account, run.key.name),
            api=self.api,
            timeline=node.timeline,
            disk=node.disk,
            audit=node.audit,
            faults=self.faults,
            wake=wake,
            say=self._speaker(node, run, container),
        )
        return factory(launch)


def _run_init(loaded: Filter, no_new_privileges: bool, container: str, program: str, audit: Audit) -> None:
    """What runc's init does under the filter before it becomes the container's program. Raises CannotStart."""
    try:
        logged = runtime.start(loaded, no_new_privileges, container, program)
    except runtime.Killed as killed:
        for syscall, verdict in killed.logged:
            audit(syscall, verdict)
        raise
    for syscall, verdict in logged:
        audit(syscall, verdict)


def _auditor(node: Node, pid: int, comm: str = "runc:[2:INIT]", exe: str = "/") -> Audit:
    """What the kernel audits of a process goes into the node's audit log."""

    def audit(syscall: str, verdict: Decision) -> None:
        if verdict.is_audited:
            node.note(pid, comm, exe, syscall, verdict)

    return audit


def _blamer(node: Node, run: PodRun, container: Container) -> Callable[[str], None]:
    """Keeps the syscall whose refusal ended the container."""

    def blame(syscall: str) -> None:
        node.refused.setdefault(run.key, {})[container.name] = syscall

    return blame
