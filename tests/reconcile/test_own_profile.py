from __future__ import annotations

import pytest

from spo.cache import Cache
from spo.events import FileSeen, Key, Listed
from spo.intents import NOTHING, Plan, WriteFile
from spo.model.seccomp import SeccompProfile
from spo.reconcile import own_profile
from spo.reconcile.settings import Settings
from spo.render.own_profile import DATA, FILE, FORM
from spo.roles import daemon


def plan_when(*seen: FileSeen) -> Plan:
    cache = Cache(())
    for event in (*seen, Listed(FileSeen)):
        cache.apply(event)
    return own_profile.decide(cache, own_profile.KEY)


def test_as_long_as_it_stands_there_nothing_is_done() -> None:
    assert plan_when(FileSeen(FILE, FORM)) == NOTHING


@pytest.mark.parametrize("seen", [(), (FileSeen(FILE, "0" * 64),), (FileSeen(f"default/{FILE}", FORM),)])
def test_what_is_missing_or_another_is_written(seen: tuple[FileSeen, ...]) -> None:
    assert plan_when(*seen) == Plan((WriteFile(FILE, DATA),))


def due_after(seen: FileSeen) -> list[Key]:
    role = daemon(Settings("operators", "spod-1", "node-1"))
    cache = Cache(role.interests, role.indexes)
    return [key for change in cache.apply(seen) for key in role.marks[FileSeen](cache, change)]


def test_the_daemon_looks_at_it_from_the_start_and_whenever_it_changes() -> None:
    assert own_profile.KEY in daemon(Settings("operators", "spod-1", "node-1")).duties
    assert due_after(FileSeen(FILE, "0" * 64)) == [own_profile.KEY]
    assert due_after(FileSeen(f"default/{FILE}", FORM)) == [
        Key(SeccompProfile.RESOURCE.kind, "default", FILE.removesuffix(".json"))
    ]


def test_the_file_of_another_release_is_left_alone() -> None:
    assert due_after(FileSeen("security-profiles-operator-00000000.json", "0" * 64)) == []
