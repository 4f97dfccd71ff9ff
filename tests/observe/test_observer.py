"""What failed is counted and told under its own word, whatever it was about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from spo.doors.ports import DiskError, Invalid, Unavailable, WorldError
from spo.events import Event, Key
from spo.intents import (
    About,
    Apply,
    ClusterIntent,
    Create,
    Delete,
    Intent,
    Patch,
    Plan,
    Problem,
    RemoveFile,
    Tell,
    WriteFile,
)
from spo.interest import Interest
from spo.model.reasons import REASONS
from spo.model.resource import DAEMONSETS, EVENTS, LEASES, NODE_STATUSES, SECCOMP_PROFILES, SPODS, Resource
from spo.observe.counters import Counters
from spo.observe.observer import Done, Failed, Observer, reason_of
from spo.render.rbac import daemon_at_home, daemon_everywhere, manager_at_home, manager_everywhere

PROFILE = Key(SECCOMP_PROFILES.kind, "shop", "cart")
LEASE = Key(LEASES.kind, "operators", "lock")
ABOUT = About(SECCOMP_PROFILES, "shop", "cart", "uid")
WRITES = {"create", "patch", "delete"}


class Server:
    """Takes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[ClusterIntent] = []

    def want(self, interest: Interest) -> None: ...

    def take(self) -> Iterable[Event]:
        return ()

    def carry_out(self, intent: ClusterIntent) -> None:
        self.asked.append(intent)


class Watched:
    """An observer, and all that comes of what it saw."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.counters, self.server = Counters(), Server()
        self.observer = Observer("daemon", "node-1", self.lines.append, self.counters)

    def failed(self, intent: Intent, error: WorldError | None = None, key: Key = PROFILE) -> None:
        outcome = Failed(0, error or Unavailable("no answer"))
        self.observer.report(key, Plan((intent,), about=ABOUT), outcome, 0.0, self.server)

    def errors(self, reason: str) -> float:
        return self.counters.value("seccomp_profile_error_total", reason=reason)


@pytest.mark.parametrize(
    ("intent", "word"),
    [
        (Patch(SECCOMP_PROFILES, "shop", "cart", {}, "1", "status"), "CannotUpdateSeccompProfile"),
        (Delete(SECCOMP_PROFILES, "shop", "cart", "uid"), "CannotUpdateSeccompProfile"),
        (Create(NODE_STATUSES, "shop", "cart-1", {}), "CannotUpdateNodeStatus"),
        (Patch(NODE_STATUSES, "shop", "cart-1", {}, "1"), "CannotUpdateNodeStatus"),
        (Create(SPODS, "operators", "spod", {}), "CannotUpdateSPOD"),
        (Patch(SPODS, "operators", "spod", {}, "1", "status"), "CannotUpdateSPOD"),
        (Apply(DAEMONSETS, "operators", "spod", {}), "CannotCreateSPOD"),
        (Create(LEASES, "operators", "lock", {}), "CannotUpdateLease"),
        (Patch(LEASES, "operators", "lock", {}, "1"), "CannotUpdateLease"),
        (Tell(ABOUT, "InUse", "kept"), "CannotWriteEvent"),
        (WriteFile("shop/cart.json", b"{}"), "CannotSaveSeccompProfile"),
        (RemoveFile("shop/cart.json"), "CannotRemoveSeccompProfile"),
    ],
)
def test_a_failure_is_counted_under_the_word_of_what_failed_and_no_other(intent: Intent, word: str) -> None:
    watched = Watched()
    watched.failed(intent)

    assert [line["reason"] for line in watched.lines] == [word]
    assert [line for line in watched.counters.lines() if "error" in line] == [
        f'security_profiles_operator_seccomp_profile_error_total{{reason="{word}"}} 1'
    ]


def test_every_write_that_a_role_may_make_has_a_word_with_a_remedy_for_its_failure() -> None:
    grants = (*manager_everywhere(), *manager_at_home(), *daemon_everywhere(), *daemon_at_home())
    written: set[Resource] = {resource for resource, _, verbs in grants if WRITES & set(verbs)}

    assert EVENTS in written
    assert all(REASONS[reason_of(Patch(resource, "", "", {}, ""), PROFILE)].remedy for resource in written)


def test_what_only_a_person_can_mend_is_told_on_the_object_under_the_same_word() -> None:
    watched = Watched()
    watched.failed(WriteFile("shop/cart.json", b"{}"), DiskError("ENOSPC", "no space left on device"))
    watched.failed(Patch(SECCOMP_PROFILES, "shop", "cart", {}, "1"), Invalid("metadata: too long"))

    events = [intent.manifest for intent in watched.server.asked if isinstance(intent, Apply)]
    assert [event["reason"] for event in events] == ["CannotSaveSeccompProfile", "CannotUpdateSeccompProfile"]
    assert all(event["message"].endswith(REASONS[event["reason"]].remedy) for event in events)


def test_a_lease_that_cannot_be_renewed_is_no_profiles_failure() -> None:
    watched = Watched()
    watched.failed(Patch(LEASES, "operators", "lock", {}, "1"), key=LEASE)

    assert watched.errors("CannotUpdateLease") == 1
    assert watched.errors("CannotUpdateNodeStatus") == watched.errors("CannotUpdateSeccompProfile") == 0


def test_a_file_that_is_no_objects_is_counted_as_a_profiles_whatever_its_name() -> None:
    watched = Watched()
    for path in ("security-profiles-operator-1234.json", "odd"):
        watched.failed(WriteFile(path, b"{}"), DiskError("EINVAL", "no such path"), key=Key("File", "", path))

    assert watched.errors("CannotSaveSeccompProfile") == 2


def test_files_that_were_written_and_removed_are_counted_and_a_problem_once_while_it_lasts() -> None:
    watched = Watched()
    plan = Plan((WriteFile("shop/cart.json", b"{}"), RemoveFile("shop/old.json")), problem=Problem("InUse", "kept"))
    for _ in range(2):
        watched.observer.report(PROFILE, plan, Done(), 0.0, watched.server)

    total = {name: watched.counters.value("seccomp_profile_total", operation=name) for name in ("update", "delete")}
    assert total == {"update": 2, "delete": 2}
    assert watched.errors("InUse") == 1
