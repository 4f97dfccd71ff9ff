"""A Kubernetes cluster in memory: one process, one thread, one seed, no real time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from spo.model.resource import NODES, Resource
from spo.sim.api.access.authn import ADMIN_TOKEN, SERVICE_ACCOUNT
from spo.sim.api.kinds import clone
from spo.sim.api.resources import fit
from spo.sim.api.server import ApiServer
from spo.sim.client import Client, Object
from spo.sim.controllers.nodelife import NodeLife
from spo.sim.controllers.registry import ALL, Dispatcher, Part
from spo.sim.faults import Faults
from spo.sim.keys import Keys
from spo.sim.node.kubelet import Kubelet
from spo.sim.node.node import Node, manifest
from spo.sim.node.podload import running_pod
from spo.sim.node.program import ProgramFactory
from spo.sim.node.seccomp_loading import RUNC
from spo.sim.node.starter import Starter
from spo.sim.node.workload import Workload
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts
from spo.sim.shared.resource_requests import PODS_PER_NODE
from spo.sim.store import Change, Store, StoreKey
from spo.sim.timeline import SECOND_NS, Timeline

QUIET_S = 15.0  # without a new revision, before the world counts as at rest
CHATTER = frozenset({"leases.coordination.k8s.io", "events"})  # heartbeats and tales: written even at rest
PROGRAMS = {"node": "kubelet", "serviceaccount": "kube-controller-manager"}  # in which components run
LOADED_FIRST = ("Namespace", "CustomResourceDefinition", "Node")


class NotLoaded(NamedTuple):
    """Of loaded objects: those of kinds that are not served, and the fields that their CRD does not have."""

    objects: list[Object]
    fields: list[tuple[Object, str]]


class SimulatedCluster:
    """`nodes`: how many, or their names. `programs`: what containers of ours run, by image. `runc`: its release."""

    def __init__(
        self,
        seed: int = 0,
        nodes: int | Sequence[str] = 3,
        programs: Mapping[str, ProgramFactory] | None = None,
        controllers: Iterable[Part] = ALL,
        *,
        authorize: bool = True,
        service_account_admission: bool = True,
        capacity_pods: int = PODS_PER_NODE,
        runc: str = RUNC,
    ) -> None:
        self.seed = seed
        self.timeline = Timeline(seed)
        self.store = Store()
        self.keys = Keys(self.timeline.rng)
        self.faults = Faults(self.timeline, self)
        self.images: dict[str, Workload] = {}  # what containers of an image do
        self.nodes: dict[str, Node] = {}
        self.kubelets: dict[str, Kubelet] = {}
        self._capacity_pods = capacity_pods
        self._runc = runc
        self._machines = 0
        self._moved_ns = self.timeline.now_ns
        self._kinds: dict[tuple[str, str], Resource] = {}
        self.api = ApiServer(
            self.store,
            self.timeline,
            self.keys,
            service_account_admission=service_account_admission,
            authorize=authorize,
            faults=self.faults,
        )
        self.context = SharedContext(self.timeline, self.store, self._component, self.resource, self._serves)
        self._starter = Starter(self.api, programs or {}, self.images, self._token, self.faults)
        self._dispatcher = Dispatcher(self.context, controllers)
        self._dispatcher.on_pod = self._tell_kubelets
        self.controllers = self._dispatcher.parts
        for resource in self.store.resources():  # what the API server began with
            for record in self.store.scan(resource):
                self._dispatcher.on_change(Change(record.revision, None, record))
        self.store.subscribe(self._dispatcher.on_change)
        self.store.subscribe(self._note_move)
        self._admin = self.client()
        for name in [f"node-{n + 1}" for n in range(nodes)] if isinstance(nodes, int) else nodes:
            self._put(NODES, manifest(self._machine(name, capacity_pods), {}, capacity_pods, []))

    # -- who asks ----------------------------------------------------------------------------------------------------

    def client(self, user: str = "admin") -> Client:
        """Of the administrator, of a component (`system:kube-scheduler`), of a service account
        (`system:serviceaccount:<namespace>:<name>`), or of any other user: with the rights that RBAC gives them.
        """
        if user == "admin":
            return Client(self.api, ADMIN_TOKEN)
        if user.startswith(SERVICE_ACCOUNT):
            namespace, _, name = user.removeprefix(SERVICE_ACCOUNT).partition(":")
            return Client(self.api, self._token(namespace, name, ""))
        if user.startswith("system:"):
            return Client(self.api, user)
        return Client(self.api, ADMIN_TOKEN, impersonate=user)

    def resource(self, api_version: str, kind: str) -> Resource | None:
        """What the API server serves for an apiVersion and kind; `None`: nothing."""
        known = self._kinds.get((api_version, kind))
        if known is not None and self.api.registry.find(known.group, known.version, known.plural) is not None:
            return known
        for served in self.api.registry.all():
            resource = served.kind.resource
            if (resource.api_version, resource.kind) == (api_version, kind):
                self._kinds[api_version, kind] = resource
                return resource
        return None

    def _serves(self, name: str) -> bool:
        return any(served.storage == name for served in self.api.registry.all())

    def _component(self, name: str) -> Client:
        """Field managers are told apart by the program that speaks."""
        program = PROGRAMS.get(name.partition(":")[0], name)
        return Client(self.api, f"system:{name}", program)

    def _token(self, namespace: str, name: str, pod: str) -> str:
        record = self.store.get(StoreKey("serviceaccounts", namespace, name))
        uid = record.object()["metadata"]["uid"] if record is not None else ""
        return self.keys.service_account_token(namespace, name, uid, pod)

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def add_node(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        taints: Sequence[Mapping[str, str]] = (),
        capacity_pods: int = 0,
    ) -> Node:
        """A new machine, with an empty disk, that joins the cluster (and is ready a moment later)."""
        capacity = capacity_pods or self._capacity_pods
        node = self._machine(name, capacity)
        self._component(f"node:{name}").create(NODES, manifest(node, labels or {}, capacity, [*taints]))
        self.kubelets[name].resume()  # pods of an earlier machine of this name
        return node

    def _machine(self, name: str, capacity_pods: int) -> Node:
        node = Node(name, self._machines, self.timeline, self.faults, self._runc)
        self._machines += 1
        self.nodes[name] = node
        self.kubelets[name] = Kubelet(node, self.context, self._starter, capacity_pods)
        return node

    def remove_node(self, name: str) -> None:
        """The machine is gone for good, disk and all, and an administrator deletes its Node object."""
        self.kubelets.pop(name).power_off()
        del self.nodes[name]
        self._admin.delete(NODES, "", name)

    def stop_node(self, name: str) -> None:
        """Power off. The disk keeps what it has; after 40 s the cluster notices."""
        if not self.nodes[name].lives:
            return
        self.kubelets[name].power_off()
        life = self._node_life()
        if life is not None:
            life.kubelet_fell_silent(name)

    def start_node(self, name: str) -> None:
        """Power on: the kubelet reports, and brings the node's pods up anew."""
        if self.nodes[name].lives:
            return
        self.kubelets[name].boot()
        life = self._node_life()
        if life is not None:
            life.kubelet_speaks(name)

    def _node_life(self) -> NodeLife | None:
        part = self._dispatcher.part(NodeLife)
        return part if isinstance(part, NodeLife) else None

    # -- present state -------------------------------------------------------------------------------------------------

    def load(self, objects: Iterable[Object]) -> NotLoaded:
        """Take objects of a real cluster, with all a server has set, as what is there now. Machines come with their
        Node objects; pods that run are taken over by their kubelets. Gives what was not taken.

        Custom resources are fitted to the CRD that is here, as a server does when it reads what an older one allowed.
        """
        left = NotLoaded([], [])
        for obj in sorted(objects, key=lambda each: _rank(each)):
            resource = self.resource(obj["apiVersion"], obj["kind"])
            if resource is None:
                left.objects.append(obj)
                continue
            served = self.api.registry.find(resource.group, resource.version, resource.plural)
            if served is not None and served.kind.custom:
                obj = clone(obj)
                left.fields.extend((obj, path) for path in fit(served.kind, obj))
            self._put(resource, obj)
        return left

    def resume_programs(self) -> None:
        """Pods that were loaded as running, of images that are handed in as programs, begin to run them."""
        for record in list(self.store.scan("pods")):
            kubelet = self.kubelets.get(record.node)
            if kubelet is None or not any(image.encode() in record.body for image in self._starter.programs):
                continue
            if (record.object().get("status") or {}).get("phase") == "Running":
                kubelet.resume_programs(record.key)

    def add_pods(self, count: int, namespace: str = "default", **of_pod: str) -> None:
        """Put `count` running pods there, spread over all nodes. `of_pod`: image, app (see `podload.running_pod`)."""
        nodes = list(self.nodes.values())
        now = self.timeline.stamp()
        pods = Resource("", "v1", "pods", "Pod")
        for number in range(count):
            node = nodes[number % len(nodes)]
            self._put(pods, running_pod(number, namespace, node.name, node.ip, node.pod_ip(), now, **of_pod))

    def _put(self, resource: Resource, obj: Object) -> None:
        """Past the API server's door: no admission, no defaults, no validation; it was all done once."""
        metadata = {**obj["metadata"]}
        metadata.pop("managedFields", None)
        metadata.setdefault("uid", self.keys.uid())
        metadata.setdefault("creationTimestamp", self.timeline.stamp())
        namespace = metadata.get("namespace", "") if resource.namespaced else ""
        key = StoreKey(resource.storage, namespace, metadata["name"])
        standing = self.store.get(key)
        if standing is not None:
            metadata["uid"] = standing.object()["metadata"]["uid"]
        if resource == NODES and metadata["name"] not in self.nodes:
            self._machine(metadata["name"], self._capacity_pods)
        rest = {field: value for field, value in obj.items() if field not in ("kind", "apiVersion", "metadata")}
        self.store.put(key, {**self._head(resource), "metadata": metadata, **rest})

    def _head(self, resource: Resource) -> Object:
        """The first two fields in the order in which the API server keeps them."""
        served = self.api.registry.find(resource.group, resource.version, resource.plural)
        head = {"kind": resource.kind, "apiVersion": resource.api_version}
        return dict(reversed(head.items())) if served is not None and served.kind.custom else head

    # -- time ----------------------------------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.timeline.run_until(self.timeline.now_ns + round(seconds * SECOND_NS))

    def run_until(self, predicate: Callable[[], bool], max_s: float = 600.0) -> bool:
        """Let time pass until it holds; False if it does not within `max_s`. Asked once for each moment."""
        deadline_ns = self.timeline.now_ns + round(max_s * SECOND_NS)
        while not predicate():
            following = self.timeline.next_ns()
            if following is None or following > deadline_ns:
                self.timeline.run_until(deadline_ns)
                return predicate()
            self.timeline.run_until(following)
        return True

    def rest(self, max_s: float = 3600.0) -> bool:
        """Let time pass until nothing is under way and nothing has been written for 15 s (but leases and Events)."""
        timeline = self.timeline
        deadline_ns = timeline.now_ns + round(max_s * SECOND_NS)
        while True:
            following = timeline.next_ns()
            rested_ns = self._moved_ns + round(QUIET_S * SECOND_NS)
            if not timeline.busy and (following is None or following > rested_ns):
                timeline.run_until(min(rested_ns, deadline_ns))
                return rested_ns <= deadline_ns
            if following is None or following > deadline_ns:
                timeline.run_until(deadline_ns)
                return False
            timeline.step()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _note_move(self, change: Change) -> None:
        if change.key.resource not in CHATTER:
            self._moved_ns = self.timeline.now_ns

    def _tell_kubelets(self, old: PodFacts | None, new: PodFacts | None) -> None:
        node = (new.node if new else "") or (old.node if old else "")
        kubelet = self.kubelets.get(node)
        if kubelet is not None:
            kubelet.hear(old if old is not None and old.node == node else None, new)


def _rank(obj: Object) -> int:
    kind = obj["kind"]
    return LOADED_FIRST.index(kind) if kind in LOADED_FIRST else len(LOADED_FIRST)
