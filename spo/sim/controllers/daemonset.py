"""DaemonSets: one pod on each eligible node, replaced a few at a time when the template changes.

Not simulated: surge updates, `minReadySeconds` and ControllerRevision objects (so no `rollout undo`); the hash label is
there, and the template generation counts as in real life (a pod with either is up to date).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from spo.model.resource import DAEMONSETS
from spo.sim.client import Object
from spo.sim.controllers.base import Controller, Uids, World, controller_reference
from spo.sim.controllers.index import PodFacts
from spo.sim.controllers.placement import (
    DAEMON_TOLERATIONS,
    HOST_NETWORK_TOLERATION,
    NodeFacts,
    named_node,
    node_facts,
    untolerated,
    why_not,
)
from spo.sim.controllers.podtemplate import REVISION_HASH, TEMPLATE_GENERATION, pod_of, share, template_hash
from spo.sim.store import Change, StoreKey

GENERATION = "deprecated.daemonset.template.generation"
BURST = 250  # pods made or deleted in one pass (pkg/controller/daemon: BurstReplicas)
COMPONENT = "daemonset-controller"


class Wishes(Struct):
    """What one pass over a DaemonSet wants, and what its status says."""

    create_on: list[str]
    delete: list[PodFacts]
    status: dict[str, int]


def is_current(pod: PodFacts, revision: str, generation: str) -> bool:
    """Made from the present template: by hash, or (loaded clusters) by the template's generation."""
    labels = pod.labels
    return labels.get(REVISION_HASH) == revision or (bool(generation) and labels.get(TEMPLATE_GENERATION) == generation)


def decide(
    eligible: Mapping[str, bool],
    node_of: Mapping[StoreKey, str],
    pods: Iterable[PodFacts],
    revision: str,
    generation: str,
    max_unavailable: int | None,
) -> Wishes:
    """`eligible`: node → may a new pod start there (its NoSchedule taints are tolerated); nodes that are not in it must
    not run one. `node_of`: the node each pod was made for. `max_unavailable` None: OnDelete, old pods stay.
    """
    by_node: dict[str, list[PodFacts]] = {}
    for pod in pods:
        by_node.setdefault(node_of[pod.key], []).append(pod)
    create, delete, old_ready = [], [], []
    desired = scheduled = ready = updated = unavailable = 0
    for node, may_start in eligible.items():
        here = by_node.get(node, [])
        if not here and not may_start:
            continue  # a pod could stay here, but not start
        desired += 1
        gone_bad = [pod for pod in here if pod.is_finished and not pod.deleting]
        delete += gone_bad
        live = sorted((pod for pod in here if not pod.is_finished and not pod.deleting), key=lambda pod: pod.created)
        delete += live[1:]
        if not live:
            unavailable += 1
            if not here:
                create.append(node)
            continue
        pod = live[0]
        scheduled += 1
        ready += pod.ready
        unavailable += not pod.ready
        if is_current(pod, revision, generation):
            updated += 1
        elif pod.ready:
            old_ready.append(pod)
        elif max_unavailable is not None:
            delete.append(pod)  # it counts as unavailable already
    misplaced = [pod for node, here in by_node.items() if node not in eligible for pod in here]
    delete += [pod for pod in misplaced if not pod.deleting]
    if max_unavailable is not None:
        delete += old_ready[: max(0, max_unavailable - unavailable)]
    return Wishes(create, delete, _counts(desired, scheduled, ready, updated, len(misplaced)))


def _counts(desired: int, scheduled: int, ready: int, updated: int, misplaced: int) -> dict[str, int]:
    """As the API shows them: the first four always, the others unless 0."""
    status = {
        "currentNumberScheduled": scheduled,
        "numberMisscheduled": misplaced,
        "desiredNumberScheduled": desired,
        "numberReady": ready,
    }
    optional = {
        "updatedNumberScheduled": updated,
        "numberAvailable": ready,
        "numberUnavailable": desired - ready,
    }
    return {**status, **{name: count for name, count in optional.items() if count}}


class DaemonSets(Controller):
    component = "serviceaccount:kube-system:daemon-set-controller"
    watches = frozenset({"daemonsets.apps", "pods", "nodes"})
    delay_s = 0.05  # many pods change at once; one pass sees them all

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._nodes: dict[str, NodeFacts] = {}
        self._sets = Uids()
        self._eligible: dict[str, tuple[int, dict[str, bool]]] = {}  # by uid: at which spec generation, and who
        self._made_for: dict[StoreKey, str] = {}  # pods that have no node yet

    def hear(self, change: Change) -> None:
        key = change.key
        if key.resource == "daemonsets.apps":
            self._hear_set(change)
            return
        fresh = None if change.after is None else node_facts(change.after.object())
        if self._nodes.get(key.name) == fresh:
            return
        if fresh is None:
            del self._nodes[key.name]
        else:
            self._nodes[key.name] = fresh
        self._eligible.clear()
        for each in self._sets.all():
            self.want(each)

    def _hear_set(self, change: Change) -> None:
        if change.after is None:
            self._eligible.pop(self._sets.drop(change.key), None)
        else:
            self.want(change.key)

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        pod = new or old
        assert pod is not None
        if new is None or new.node:
            self._made_for.pop(pod.key, None)
        key = self._sets.key_of(pod.owner)
        if key is not None and (old is None or new is None or _differ(old, new)):
            self.want(key)

    def work(self, key: StoreKey) -> None:
        daemon_set = self.world.read(*key)
        if daemon_set is None:
            return
        uid = daemon_set["metadata"]["uid"]
        self._sets.add(key, uid)
        if daemon_set["metadata"].get("deletionTimestamp"):
            return
        template = daemon_set["spec"]["template"]
        revision = template_hash(template)
        generation = (daemon_set["metadata"].get("annotations") or {}).get(GENERATION, "")
        eligible = self._eligible_for(daemon_set)
        pods = list(self.world.pods.of(uid))
        node_of = {pod.key: pod.node or self._node_wished(pod.key) for pod in pods}
        wishes = decide(eligible, node_of, pods, revision, generation, _max_unavailable(daemon_set, len(eligible)))
        for pod in wishes.delete[:BURST]:
            self.delete_pod(daemon_set, pod, COMPONENT)
        for node in wishes.create_on[:BURST]:
            self._create(daemon_set, node, revision, generation)
        if len(wishes.create_on) > BURST or len(wishes.delete) > BURST:
            self.want(key)
        self._say(daemon_set, wishes.status)

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
            pod = self.world.read(*key)
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
        status: Object = {**counts, "observedGeneration": daemon_set["metadata"].get("generation", 1)}
        if daemon_set.get("status") != status:
            self.client.update(DAEMONSETS, {**daemon_set, "status": status}, "status")


def _differ(old: PodFacts, new: PodFacts) -> bool:
    return (old.phase, old.ready, old.deleting, old.node) != (new.phase, new.ready, new.deleting, new.node)


def _max_unavailable(daemon_set: Mapping[str, Any], nodes: int) -> int | None:
    strategy = daemon_set["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return None
    value = (strategy.get("rollingUpdate") or {}).get("maxUnavailable")
    return max(1, share(value, nodes, up=True, default=1))


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
