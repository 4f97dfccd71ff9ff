"""Starts containers: under their seccomp filter, as a program of ours or as a workload."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING

from msgspec import Struct

from spo.sim.faults import Luck
from spo.sim.node import runtime
from spo.sim.node.container import Container
from spo.sim.node.kernel import Decision
from spo.sim.node.node import Node
from spo.sim.node.podrun import PodRun
from spo.sim.node.program import Launch, ProgramFactory, arguments, environment
from spo.sim.node.workload import ANNOTATION, UNKNOWN, Workload, of_command, parse

if TYPE_CHECKING:
    from spo.sim.api.server import ApiServer


class Starter(Struct):
    """What a cluster's kubelets have in common: `programs` and `workloads` by image, and who makes tokens."""

    api: ApiServer
    programs: Mapping[str, ProgramFactory]
    workloads: MutableMapping[str, Workload]
    token: Callable[[str, str, str], str]  # namespace, service account, pod
    luck: Luck

    def start(self, node: Node, run: PodRun, container: Container, on_exit: Callable[[Container, int], None]) -> None:
        """Raises CannotCreate or CannotStart."""
        wanted = runtime.confinement(run.pod["spec"], container.spec)
        loaded = runtime.filter_of(node.disk, wanted)
        try:
            workload = self.workload(run, container)
        except ValueError as error:
            raise runtime.CannotStart(f"simulation: {error}") from error
        container.workload = workload
        container.log = _writer(node)
        container.say = self._speaker(node, run, container)
        container.refused = _blamer(node, run, container)
        container.come_up(loaded, wanted.no_new_privileges, run.uid, node.pid())
        factory = self.programs.get(container.spec["image"])
        if factory is None:
            container.run(workload, on_exit)
        else:
            launch = self._launch(node, run, container)
            container.run_program(lambda: factory(launch), on_exit)

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

    def _launch(self, node: Node, run: PodRun, container: Container) -> Launch:
        spec, namespace = run.pod["spec"], run.key.namespace
        status = {**(run.pod.get("status") or {}), "podIP": run.ip, "hostIP": node.ip}
        variables = environment(container.spec, {**run.pod, "status": status})
        account = spec.get("serviceAccountName") or "default"
        return Launch(
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
            luck=self.luck,
            wake=container.wake,
            say=container.say,
        )


def _blamer(node: Node, run: PodRun, container: Container) -> Callable[[str], None]:
    """What was said of the container's last run is over."""
    node.refused.get(run.key, {}).pop(container.name, None)

    def blame(syscall: str) -> None:
        node.refused.setdefault(run.key, {})[container.name] = syscall

    return blame


def _writer(node: Node) -> Callable[[Container, str, Decision, bool], None]:
    def write(container: Container, syscall: str, verdict: Decision, starting: bool) -> None:
        comm, exe = ("runc:[2:INIT]", "/") if starting else (container.workload.comm, container.workload.exe)
        node.note(container.pid, comm, exe, syscall, verdict)

    return write
