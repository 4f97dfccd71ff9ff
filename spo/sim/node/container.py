"""One container of a pod: how it comes up, what its process does, how it ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Literal

from spo.ports import Process
from spo.sim.luck import Crash
from spo.sim.node import runtime
from spo.sim.node.kernel import SIGSYS, UNCONFINED, Filter, Verdict
from spo.sim.node.program import Exited
from spo.sim.node.workload import Call, Exit, Touch, Wait, Workload
from spo.sim.timeline import SECOND_NS, Alarm, Timeline

State = Literal["waiting", "running", "terminated"]
Object = dict[str, Any]

WAKE_S = 0.001  # from news at a door to the tick that takes it in
LONG_S = 60.0  # a workload that waits longer than this does not keep the world busy
SIGKILLED = 137


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
        "is_init",
        "killed",
        "last",
        "log",
        "message",
        "pid",
        "process",
        "reason",
        "restarts",
        "retry",
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
        self.exit_code = 0
        self.restarts = 0
        self.crashes = 0  # in a row
        self.killed = False  # from outside: no reason to think that it will happen again
        self.last: Object = {}  # the lastState
        self.retry: Alarm | None = None
        self.pid = 0
        self.process: Process | None = None
        self.workload = Workload()
        self.filter: Filter = UNCONFINED
        self.log: Callable[[Container, str, Verdict, bool], None] | None = None
        self._timeline = timeline
        self._on_exit: Callable[[Container, int], None] | None = None
        self._alarm: Alarm | None = None
        self._tick_alarm: Alarm | None = None
        self._step = 0

    @property
    def name(self) -> str:
        return str(self.spec["name"])

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
    def is_steady(self) -> bool:
        """Nothing will happen in it by itself."""
        quiet = self.process is None and self._alarm is None and self.retry is None
        return quiet and (self.state == "running" or (self.is_init and self.succeeded))

    # -- coming up -------------------------------------------------------------------------------------------------

    def adopt(self, status: Mapping[str, Any]) -> None:
        """Take over a container that is there already, from its status."""
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
        self.pid, self.filter = pid, loaded
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

    def _log_all(self, logged: list[tuple[str, Verdict]]) -> None:
        for name, verdict in logged:
            self._note(name, verdict, starting=True)

    def _note(self, name: str, verdict: Verdict, *, starting: bool = False) -> None:
        if verdict.is_audited and self.log is not None:
            self.log(self, name, verdict, starting)

    # -- running a workload ----------------------------------------------------------------------------------------

    def run(self, workload: Workload, on_exit: Callable[[Container, int], None]) -> None:
        """Do the steps, from now on."""
        self.workload, self._on_exit, self._step = workload, on_exit, 0
        if self.filter.verdict("execve").lets_pass:
            self._go_on()
        else:
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
                    code = 128 + SIGSYS if verdict.kills else 0
                case Exit(code):
                    self._end_soon(code)
                    return
                case Call(name, args, needed):
                    code = self._call(name, args, needed)
                case Touch():
                    code = self._call("openat", (), needed=False)
            if code:
                self._end_soon(code)
                return

    def _call(self, name: str, args: tuple[int, ...], needed: bool) -> int:
        """One syscall; gives the exit code it ends the program with, or 0."""
        verdict = self._ask_kernel(name, args)
        if verdict.kills:
            return 128 + SIGSYS
        return 1 if needed and not verdict.lets_pass else 0

    def _ask_kernel(self, name: str, args: tuple[int, ...]) -> Verdict:
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
