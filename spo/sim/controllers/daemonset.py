"""DaemonSets: one pod on each eligible node, replaced a few at a time when the template changes.

Source: pkg/controller/daemon. A pod is up to date by the hash of its revision or by the template's generation.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from spo.model.resource import DAEMONSETS
from spo.sim.api.builtin.workloads import DAEMON_SET_GENERATION
from spo.sim.api.verbs.eviction import selector_of
from spo.sim.client import Object
from spo.sim.controllers.adoption import Claims, PodItems
from spo.sim.controllers.availability import Availability
from spo.sim.controllers.base import Controller, controller_reference
from spo.sim.controllers.history import STORAGE as REVISIONS
from spo.sim.controllers.history import History
from spo.sim.controllers.placement import (
    DAEMON_TOLERATIONS,
    HOST_NETWORK_TOLERATION,
    NodeFacts,
    named_node,
    node_facts,
    untolerated,
    why_not,
)
from spo.sim.controllers.podtemplate import REVISION_HASH, TEMPLATE_GENERATION, pod_of, share
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts
from spo.sim.store import Change, StoreKey

BURST = 250  # pods made or deleted in one pass (pkg/controller/daemon: BurstReplicas)
COMPONENT = "daemonset-controller"


class Wishes(Struct):
    """What one pass over a DaemonSet wants, and what its status says."""

    create_on: list[str]
    delete: list[PodFacts]
    status: dict[str, int]


class Pace(Struct, frozen=True):
    """How a changed template is rolled out: as so many nodes without a pod, or so many with two. None: not at all."""

    unavailable: int | None
    surge: int = 0


def is_current(pod: PodFacts, revision: str, generation: str) -> bool:
    """Made from the present template: by hash, or (loaded clusters) by the template's generation."""
    labels = pod.labels
    return labels.get(REVISION_HASH) == revision or (bool(generation) and labels.get(TEMPLATE_GENERATION) == generation)


def decide(
    eligible: Mapping[str, bool],
    node_of: Mapping[StoreKey, str],
    pods: Iterable[PodFacts],
    current: Callable[[PodFacts], bool],
    pace: Pace,
    available: Callable[[PodFacts], bool] = lambda pod: pod.ready,
) -> Wishes:
    """`eligible`: node → may a new pod start there (its NoSchedule taints are tolerated); nodes that are not in it must
    not run one. `node_of`: the node each pod was made for. `current`: is it of the present template?
    """
    by_node: dict[str, list[PodFacts]] = {}
    for pod in pods:
        by_node.setdefault(node_of[pod.key], []).append(pod)
    tour = _Tour(current, available, pace)
    for node, may_start in eligible.items():
        here = by_node.get(node, [])
        if here or may_start:  # else a pod could stay here, but not start
            tour.visit(node, here)
    misplaced = [pod for node, here in by_node.items() if node not in eligible for pod in here]
    tour.delete += [pod for pod in misplaced if not pod.deleting]
    if pace.surge:
        replaced = (*tour.old_sick, *tour.old_well[: max(0, pace.surge - tour.surging)])
        tour.create += [node_of[pod.key] for pod in replaced]
    elif pace.unavailable is not None:  # the sick count as missing already
        tour.delete += [*tour.old_sick, *tour.old_well[: max(0, pace.unavailable - tour.missing)]]
    return Wishes(tour.create, tour.delete, tour.counts(len(misplaced)))


class _Tour:
    """Node after node: what is to be made and deleted there, and the sums."""

    def __init__(self, current: Callable[[PodFacts], bool], available: Callable[[PodFacts], bool], pace: Pace) -> None:
        self._current, self._available, self._pace = current, available, pace
        self.create: list[str] = []
        self.delete: list[PodFacts] = []
        self.old_well: list[PodFacts] = []
        self.old_sick: list[PodFacts] = []
        self.missing = self.surging = 0
        self._desired = self._scheduled = self._ready = self._updated = 0

    def visit(self, node: str, here: list[PodFacts]) -> None:
        self._desired += 1
        self.delete += [pod for pod in here if pod.is_finished and not pod.deleting]
        live = sorted((pod for pod in here if not pod.is_finished and not pod.deleting), key=lambda pod: pod.created)
        superseded = live[1:]
        if self._pace.surge and len(live) > 1:
            live, superseded = _pair(live, self._current, self._available)
            self.surging += len(live) > 1
        self.delete += superseded
        if not live:
            self.missing += 1
            if not here:
                self.create.append(node)
            return
        pod, newest = live[0], live[-1] if self._pace.surge else live[0]
        well = self._available(pod) or self._available(newest)
        self._scheduled += 1
        self._ready += pod.ready or newest.ready
        self._updated += self._current(newest)
        self.missing += not well
        if not self._current(pod) and pod is newest:
            (self.old_well if well else self.old_sick).append(pod)

    def counts(self, misplaced: int) -> dict[str, int]:
        """As the API shows them: the first four always, the others unless 0."""
        status = {
            "currentNumberScheduled": self._scheduled,
            "numberMisscheduled": misplaced,
            "desiredNumberScheduled": self._desired,
            "numberReady": self._ready,
        }
        optional = {
            "updatedNumberScheduled": self._updated,
            "numberAvailable": self._desired - self.missing,
            "numberUnavailable": self.missing,
        }
        return {**status, **{name: count for name, count in optional.items() if count}}


def _pair(
    live: list[PodFacts], current: Callable[[PodFacts], bool], available: Callable[[PodFacts], bool]
) -> tuple[list[PodFacts], list[PodFacts]]:
    """Of several pods on a node while it surges: the old one and the new one, and those that go now."""
    old = [pod for pod in live if not current(pod)][:1]
    new = [pod for pod in live if current(pod)][:1]
    if old and new and available(new[0]):
        old = []
    kept = [*old, *new]
    return kept, [pod for pod in live if pod not in kept]


class DaemonSets(Controller):
    component = "serviceaccount:kube-system:daemon-set-controller"
    watches = frozenset({"daemonsets.apps", REVISIONS, "pods", "nodes"})
    delay_s = 0.05  # many pods change at once; one pass sees them all

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        self._nodes: dict[str, NodeFacts] = {}
        self._claims = Claims(context, self.client, DAEMONSETS, PodItems(context))
        self._history = History(context, self.client, DAEMONSETS)
        self._availability = Availability(context)
        self._eligible: dict[str, tuple[int, dict[str, bool]]] = {}  # by uid: at which spec generation, and who
        self._made_for: dict[StoreKey, str] = {}  # pods that have no node yet

    def hear(self, change: Change) -> None:
        match change.key.resource:
            case "daemonsets.apps":
                self._hear_set(change)
            case "nodes":
                self._hear_node(change)
            case _:
                key = self._claims.key_of(self._history.hear(change))
                if key is not None:
                    self.want(key)

    def _hear_set(self, change: Change) -> None:
        if change.after is None:
            uid = self._claims.forget(change.key)
            self._eligible.pop(uid, None)
            self._history.forget(uid)
        else:
            self.want(change.key)

    def _hear_node(self, change: Change) -> None:
        name = change.key.name
        fresh = None if change.after is None else node_facts(change.after.object())
        if self._nodes.get(name) == fresh:
            return
        if fresh is None:
            del self._nodes[name]
        else:
            self._nodes[name] = fresh
        self._eligible.clear()
        for each in self._claims.all():
            self.want(each)

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        pod = new or old
        assert pod is not None
        if new is None or new.node:
            self._made_for.pop(pod.key, None)
        if old is None or new is None or _differ(old, new):
            for key in self._claims.concerned(old, new):
                self.want(key)

    def work(self, key: StoreKey) -> None:
        daemon_set = self.context.read(*key)
        if daemon_set is None or daemon_set["metadata"].get("deletionTimestamp"):
            return
        spec = daemon_set["spec"]
        pods = list(self._claims.of(daemon_set, selector_of(spec["selector"])))
        revision = self._history.of(daemon_set)[-1].hash
        generation = (daemon_set["metadata"].get("annotations") or {}).get(DAEMON_SET_GENERATION, "")
        eligible = self._eligible_for(daemon_set)
        wishes = decide(
            eligible,
            {pod.key: pod.node or self._node_wished(pod.key) for pod in pods},
            pods,
            lambda pod: is_current(pod, revision, generation),
            _pace(daemon_set, len(eligible)),
            self._available(key, pods, spec.get("minReadySeconds", 0)),
        )
        for pod in wishes.delete[:BURST]:
            self._delete(daemon_set, pod)
        for node in wishes.create_on[:BURST]:
            self._create(daemon_set, node, revision, generation)
        if len(wishes.create_on) > BURST or len(wishes.delete) > BURST:
            self.want(key)
        self._history.truncate(daemon_set, {pod.labels.get(REVISION_HASH, "") for pod in pods})
        self._say(daemon_set, wishes.status)

    def _available(self, key: StoreKey, pods: list[PodFacts], min_ready_s: int) -> Callable[[PodFacts], bool]:
        if not min_ready_s:
            return lambda pod: pod.ready
        available, again_s = self._availability.of(pods, min_ready_s)
        if again_s is not None:
            self.want(key, again_s)
        keys = {pod.key for pod in available}
        return lambda pod: pod.key in keys

    def _delete(self, daemon_set: Object, pod: PodFacts) -> None:
        if pod.phase == "Failed":
            text = f"Found failed daemon pod {pod.key.namespace}/{pod.key.name} on node {pod.node}, will try to kill it"
            self.context.recorder.tell(daemon_set, "FailedDaemonPod", text, COMPONENT, warning=True)
        self.delete_pod(daemon_set, pod, COMPONENT)

    def _eligible_for(self, daemon_set: Object) -> dict[str, bool]:
        """Nodes that should run the pod, and whether one may start there now. A NoExecute taint drives it away."""
        metadata = daemon_set["metadata"]
        standing = self._eligible.get(metadata["uid"])
        if standing is not None and standing[0] == metadata.get("generation", 0):
            return standing[1]
        spec = _daemon_spec(daemon_set["spec"]["template"]["spec"])
        nodes = {}
        for name in sorted(self._nodes):
            node = self._nodes[name]
            if untolerated(spec["tolerations"], node.taints, ("NoExecute",)):
                continue
            if why_not(spec, NodeFacts(name, node.labels)):
                continue
            nodes[name] = not why_not(spec, node)
        self._eligible[metadata["uid"]] = (metadata.get("generation", 0), nodes)
        return nodes

    def _node_wished(self, key: StoreKey) -> str:
        """The node that a pod without a node was made for."""
        if key not in self._made_for:
            pod = self.context.read(*key)
            self._made_for[key] = named_node(pod["spec"]) if pod else ""
        return self._made_for[key]

    def _create(self, daemon_set: Object, node: str, revision: str, generation: str) -> None:
        metadata = daemon_set["metadata"]
        labels = {REVISION_HASH: revision} | ({TEMPLATE_GENERATION: generation} if generation else {})
        reference = controller_reference("apps/v1", "DaemonSet", daemon_set)
        pod = pod_of(daemon_set["spec"]["template"], metadata["namespace"], reference, labels)
        pod["spec"] = _daemon_spec(pod["spec"])
        pod["spec"]["affinity"] = _pinned(pod["spec"].get("affinity"), node)
        name = self.create_pod(daemon_set, pod, COMPONENT)
        self._made_for[StoreKey("pods", metadata["namespace"], name)] = node

    def _say(self, daemon_set: Object, counts: dict[str, int]) -> None:
        before = daemon_set.get("status") or {}
        kept = {name: before[name] for name in ("conditions", "collisionCount") if name in before}  # not ours
        status: Object = {**counts, "observedGeneration": daemon_set["metadata"].get("generation", 1), **kept}
        if before != status:
            self.client.update(DAEMONSETS, {**daemon_set, "status": status}, "status")


def _differ(old: PodFacts, new: PodFacts) -> bool:
    return _looked_at(old) != _looked_at(new)


def _looked_at(pod: PodFacts) -> tuple[object, ...]:
    return pod.phase, pod.ready, pod.deleting, pod.node, pod.owner, pod.labels


def _pace(daemon_set: Mapping[str, Any], nodes: int) -> Pace:
    strategy = daemon_set["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return Pace(None)
    rolling = strategy.get("rollingUpdate") or {}
    surge = share(rolling.get("maxSurge"), nodes, up=True, default=0)
    unavailable = share(rolling.get("maxUnavailable"), nodes, up=True, default=1)
    return Pace(None, surge) if surge and not unavailable else Pace(max(1, unavailable))


def _daemon_spec(spec: Mapping[str, Any]) -> Object:
    """The pod spec with the tolerations that every daemon pod has."""
    wanted = DAEMON_TOLERATIONS + ((HOST_NETWORK_TOLERATION,) if spec.get("hostNetwork") else ())
    present = list(spec.get("tolerations") or ())
    return {**spec, "tolerations": present + [dict(each) for each in wanted if each not in present]}


def _pinned(affinity: Mapping[str, Any] | None, node: str) -> Object:
    """The affinity with this node as the only choice (util.ReplaceDaemonSetPodNodeNameNodeAffinity)."""
    pinned: Object = copy.deepcopy(dict(affinity or {}))
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    of_nodes = dict(pinned.get("nodeAffinity") or {})
    of_nodes["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [term]}
    return {**pinned, "nodeAffinity": of_nodes}
