"""What a Cluster door promises to who asks for something: `carry_out`, and its failures by name."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from spo.doors.ports import Conflict, Forbidden, Invalid
from spo.intents import Apply, Create, Delete, Patch
from spo.model.resource import NAMESPACES, SECCOMP_PROFILES, SERVICE_ACCOUNTS, Resource
from tests.conformance.cluster.listener import CONFIGMAPS


def manifest(resource: Resource, namespace: str, name: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, **more.pop("metadata", {})}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **more}


def create(namespace: str, name: str, **more: Any) -> Create:
    return Create(CONFIGMAPS, namespace, name, manifest(CONFIGMAPS, namespace, name, **more))


def apply(namespace: str, name: str, **more: Any) -> Apply:
    return Apply(CONFIGMAPS, namespace, name, manifest(CONFIGMAPS, namespace, name, **more))


def profile(namespace: str, name: str, **spec: Any) -> Create:
    body = manifest(SECCOMP_PROFILES, namespace, name, spec={"defaultAction": "SCMP_ACT_LOG", **spec})
    return Create(SECCOMP_PROFILES, namespace, name, body)


def version(obj: Any) -> str:
    return str(obj["metadata"]["resourceVersion"])


# -- Create --------------------------------------------------------------------------------------------------------


def test_create_makes_it_and_a_second_one_is_a_conflict(world: Any) -> None:
    door = world.door()
    door.carry_out(create(world.namespace, "a", data={"n": "1"}))
    with pytest.raises(Conflict, match='configmaps "a" already exists'):
        door.carry_out(create(world.namespace, "a", data={"n": "2"}))

    assert world.got(CONFIGMAPS, "a")["data"] == {"n": "1"}


def test_create_in_a_namespace_that_is_not_there_is_a_conflict(world: Any) -> None:
    with pytest.raises(Conflict, match='namespaces "nowhere-at-all" not found'):
        world.door().carry_out(create("nowhere-at-all", "a"))


def test_create_in_a_namespace_that_goes_is_a_conflict(world: Any) -> None:
    going = f"going-{uuid4().hex[:8]}"
    world.made(NAMESPACES, {"metadata": {"name": going}})
    world.made(CONFIGMAPS, {"metadata": {"name": "held", "finalizers": ["example.com/held"]}}, namespace=going)
    world.removed(NAMESPACES, going)
    try:
        with pytest.raises(Conflict, match="because it is being terminated"):
            world.door().carry_out(create(going, "a"))
    finally:
        Other(world, going).patched(CONFIGMAPS, "held", {"metadata": {"finalizers": None}})


class Other:
    """The world's hands in another namespace."""

    def __init__(self, world: Any, namespace: str) -> None:
        self.namespace, self.send = namespace, world.send
        self.patched = type(world).patched.__get__(self)
        self._must = type(world)._must.__get__(self)


def test_a_field_that_nobody_knows_is_invalid_and_not_pruned_in_silence(world: Any) -> None:
    with pytest.raises(Invalid, match=r'strict decoding error: unknown field "spec\.foo"'):
        world.door().carry_out(profile(world.namespace, "p", foo=1))

    assert world.got(SECCOMP_PROFILES, "p") is None


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        (lambda ns: create(ns, "Not_A_Name"), 'metadata.name: Invalid value: "Not_A_Name"'),
        (lambda ns: create(ns, "a", data={"no spaces": "1"}), "a valid config key must consist of"),
        (lambda ns: profile(ns, "p", defaultAction="SCMP_ACT_NONSENSE"), "spec.defaultAction: Unsupported value"),
        (lambda ns: apply(ns, "a", metadata={"managedFields": [{"manager": "x"}]}), "must be nil"),
    ],
    ids=["name", "key", "enum", "apply"],
)
def test_nonsense_is_invalid(world: Any, intent: Any, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        world.door().carry_out(intent(world.namespace))


def test_without_the_right_it_is_forbidden(world: Any) -> None:
    world.made(SERVICE_ACCOUNTS, {"metadata": {"name": "nobody"}})
    door = world.door("nobody")
    who = f'User "system:serviceaccount:{world.namespace}:nobody" cannot'
    for intent in (
        create(world.namespace, "a"),
        apply(world.namespace, "a"),
        Patch(CONFIGMAPS, world.namespace, "a", {"data": {}}, "1"),
        Delete(CONFIGMAPS, world.namespace, "a", "some-uid"),
    ):
        with pytest.raises(Forbidden, match=who):
            door.carry_out(intent)


# -- Patch ---------------------------------------------------------------------------------------------------------


def test_patch_changes_the_named_fields_at_the_known_version(world: Any) -> None:
    made = world.made(CONFIGMAPS, {"metadata": {"name": "a"}, "data": {"keep": "1", "drop": "1"}})
    world.door().carry_out(Patch(CONFIGMAPS, world.namespace, "a", {"data": {"drop": None, "n": "1"}}, version(made)))

    assert world.got(CONFIGMAPS, "a")["data"] == {"keep": "1", "n": "1"}


def test_patch_at_a_stale_version_is_a_conflict_and_changes_nothing(world: Any) -> None:
    made = world.made(CONFIGMAPS, {"metadata": {"name": "a"}, "data": {"n": "1"}})
    world.patched(CONFIGMAPS, "a", {"data": {"n": "2"}})
    with pytest.raises(Conflict, match="the object has been modified"):
        world.door().carry_out(Patch(CONFIGMAPS, world.namespace, "a", {"data": {"n": "3"}}, version(made)))

    assert world.got(CONFIGMAPS, "a")["data"] == {"n": "2"}


@pytest.mark.parametrize("resource", [CONFIGMAPS, SECCOMP_PROFILES], ids=lambda each: each.kind)
def test_patch_of_what_is_not_there_is_a_conflict(world: Any, resource: Resource) -> None:
    with pytest.raises(Conflict, match="not found"):
        world.door().carry_out(Patch(resource, world.namespace, "none", {"metadata": {"labels": {"a": "b"}}}, "1"))


def test_patch_of_the_status_leaves_the_rest_and_a_patch_of_the_rest_leaves_the_status(world: Any) -> None:
    world.skip_if_operated()
    door, namespace = world.door(), world.namespace
    door.carry_out(profile(namespace, "p"))
    at = version(world.got(SECCOMP_PROFILES, "p"))
    door.carry_out(
        Patch(SECCOMP_PROFILES, namespace, "p", {"status": {"status": "Pending"}, "spec": {"flags": []}}, at, "status")
    )
    after = world.got(SECCOMP_PROFILES, "p")
    assert after["status"] == {"status": "Pending"}
    assert "flags" not in after["spec"]
    assert after["metadata"]["generation"] == 1

    patch = {"status": {"status": "Error"}, "spec": {"defaultAction": "SCMP_ACT_ALLOW"}}
    door.carry_out(Patch(SECCOMP_PROFILES, namespace, "p", patch, version(after)))
    last = world.got(SECCOMP_PROFILES, "p")
    assert last["status"] == {"status": "Pending"}
    assert last["spec"]["defaultAction"] == "SCMP_ACT_ALLOW"
    assert last["metadata"]["generation"] == 2


def test_patch_of_a_status_with_an_unknown_field_is_invalid(world: Any) -> None:
    world.skip_if_operated()
    world.door().carry_out(profile(world.namespace, "p"))
    at = version(world.got(SECCOMP_PROFILES, "p"))
    with pytest.raises(Invalid, match=r'unknown field "status\.foo"'):
        world.door().carry_out(Patch(SECCOMP_PROFILES, world.namespace, "p", {"status": {"foo": 1}}, at, "status"))


def test_patch_that_changes_nothing_makes_no_new_version(world: Any) -> None:
    made = world.made(CONFIGMAPS, {"metadata": {"name": "a"}, "data": {"n": "1"}})
    world.door().carry_out(Patch(CONFIGMAPS, world.namespace, "a", {"data": {"n": "1"}}, version(made)))

    assert version(world.got(CONFIGMAPS, "a")) == version(made)


def test_a_finalizer_comes_too_late_for_what_is_being_deleted(world: Any) -> None:
    world.made(CONFIGMAPS, {"metadata": {"name": "a", "finalizers": ["example.com/held"]}})
    world.removed(CONFIGMAPS, "a")
    at = version(world.got(CONFIGMAPS, "a"))
    more = {"metadata": {"finalizers": ["example.com/held", "example.com/late"]}}
    with pytest.raises(Invalid, match="no new finalizers can be added if the object is being deleted"):
        world.door().carry_out(Patch(CONFIGMAPS, world.namespace, "a", more, at))

    world.door().carry_out(Patch(CONFIGMAPS, world.namespace, "a", {"metadata": {"finalizers": []}}, at))
    assert world.got(CONFIGMAPS, "a") is None


# -- Apply ---------------------------------------------------------------------------------------------------------


def test_apply_creates_and_again_changes_nothing(world: Any) -> None:
    door = world.door()
    door.carry_out(apply(world.namespace, "a", data={"n": "1"}))
    first = world.got(CONFIGMAPS, "a")
    door.carry_out(apply(world.namespace, "a", data={"n": "1"}))

    assert first["data"] == {"n": "1"}
    assert version(world.got(CONFIGMAPS, "a")) == version(first)


def test_apply_removes_what_it_no_longer_names_and_leaves_what_others_wrote(world: Any) -> None:
    door = world.door()
    door.carry_out(apply(world.namespace, "a", data={"keep": "1", "drop": "1"}, metadata={"labels": {"drop": "1"}}))
    world.patched(CONFIGMAPS, "a", {"data": {"others": "1"}})
    door.carry_out(apply(world.namespace, "a", data={"keep": "2"}))

    now = world.got(CONFIGMAPS, "a")
    assert now["data"] == {"keep": "2", "others": "1"}
    assert "labels" not in now["metadata"]


def test_apply_takes_a_field_from_whoever_has_it(world: Any) -> None:
    world.made(CONFIGMAPS, {"metadata": {"name": "a"}, "data": {"n": "1"}})
    world.door().carry_out(apply(world.namespace, "a", data={"n": "2"}))

    assert world.got(CONFIGMAPS, "a")["data"] == {"n": "2"}


def test_apply_over_what_somebody_made_owns_what_it_names_from_then_on(world: Any) -> None:
    door = world.door()
    world.made(CONFIGMAPS, {"metadata": {"name": "a"}, "data": {"others": "1"}})
    door.carry_out(apply(world.namespace, "a", data={"keep": "1", "drop": "1"}))
    door.carry_out(apply(world.namespace, "a", data={"keep": "1"}))

    assert world.got(CONFIGMAPS, "a")["data"] == {"keep": "1", "others": "1"}


# -- Delete --------------------------------------------------------------------------------------------------------


def test_delete_removes_exactly_the_known_object(world: Any) -> None:
    made = world.made(CONFIGMAPS, {"metadata": {"name": "a"}})
    world.door().carry_out(Delete(CONFIGMAPS, world.namespace, "a", made["metadata"]["uid"], version(made)))

    assert world.got(CONFIGMAPS, "a") is None


def test_delete_of_what_is_not_there_is_fine(world: Any) -> None:
    world.door().carry_out(Delete(CONFIGMAPS, world.namespace, "none", "some-uid", "1"))


def test_delete_of_another_object_of_that_name_is_a_conflict(world: Any) -> None:
    first = world.made(CONFIGMAPS, {"metadata": {"name": "a"}})
    world.removed(CONFIGMAPS, "a")
    world.made(CONFIGMAPS, {"metadata": {"name": "a"}})
    with pytest.raises(Conflict, match="the UID in the precondition"):
        world.door().carry_out(Delete(CONFIGMAPS, world.namespace, "a", first["metadata"]["uid"]))

    assert world.got(CONFIGMAPS, "a") is not None


def test_delete_at_a_stale_version_is_a_conflict(world: Any) -> None:
    made = world.made(CONFIGMAPS, {"metadata": {"name": "a"}})
    world.patched(CONFIGMAPS, "a", {"data": {"n": "1"}})
    with pytest.raises(Conflict, match="the ResourceVersion in the precondition"):
        world.door().carry_out(Delete(CONFIGMAPS, world.namespace, "a", made["metadata"]["uid"], version(made)))

    assert world.got(CONFIGMAPS, "a") is not None


def test_a_finalizer_holds_what_is_deleted_until_it_is_gone(world: Any) -> None:
    door = world.door()
    made = world.made(CONFIGMAPS, {"metadata": {"name": "a", "finalizers": ["example.com/held"]}})
    door.carry_out(Delete(CONFIGMAPS, world.namespace, "a", made["metadata"]["uid"], version(made)))
    held = world.got(CONFIGMAPS, "a")
    assert held["metadata"]["deletionTimestamp"]

    door.carry_out(Patch(CONFIGMAPS, world.namespace, "a", {"metadata": {"finalizers": []}}, version(held)))
    assert world.got(CONFIGMAPS, "a") is None
