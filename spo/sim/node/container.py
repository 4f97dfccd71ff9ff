"""One container of a pod: its state, as its status shows it, and the task that runs in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Protocol

from spo.sim.timeline import SECOND_NS, Alarm, Timeline

State = Literal["waiting", "running", "terminated"]
Object = dict[str, Any]

MOMENT_S = 0.1  # even the shortest program takes a moment; so it was seen running
FORGIVEN_S = 600.0  # after running this long, a crash is the first one again
SIGKILLED = 137


class Ending(NamedTuple):
    """How a task ended by itself. `killed`: from outside, so there is no reason to think that it will happen again."""

    code: int
    killed: bool = False


class Task(Protocol):
    """What runs in a container that has started (containerd's word). Whoever made it is told of its `Ending`."""

    @property
    def is_steady(self) -> bool:
        """Nothing will happen in it by itself."""

    def start(self) -> None:
        """Run, from now on."""

    def ask_to_end(self) -> None:
        """SIGTERM: the chance to say goodbye."""

    def halt(self) -> None:
        """SIGKILL: no more of it, and nobody is told."""


class Container:
    """Its state is what the status shows; `on_exit(container, code)` is called when its task has ended by itself."""

    __slots__ = (
        "_on_exit",
        "_task",
        "_timeline",
        "container_id",
        "crashes",
        "exit_code",
        "finished",
        "image",
        "is_init",
        "killed",
        "last",
        "message",
        "pulls",
        "reason",
        "restarts",
        "retry",
        "spec",
        "started",
        "started_ns",
        "state",
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
        self._timeline = timeline
        self._task: Task | None = None
        self._on_exit: Callable[[Container, int], None] | None = None

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
        quiet = self.retry is None and (self._task is None or self._task.is_steady)
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

    def create(self) -> None:
        """The runtime makes it from its image."""
        self.image = str(self.spec["image"])

    def start(self, pod_uid: str, task: Task, on_exit: Callable[[Container, int], None]) -> None:
        """It is up, and this runs in it."""
        self.state, self.reason, self.message, self.killed = "running", "", "", False
        self.started, self.finished = self._timeline.stamp(), ""
        self.started_ns = self._timeline.now_ns
        identity = f"{pod_uid}/{self.name}/{self.restarts}".encode()
        self.container_id = "containerd://" + hashlib.sha256(identity).hexdigest()
        self._task, self._on_exit = task, on_exit
        task.start()

    def resume(self, task: Task, on_exit: Callable[[Container, int], None]) -> None:
        """It was taken over as running, and this is what runs in it."""
        self._task, self._on_exit = task, on_exit
        task.start()

    # -- ending ----------------------------------------------------------------------------------------------------

    def end(self, ending: Ending) -> None:
        """The task has ended by itself."""
        if self.state == "running":
            self.halt()
            self.killed = self.killed or ending.killed
            self._terminated(ending.code)
            if self._on_exit is not None:
                self._on_exit(self, ending.code)

    def ask_to_end(self) -> None:
        """SIGTERM."""
        if self._task is not None:
            self._task.ask_to_end()

    def stop(self, code: int) -> None:
        """Take it down; nobody is called."""
        was_running = self.state == "running"
        self.halt()
        if was_running:
            self._terminated(code)

    def halt(self) -> None:
        """No more of it: its task and its next try go; its state stays for whoever writes it down."""
        if self.retry is not None:
            self._timeline.cancel(self.retry)
        task, self.retry, self._task = self._task, None, None
        if task is not None:
            task.halt()

    def _terminated(self, code: int) -> None:
        self.state, self.exit_code, self.reason = "terminated", code, "Completed" if code == 0 else "Error"
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
