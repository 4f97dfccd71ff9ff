"""What a Cluster door promises to who wants to know: `want` and `take`."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from msgspec import Struct, field

from spo.doors.wire import ApiRequest
from spo.events import Listed, Seen
from spo.interest import Interest
from spo.model.builtin import KeepMeta, PodUse
from spo.model.resource import CRDS, PODS, SECCOMP_PROFILES, Resource
from spo.model.seccomp import SeccompProfile
from tests.conformance.cluster.listener import CONFIGMAPS, Kept, Listener


class Labelled(Struct, frozen=True):
    """Another thing to keep of an object than `Kept`."""

    metadata: KeepMeta = field(default_factory=KeepMeta)


def listen(world: Any, resource: Resource = CONFIGMAPS, keep: type[Any] = Kept, **where: str) -> Listener:
    where.setdefault("namespace", world.namespace)
    return Listener(world.door(), Interest(resource, keep, **where), world.pass_time)


def configmap(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels or {}}, "data": data}


def pod(name: str, node: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "nodeName": node,
            "containers": [{"name": "c", "image": "images.test/none:1"}],
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
        },
    }


def test_what_exists_is_seen_then_the_list_is_full_then_changes_come_in_order(world: Any) -> None:
    world.made(CONFIGMAPS, configmap("a"))
    world.made(CONFIGMAPS, configmap("b"))
    listener = listen(world, labels="!kubernetes.io/no-such-label", fields="metadata.name!=kube-root-ca.crt")
    listener.until_listed()
    assert listener.story() == [("seen", "a"), ("seen", "b"), ("listed", "")]
    names = frozenset({(world.namespace, "a"), (world.namespace, "b")})
    assert listener.events[-1] == Listed(Kept, names)

    world.made(CONFIGMAPS, configmap("c"))
    world.patched(CONFIGMAPS, "c", {"data": {"n": "1"}})
    world.removed(CONFIGMAPS, "a")
    world.patched(CONFIGMAPS, "c", {"data": {"n": "2"}})
    listener.until(lambda: len(listener.events) >= 7)

    assert listener.story()[3:] == [("seen", "c"), ("seen", "c"), ("vanished", "a"), ("seen", "c")]
    assert listener.one(world.namespace, "c").data == {"n": "2"}


def test_what_is_known_has_the_version_that_the_server_says(world: Any) -> None:
    made = world.made(CONFIGMAPS, configmap("a", text="Grüße, 世界"))
    listener = listen(world, fields="metadata.name=a")
    listener.until_listed()

    known = listener.one(world.namespace, "a")
    assert (known.metadata.uid, known.metadata.resource_version) == (
        made["metadata"]["uid"],
        made["metadata"]["resourceVersion"],
    )
    assert known.data == {"text": "Grüße, 世界"}


def test_a_write_that_changes_nothing_is_no_news(world: Any) -> None:
    world.made(CONFIGMAPS, configmap("a", n="1"))
    listener = listen(world, fields="metadata.name=a")
    listener.until_listed()
    world.patched(CONFIGMAPS, "a", {"data": {"n": "1"}})
    world.patched(CONFIGMAPS, "a", {"data": {"n": "2"}})
    listener.until(lambda: listener.one(world.namespace, "a").data == {"n": "2"})

    assert listener.story() == [("seen", "a"), ("listed", ""), ("seen", "a")]


def test_only_the_wanted_namespace_is_heard_of(world: Any) -> None:
    listener = listen(world, namespace="kube-public", fields="metadata.name!=kube-root-ca.crt")
    everywhere = listen(world, namespace="", fields="metadata.name=a")
    listener.until_listed()
    everywhere.until_listed()
    world.made(CONFIGMAPS, configmap("a"))
    everywhere.until(lambda: (world.namespace, "a") in everywhere.versions())

    assert ("seen", "a") not in listener.story()


def test_an_object_that_enters_the_selection_is_seen_and_one_that_leaves_it_vanishes(world: Any) -> None:
    world.made(CONFIGMAPS, configmap("in", {"tier": "front"}))
    world.made(CONFIGMAPS, configmap("out", {"tier": "back"}))
    listener = listen(world, labels="tier=front")
    listener.until_listed()
    assert listener.names() == ["in"]

    world.patched(CONFIGMAPS, "out", {"metadata": {"labels": {"tier": "front"}}})
    world.patched(CONFIGMAPS, "in", {"metadata": {"labels": {"tier": "back"}}})
    world.patched(CONFIGMAPS, "in", {"data": {"n": "1"}})  # nobody asked
    world.patched(CONFIGMAPS, "in", {"metadata": {"labels": {"tier": "front"}}})
    listener.until(lambda: len(listener.events) >= 5)

    assert listener.story() == [
        ("seen", "in"),
        ("listed", ""),
        ("seen", "out"),
        ("vanished", "in"),
        ("seen", "in"),
    ]
    assert listener.one(world.namespace, "in").data == {"n": "1"}


def test_fields_select_too_and_what_leaves_by_them_vanishes(world: Any) -> None:
    node = f"no-such-node-{world.namespace}"
    selected = f"spec.nodeName={node},status.phase=Pending"
    listener = listen(world, PODS, PodUse, fields=selected)
    listener.until_listed()
    world.made(PODS, pod("mine", node))
    world.made(PODS, pod("others", f"{node}-2"))
    listener.until_known("mine")

    world.patched(PODS, "mine", {"status": {"phase": "Running"}}, "status")
    listener.until_known()
    assert listener.story() == [("listed", ""), ("seen", "mine"), ("vanished", "mine")]


def test_a_long_list_comes_whole(world: Any) -> None:
    names = [f"c-{number:04}" for number in range(601)]
    for name in names:
        world.made(CONFIGMAPS, configmap(name, {"long": "yes"}))
    listener = listen(world, labels="long=yes")
    listener.until_listed()

    assert listener.names() == names
    assert sum(isinstance(event, Listed) for event in listener.events) == 1
    assert sum(isinstance(event, Seen) for event in listener.events) == 601


def test_an_object_made_again_under_its_name_is_another(world: Any) -> None:
    first = world.made(CONFIGMAPS, configmap("a"))
    listener = listen(world, fields="metadata.name=a")
    listener.until_listed()
    world.removed(CONFIGMAPS, "a")
    second = world.made(CONFIGMAPS, configmap("a"))
    listener.until(lambda: len(listener.events) >= 4)

    assert listener.story() == [("seen", "a"), ("listed", ""), ("vanished", "a"), ("seen", "a")]
    assert first["metadata"]["uid"] != second["metadata"]["uid"] == listener.one(world.namespace, "a").metadata.uid


def test_a_deleted_object_with_a_finalizer_is_seen_as_one_that_goes(world: Any) -> None:
    world.made(CONFIGMAPS, {"metadata": {"name": "a", "finalizers": ["example.com/held"]}})
    listener = listen(world, fields="metadata.name=a")
    listener.until_listed()
    world.removed(CONFIGMAPS, "a")
    listener.until(lambda: listener.one(world.namespace, "a").metadata.deleting)

    world.patched(CONFIGMAPS, "a", {"metadata": {"finalizers": None}})
    listener.until_known()
    assert listener.story() == [("seen", "a"), ("listed", ""), ("seen", "a"), ("vanished", "a")]


def test_what_is_null_counts_as_absent(world: Any) -> None:
    profile = {"metadata": {"name": "p", "labels": None}, "spec": {"defaultAction": "SCMP_ACT_LOG", "syscalls": None}}
    path = SECCOMP_PROFILES.path(world.namespace)
    body = {"apiVersion": SECCOMP_PROFILES.api_version, "kind": "SeccompProfile", **profile}
    status, answer = world.send(ApiRequest("POST", path, (), "application/json", json.dumps(body).encode()))
    assert status == 201, answer
    listener = listen(world, SECCOMP_PROFILES, SeccompProfile)
    listener.until_known("p")

    assert listener.one(world.namespace, "p").spec.syscalls == ()


def test_several_kinds_are_heard_through_one_door(world: Any) -> None:
    door = world.door()
    door.want(Interest(CONFIGMAPS, Kept, namespace=world.namespace, fields="metadata.name=a"))
    listener = Listener(door, Interest(PODS, PodUse, namespace=world.namespace), world.pass_time)
    listener.cache = type(listener.cache)((Interest(CONFIGMAPS, Kept), Interest(PODS, PodUse)))
    world.made(CONFIGMAPS, configmap("a"))

    listener.until(lambda: listener.cache.knows([PodUse, Kept]) and listener.cache.count(Kept) == 1)


def test_of_one_kind_two_interests_are_heard_apart(world: Any) -> None:
    every = Interest(CONFIGMAPS, Kept, namespace=world.namespace)
    some = Interest(CONFIGMAPS, Labelled, namespace=world.namespace, labels="tier=front")
    door = world.door()
    door.want(some)
    listener = Listener(door, every, world.pass_time)
    listener.cache = type(listener.cache)((every, some))
    world.made(CONFIGMAPS, configmap("in", {"tier": "front"}))
    world.made(CONFIGMAPS, configmap("out", {"tier": "back"}))
    listener.until(lambda: {"in", "out"} <= {*listener.names()})
    listener.until(lambda: [each.metadata.name for each in listener.cache.all(Labelled)] == ["in"])

    world.patched(CONFIGMAPS, "in", {"metadata": {"labels": {"tier": "back"}}})
    listener.until(lambda: not listener.cache.all(Labelled))
    assert listener.cache.knows([Kept, Labelled])
    assert {"in", "out"} <= {*listener.names()}


def test_a_kind_that_nobody_serves_yet_is_heard_of_when_it_comes(world: Any) -> None:
    things = Resource(f"door-{uuid4().hex[:6]}.test", "v1", "things", "Thing")
    listener = listen(world, things)
    for _ in range(20):
        listener.look()
        world.pass_time()
    assert not listener.events  # not knowing is not the same as knowing that there is none

    world.made(CRDS, definition(things))
    try:
        listener.until_listed()
        until_taken(world, things, listener)
        listener.until_known("a")
    finally:
        world.removed(CRDS, f"things.{things.group}")


def until_taken(world: Any, things: Resource, listener: Listener) -> None:
    """A real server serves a new kind a moment before it takes objects of it."""
    body = json.dumps({"apiVersion": things.api_version, "kind": "Thing", "metadata": {"name": "a"}}).encode()
    call = ApiRequest("POST", things.path(world.namespace), (), "application/json", body)
    listener.until(lambda: world.send(call)[0] == 201)


def definition(things: Resource) -> dict[str, Any]:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    names = {"plural": things.plural, "kind": things.kind}
    spec = {"group": things.group, "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": things.storage}, "spec": spec}


def test_a_service_account_without_rights_hears_nothing_and_keeps_asking(world: Any) -> None:
    accounts = Resource("", "v1", "serviceaccounts", "ServiceAccount")
    world.made(accounts, {"metadata": {"name": "nobody"}})
    door = world.door("nobody")
    listener = Listener(door, Interest(CONFIGMAPS, Kept, namespace=world.namespace), world.pass_time)
    for _ in range(20):
        listener.look()
        world.pass_time()
    assert not listener.events

    roles = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
    bindings = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}]
    world.made(roles, {"metadata": {"name": "reader"}, "rules": rules})
    world.made(
        bindings,
        {
            "metadata": {"name": "reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "nobody", "namespace": world.namespace}],
        },
    )
    listener.until_listed()
