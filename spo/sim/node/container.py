"""One container of a pod: how it comes up, what its process does, how it ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Literal

from spo.doors.process import Process
from spo.sim.faults import Crash
from spo.sim.node import runtime
from spo.sim.node.kernel import SIGSYS, UNCONFINED, Decision, Filter
from spo.sim.node.program import Exited
from spo.sim.node.workload import Exit, Say, Syscall, Touch, Wait, Workload
from spo.sim.timeline import SECOND_NS, Alarm, Timeline

State = Literal["waiting", "running", "terminated"]
Object = dict[str, Any]

WAKE_S = 0.001  # from news at a door to the tick that takes it in
LONG_S = 60.0  # a workload that waits longer than this does not keep the world busy
FORGIVEN_S = 600.0  # after running this long, a crash is the first one again
SIGKILLED = 137


def silence(_text: str) -> None:
    """Nobody reads what it writes."""


class Container:
    """Its state is what the status shows; `on_exit(container, code)` is called when its process has ended."""

    __slots__ = (
        "_alarm",
        "_on_exit",
        "_step",
        "_tick_alarm",
        "_timeline",
        "container_id",
        "crashes",
        "exit_code",
        "filter",
        "finished",
        "image",
        "is_init",
        "killed",
        "last",
        "log",
        "message",
        "pid",
        "process",
        "pulls",
        "reason",
        "refused",
        "restarts",
        "retry",
        "say",
        "spec",
        "started",
        "started_ns",
        "state",
        "workload",
    )

    def __init__(self, spec: Mapping[str, Any], timeline: Timeline, is_init: bool) -> None:
        self.spec = spec
        self.is_init = is_init
        self.state: State = "waiting"
        self.reason = "PodInitializing" if is_init else "ContainerCreating"
        self.message = ""
        self.started = self.finished = self.container_id = ""
        self.started_ns = 0
        self.image = str(spec["image"])  # what it was made from
        self.exit_code = 0
        self.restarts = 0
        self.crashes = 0  # in a row
        self.killed = False  # from outside: no reason to think that it will happen again
        self.last: Object = {}  # the lastState
        self.retry: Alarm | None = None
        self.pulls = 0  # of its image, in vain
        self.pid = 0
        self.process: Process | None = None
        self.workload = Workload()
        self.filter: Filter = UNCONFINED
        self.log: Callable[[Container, str, Decision, bool], None] | None = None
        self.say: Callable[[str], None] = silence  # a line on standard output
        self.refused: Callable[[str], None] = silence  # is told the syscall whose refusal ends the program
        self._timeline = timeline
        self._on_exit: Callable[[Container, int], None] | None = None
        self._alarm: Alarm | None = None
        self._tick_alarm: Alarm | None = None
        self._step = 0

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def field(self) -> str:
        """How Events name it."""
        return f"spec.{'initContainers' if self.is_init else 'containers'}{{{self.name}}}"

    @property
    def is_sidecar(self) -> bool:
        """An init container that stays (restartPolicy Always)."""
        return self.is_init and self.spec.get("restartPolicy") == "Always"

    @property
    def is_done(self) -> bool:
        """Its part of the pod's start is over."""
        return self.state == "running" if self.is_sidecar or not self.is_init else self.succeeded

    @property
    def succeeded(self) -> bool:
        return self.state == "terminated" and self.exit_code == 0

    @property
    def pre_stop_s(self) -> float:
        """How long it sleeps before it is asked to end."""
        hook = (self.spec.get("lifecycle") or {}).get("preStop") or {}
        return float((hook.get("sleep") or {}).get("seconds") or 0)

    @property
    def warms_up_s(self) -> float:
        """How long after its start its readiness is asked for first; the answer is yes."""
        return float((self.spec.get("readinessProbe") or {}).get("initialDelaySeconds") or 0)

    @property
    def is_warm(self) -> bool:
        return self.started_ns + round(self.warms_up_s * SECOND_NS) <= self._timeline.now_ns

    @property
    def is_steady(self) -> bool:
        """Nothing will happen in it by itself."""
        quiet = self.process is None and self._alarm is None and self.retry is None
        return quiet and (self.state == "running" or (self.is_init and self.succeeded))

    # -- coming up -------------------------------------------------------------------------------------------------

    def adopt(self, status: Mapping[str, Any]) -> None:
        """Take over a container that is there already, from its status."""
        self.image = status.get("image") or self.image
        self.restarts = status.get("restartCount", 0)
        self.last = dict(status.get("lastState") or {})
        self.container_id = status.get("containerID", "")
        state = status.get("state") or {}
        if "running" in state:
            self.state, self.started = "running", state["running"].get("startedAt", "")
        elif "terminated" in state:
            ended = state["terminated"]
            self.state, self.exit_code, self.reason = "terminated", ended["exitCode"], ended.get("reason", "")
            self.started, self.finished = ended.get("startedAt", ""), ended.get("finishedAt", "")
        elif "waiting" in state:
            self.reason, self.message = state["waiting"].get("reason", self.reason), state["waiting"].get("message", "")
            self.crashes = self.restarts

    def lost(self, now: str) -> None:
        """The machine went down under it."""
        if self.state == "running":
            self.last = {"terminated": {**self._ended(), "exitCode": 255, "reason": "Unknown", "finishedAt": now}}
            self.restarts += 1
        if self.is_init or self.state != "terminated":
            self.state, self.reason, self.message = "waiting", "ContainerCreating", ""

    def come_up(self, loaded: Filter, no_new_privileges: bool, pod_uid: str, pid: int) -> None:
        """Let the runtime make it and start it. Raises CannotStart."""
        self.pid, self.filter, self.image = pid, loaded, str(self.spec["image"])
        if loaded is not UNCONFINED:
            try:
                logged = runtime.start(loaded, no_new_privileges, self.name, self.workload.exe)
            except runtime.Killed as killed:
                self._log_all(killed.logged)
                raise
            self._log_all(logged)
        self.state, self.reason, self.message, self.killed = "running", "", "", False
        self.started, self.finished = self._timeline.stamp(), ""
        self.started_ns = self._timeline.now_ns
        identity = f"{pod_uid}/{self.name}/{self.restarts}".encode()
        self.container_id = "containerd://" + hashlib.sha256(identity).hexdigest()

    def _log_all(self, logged: list[tuple[str, Decision]]) -> None:
        for name, verdict in logged:
            self._note(name, verdict, starting=True)

    def _note(self, name: str, verdict: Decision, *, starting: bool = False) -> None:
        if verdict.is_audited and self.log is not None:
            self.log(self, name, verdict, starting)

    # -- running a workload ----------------------------------------------------------------------------------------

    def run(self, workload: Workload, on_exit: Callable[[Container, int], None]) -> None:
        """Do the steps, from now on."""
        self.workload, self._on_exit, self._step = workload, on_exit, 0
        if self.filter.verdict("execve").lets_pass:
            self._go_on()
        else:
            self.refused("execve")
            self._end_soon(1)

    def _go_on(self) -> None:
        self._alarm = None
        while self._step < len(self.workload.steps):
            step = self.workload.steps[self._step]
            self._step += 1
            match step:
                case Wait(seconds, by):
                    verdict = self._ask_kernel(by, ()) if by else None
                    if verdict is None or verdict.lets_pass:
                        self._alarm = self._timeline.after(seconds, self._go_on, idle=seconds > LONG_S)
                        return
                    code = self._fate(by, verdict, needed=False)
                case Say(text):
                    self.say(text)
                    continue
                case Exit(code):
                    self._end_soon(code)
                    return
                case Syscall(name, args, needed):
                    code = self._call(name, args, needed)
                case Touch():
                    code = self._call("openat", (), needed=False)
            if code:
                self._end_soon(code)
                return

    def _call(self, name: str, args: tuple[int, ...], needed: bool) -> int:
        """One syscall; gives the exit code it ends the program with, or 0."""
        return self._fate(name, self._ask_kernel(name, args), needed)

    def _fate(self, name: str, verdict: Decision, needed: bool) -> int:
        """The exit code that the kernel's answer ends the program with, or 0."""
        code = 128 + SIGSYS if verdict.kills else 1 if needed and not verdict.lets_pass else 0
        if code:
            self.refused(name)
        return code

    def _ask_kernel(self, name: str, args: tuple[int, ...]) -> Decision:
        verdict = self.filter.verdict(name, args)
        self._note(name, verdict)
        return verdict

    def _end_soon(self, code: int) -> None:
        """Even the shortest program takes a moment; so it was seen running."""
        self._alarm = self._timeline.after(0.1, lambda: self.end(code))

    # -- running a program of ours -----------------------------------------------------------------------------------

    def run_program(self, make: Callable[[], Process], on_exit: Callable[[Container, int], None]) -> None:
        """Start it; it is ticked when it asks (`wake`) and when its next wish is due."""
        self._on_exit = on_exit
        code = self._guarded(lambda: self._begin(make))
        if code is not None:
            self._end_soon(code)

    def _begin(self, make: Callable[[], Process]) -> None:
        self.process = make()
        self.wake()

    def wake(self) -> None:
        """Ask for a tick now."""
        if self.process is not None and self._alarm is None:
            self._alarm = self._timeline.after(WAKE_S, self._tick)

    def _tick(self) -> None:
        process = self.process
        if process is None:
            return
        for alarm in (self._alarm, self._tick_alarm):
            if alarm is not None:
                self._timeline.cancel(alarm)
        self._alarm = self._tick_alarm = None
        code = self._guarded(lambda: self._wish(process))
        if code is not None:
            self.end(code)

    def _wish(self, process: Process) -> None:
        wish = process.tick()
        if wish is not None and self.process is process:
            soonest = self._timeline.now_ns + round(WAKE_S * SECOND_NS)
            self._tick_alarm = self._timeline.at(max(round(wish * SECOND_NS), soonest), self._tick, idle=True)

    def _guarded(self, act: Callable[[], None]) -> int | None:
        """The exit code if the program ended in there. Any other exception is our own bug, and ends the run."""
        try:
            act()
        except Exited as ended:
            return ended.code
        except Crash:
            self.killed = True
            return SIGKILLED
        return None

    # -- ending ----------------------------------------------------------------------------------------------------

    def end(self, code: int, reason: str = "") -> None:
        """The process has ended, by itself or by a signal."""
        if self.state == "running":
            self.halt()
            self._terminated(code, reason or ("Completed" if code == 0 else "Error"))
            if self._on_exit is not None:
                self._on_exit(self, code)

    def ask_to_end(self) -> None:
        """SIGTERM: a program of ours has its chance to say goodbye."""
        leave = getattr(self.process, "leave", None)
        if leave is not None:
            self._guarded(leave)

    def stop(self, code: int) -> None:
        """Take it down; nobody is called."""
        was_running = self.state == "running"
        self.halt()
        if was_running:
            self._terminated(code, "Completed" if code == 0 else "Error")

    def halt(self) -> None:
        """No more of it: its alarms and its process go; its state stays for whoever writes it down."""
        for alarm in (self._alarm, self._tick_alarm, self.retry):
            if alarm is not None:
                self._timeline.cancel(alarm)
        self._alarm = self._tick_alarm = self.retry = None
        process, self.process = self.process, None
        stop = getattr(process, "stop", None)
        if stop is not None:
            stop()

    def _terminated(self, code: int, reason: str) -> None:
        self.state, self.exit_code, self.reason = "terminated", code, reason
        self.finished = self._timeline.stamp()

    def fail_to_start(self, message: str) -> None:
        """The runtime made it, but its process did not come up: exit code 128, reason StartError."""
        now = self._timeline.stamp()
        self.last = {
            "terminated": {
                "exitCode": 128,
                "reason": "StartError",
                "message": message,
                "startedAt": "1970-01-01T00:00:00Z",
                "finishedAt": now,
            }
        }
        self.wait("RunContainerError", message)

    def give_up_start(self) -> None:
        """What did not start is not tried again."""
        self.state, self.exit_code, self.reason = "terminated", 128, "StartError"
        self.finished = self._timeline.stamp()

    def count_crash(self, failed_start: bool) -> None:
        """One more in a row; after running long, it is the first one again."""
        ran_s = (self._timeline.now_ns - self.started_ns) / SECOND_NS
        self.crashes = 1 if ran_s >= FORGIVEN_S and not failed_start else self.crashes + 1

    def forget_pulls(self) -> None:
        """Another image: what the last one was waited for is of no matter."""
        if self.retry is not None:
            self._timeline.cancel(self.retry)
        self.retry, self.pulls = None, 0
        self.wait("ContainerCreating")

    def wait(self, reason: str, message: str = "") -> None:
        """Not running, for this reason."""
        if self.state == "terminated":
            self.last = {"terminated": self._ended()}
        self.state, self.reason, self.message = "waiting", reason, message

    def _ended(self) -> Object:
        return {
            "exitCode": self.exit_code,
            "reason": self.reason,
            "startedAt": self.started,
            "finishedAt": self.finished,
            "containerID": self.container_id,
        }

    def shown(self) -> Object:
        """The `state` of its status."""
        match self.state:
            case "running":
                return {"running": {"startedAt": self.started}}
            case "terminated":
                return {"terminated": self._ended()}
        return {"waiting": {"reason": self.reason, **({"message": self.message} if self.message else {})}}
