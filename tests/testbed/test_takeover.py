"""An operator that a dump brings: its pods become pods of the operator under test, or make room for them."""

from __future__ import annotations

import json
from typing import Any

from spo.input.load import Loaded, Source
from spo.model.resource import GROUP, NODES, PODS, SECCOMP_PROFILES, SPODS
from spo.render.install import IMAGE, NAMESPACE
from spo.report.summary import profiles
from spo.sim.client import Client
from spo.testbed.takeover import take_over
from spo.testbed.world import SimulatedWorld, boot

KINDS = ("Node", "Namespace", "Pod", "Deployment", "ReplicaSet", "DaemonSet")  # README's two lines
ALL = (*KINDS, "SeccompProfile", "SecurityProfilesOperatorDaemon", "SecurityProfileNodeStatus")
UPSTREAM = "registry.k8s.io/security-profiles-operator/security-profiles-operator:v0.9.1"
PROFILE = {
    "apiVersion": SECCOMP_PROFILES.api_version,
    "kind": "SeccompProfile",
    "metadata": {"name": "sleeper", "namespace": "default"},
    "spec": {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": ["nanosleep"]}],
    },
}


def living(**spod: Any) -> SimulatedWorld:
    world = boot(nodes=2)
    world.you.create(SECCOMP_PROFILES, PROFILE)
    if spod:
        world.you.patch(SPODS, NAMESPACE, "spod", {"spec": spod})
    world.cluster.rest(60)
    return world


def dump(you: Client, world: SimulatedWorld, kinds: tuple[str, ...]) -> list[Loaded]:
    """What `kubectl get … -A -o json` gives."""
    found = []
    for served in world.cluster.api.registry.all():
        resource = served.kind.resource
        if resource.kind in kinds:
            items = you.list(resource, "") if resource.namespaced else you.list(resource)
            found += [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in items]
    return [Loaded(obj, Source("dump.json", 1, number, 1)) for number, obj in enumerate(found, 1)]


def states(world: SimulatedWorld) -> dict[str, tuple[str, dict[str, str]]]:
    return {each.name: (each.state, dict(each.nodes)) for each in profiles(world.cluster.store)}


def workload(kind: str, name: str, image: str, args: list[str], owner: str = "", **labels: str) -> Loaded:
    containers = [{"name": "c", "image": image, "args": args}]
    spec = {"containers": containers} if kind == "Pod" else {"template": {"spec": {"containers": containers}}}
    metadata = {"name": name, "namespace": "spo", "labels": {"app": "security-profiles-operator", **labels}}
    if owner:
        metadata["ownerReferences"] = [{"name": owner, "uid": owner, "kind": "x", "apiVersion": "apps/v1"}]
    return Loaded({"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}, Source("a", 1, 0, 1))


def test_of_a_dump_without_an_operator_nothing_is_taken() -> None:
    present = [workload("Pod", "web", "web:1", [])]
    present[0].object["metadata"]["labels"] = {}
    taken = take_over(present, IMAGE)
    assert (list(taken.present), taken.namespace, taken.images, taken.notes) == (present, "", (), ())


def test_an_operator_of_ours_works_on_in_the_pods_it_has() -> None:
    before = living()
    present = dump(before.you, before, KINDS)
    notes: list[str] = []

    after = boot(nodes=0, present=present, notes=notes)

    def pods(world: SimulatedWorld) -> dict[str, str]:
        return {each["metadata"]["name"]: each["metadata"]["uid"] for each in world.you.list(PODS, NAMESPACE)}

    assert pods(after) == pods(before)
    assert {process.role for process in after.processes.values()} == {"manager", "daemon"}
    after.you.create(SECCOMP_PROFILES, PROFILE)
    after.cluster.rest(60)
    assert states(after)["sleeper"][0] == "Installed"
    assert not [note for note in notes if "image" in note]


def test_the_round_trip_gives_the_same_answers_as_the_living_cluster() -> None:
    before = living(allowedSyscalls=["exit_group"])
    before.you.create(SECCOMP_PROFILES, {**PROFILE, "metadata": {"name": "late", "namespace": "default"}})
    before.cluster.rest(60)
    assert states(before)["late"][0] == "Error"

    after = boot(nodes=0, present=dump(before.you, before, ALL))

    assert states(after) == states(before)
    on_disk = [dict(node.disk.below("/var/lib/kubelet/seccomp")) for node in after.cluster.nodes.values()]
    assert on_disk == [dict(node.disk.below("/var/lib/kubelet/seccomp")) for node in before.cluster.nodes.values()]


def test_an_image_of_another_name_is_told_and_runs_the_operator() -> None:
    before = living()
    present = dump(before.you, before, KINDS)
    for item in present:
        other = json.loads(json.dumps(item.object).replace(IMAGE, UPSTREAM))
        item.object.update(other)
    notes: list[str] = []

    after = boot(nodes=0, present=present, notes=notes)

    assert f"pods of image {UPSTREAM} in namespace {NAMESPACE} are taken for this operator's" in notes
    assert {process.role for process in after.processes.values()} == {"manager", "daemon"}


def test_an_operator_of_another_make_makes_room_in_its_own_namespace() -> None:
    theirs = [
        workload("Deployment", "security-profiles-operator", UPSTREAM, ["--with-recording=false"]),
        workload("ReplicaSet", "security-profiles-operator-1", UPSTREAM, [], "security-profiles-operator"),
        workload("Pod", "security-profiles-operator-1-x", UPSTREAM, [], "security-profiles-operator-1"),
        workload("Pod", "security-profiles-operator-webhook-1-x", UPSTREAM, ["webhook"]),
        workload("DaemonSet", "spod", UPSTREAM, ["daemon"]),
        workload("Pod", "spod-x", UPSTREAM, ["daemon"], "spod"),
    ]
    web = workload("Pod", "web", "web:1", [])

    taken = take_over([*theirs, web], IMAGE)

    assert list(taken.present) == [web]
    assert (taken.namespace, taken.images) == ("spo", ())
    assert taken.notes == (
        f"the operator of the input ({UPSTREAM}) makes room for this one, in namespace spo: 3 pods and 3 other objects "
        "of it are left out; its settings and profiles stay",
    )


def test_definitions_of_our_group_are_those_of_this_release() -> None:
    name = f"seccompprofiles.{GROUP}"
    old = Loaded(
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name}},
        Source("a", 1, 0, 1),
    )
    taken = take_over([old], IMAGE)
    assert list(taken.present) == []
    assert taken.notes == (f"the definitions of {GROUP} are this release's, not those of the input",)


def test_what_runs_no_program_is_not_touched() -> None:
    before = boot(nodes=1, pods=3)
    after = boot(nodes=0, present=dump(before.you, before, KINDS))
    assert len(after.you.list(NODES)) == 1
    assert len(after.you.list(PODS, "load")) == 3


def test_a_profile_of_another_release_is_read_as_this_ones_crd_has_it() -> None:
    world = living()
    old = {
        **PROFILE,
        "metadata": {"name": "old", "namespace": "default", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"},
    }
    old["spec"] = {**PROFILE["spec"], "disabled": True}  # type: ignore[dict-item]
    notes: list[str] = []

    after = boot(nodes=2, present=[*dump(world.you, world, ALL), Loaded(old, Source("old.yaml", 1, 0, 1))], notes=notes)

    assert "disabled" not in after.you.get(SECCOMP_PROFILES, "default", "old")["spec"]
    assert any("default/old: spec.disabled is no field" in note for note in notes)
