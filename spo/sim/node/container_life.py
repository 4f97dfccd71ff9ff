"""A container's life on its node: pulled, created, started, tried again, restarted after its end."""

from __future__ import annotations

from collections.abc import Callable

from spo.sim.node import backoff, images, runtime
from spo.sim.node.container import Container
from spo.sim.node.node import Node
from spo.sim.node.pod_workers import PodWorkers
from spo.sim.node.podrun import PodRun
from spo.sim.node.reporter import Reporter
from spo.sim.node.starter import Starter
from spo.sim.timeline import Timeline

SYNC_S = 0.05  # from news to the first look
RETRY_S = 10.0  # a container that could not be made is tried again on a beat of this (kubelet: backOffPeriod)
LONG_S = 60.0  # what is farther away than this does not keep the world busy


class ContainerLife:
    """Of the containers of one node. `go_on` starts what is next in a pod."""

    def __init__(
        self,
        node: Node,
        timeline: Timeline,
        workers: PodWorkers,
        reporter: Reporter,
        starter: Starter,
        go_on: Callable[[PodRun], None],
    ) -> None:
        self._node = node
        self._timeline = timeline
        self._workers = workers
        self._reporter = reporter
        self._starter = starter
        self._go_on = go_on

    def resume(self, run: PodRun) -> None:
        """The pod was taken over as it ran elsewhere: what its containers are told to run begins."""
        for container in run.containers:
            if container.state == "running":
                self._starter.resume(self._node, run, container, lambda ended, code: self.ended(run, ended, code))

    # -- coming up ---------------------------------------------------------------------------------------------------

    def bring_up(self, run: PodRun, container: Container) -> None:
        """If it waits for nothing else."""
        if container.state != "waiting" or container.retry is not None or run.terminating:
            return
        field, image = container.field, str(container.spec["image"])
        if images.is_absent(image) and not self._starter.knows(image):
            self._cannot_pull(run, container, image)
            return
        try:
            text = f'Container image "{image}" already present on machine and can be accessed by the pod'
            self._reporter.tell(run, "Pulled", text, field)
            self._starter.start(self._node, run, container, lambda ended, code: self.ended(run, ended, code))
        except runtime.CannotCreate as error:
            container.wait("CreateContainerError", str(error))
            self._reporter.tell(run, "Failed", f"Error: {error}", field, warning=True)
            self._wait_for(run, container, error.path)
        except runtime.CannotStart as error:
            self._reporter.tell(run, "Created", "Container created", field)
            self._reporter.tell(run, "Failed", f"Error: {error}", field, warning=True)
            self._did_not_start(run, container, str(error))
        else:
            self._reporter.tell(run, "Created", "Container created", field)
            self._reporter.tell(run, "Started", "Container started", field)
            if container.warms_up_s:
                idle = container.warms_up_s > LONG_S
                self._workers.after(run, container.warms_up_s, self._workers.write, idle=idle)

    def _cannot_pull(self, run: PodRun, container: Container, image: str) -> None:
        """The registry does not have it; it is asked again, ever later."""
        failed = container.reason in images.FAILED
        reason, message = images.waiting(image, first=not failed)
        if not failed:
            self._reporter.tell(run, "Pulling", f'Pulling image "{image}"', container.field)
            self._reporter.tell(run, "Failed", images.failure(image), container.field, warning=True)
            self._reporter.tell(run, "Failed", f"Error: {reason}", container.field, warning=True)
        else:
            self._reporter.tell(run, "BackOff", images.backing_off(image), container.field)
            self._reporter.tell(run, "Failed", f"Error: {reason}", container.field, warning=True)
        container.wait(reason, message)
        container.pulls += 1
        delay_s = backoff.doubled_s(container.pulls)
        container.retry = self._timeline.after(delay_s, lambda: self._try_again(run, container), idle=failed)

    def _wait_for(self, run: PodRun, container: Container, path: str) -> None:
        """Try again on a beat; if a file keeps it from being created, on the first beat after that has changed."""
        if not path:
            container.retry = self._timeline.after(RETRY_S, lambda: self._try_again(run, container), idle=True)
            return
        if not run.waits_for:
            run.beat_ns = self._timeline.now_ns
        self._workers.files.wait(run, path, self._on_the_next_beat)

    def _on_the_next_beat(self, run: PodRun) -> None:
        waited_s = (self._timeline.now_ns - run.beat_ns) / 1e9
        self._workers.after(run, RETRY_S - waited_s % RETRY_S, self._go_on)

    def _try_again(self, run: PodRun, container: Container) -> None:
        container.retry = None
        self._workers.do(run, self._go_on)

    def _did_not_start(self, run: PodRun, container: Container, message: str) -> None:
        """The runtime made it, but its process did not come up: exit code 128, reason StartError."""
        container.fail_to_start(message)
        if backoff.restarts(run, container, 128):
            self.restart_later(run, container, failed_start=True)
        else:
            container.give_up_start()

    # -- ending, and coming up again ---------------------------------------------------------------------------------

    def ended(self, run: PodRun, container: Container, code: int) -> None:
        """Its task has ended: does the pod go on, with it or without it?"""
        if not self._workers.has(run) or run.terminating:
            return
        if backoff.restarts(run, container, code):
            self.restart_later(run, container)
        self._workers.write(run)
        if container.is_init and container.succeeded:
            self._workers.after(run, SYNC_S, self._go_on)
        self._workers.settle(run)

    def restart_later(self, run: PodRun, container: Container, *, failed_start: bool = False) -> None:
        """At once after the first crash, then ever later. What fails by itself does not keep the world busy."""
        container.count_crash(failed_start)
        delay_s = backoff.restart_delay_s(container.crashes)
        if container.crashes > 1:
            if not failed_start:
                container.wait("CrashLoopBackOff", backoff.waiting(run, container, delay_s))
            self._reporter.tell(run, "BackOff", backoff.event(run, container), container.field, warning=True)
        container.retry = self._timeline.after(
            delay_s, lambda: self.restart(run, container), idle=container.crashes > 2 and not container.killed
        )

    def restart(self, run: PodRun, container: Container) -> None:
        container.retry = None
        container.wait(container.reason, container.message)
        container.restarts += 1
        self._workers.do(run, self._go_on)
