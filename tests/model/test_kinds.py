"""The table of our kinds is complete, and says nothing that is not so."""

from __future__ import annotations

import pytest

from spo.model import kinds, resource
from spo.model.kinds import OurKind, Removed
from spo.model.reasons import REASONS
from spo.model.resource import GROUP, Resource
from spo.model.states import READY_REASON, ready
from spo.render.rbac import daemon_at_home, daemon_everywhere, manager_at_home, manager_everywhere

EACH = pytest.mark.parametrize("kind", kinds.OURS, ids=lambda kind: kind.resource.kind)


def test_every_resource_of_our_group_has_one_row() -> None:
    known = [each for each in vars(resource).values() if isinstance(each, Resource) and each.group == GROUP]
    assert sorted(each.storage for each in known) == sorted(each.storage for each in kinds.resources())


def test_what_is_here_is_not_for_later() -> None:
    assert not kinds.LATER & {each.kind for each in kinds.resources()}


@EACH
def test_every_failure_has_a_word_with_a_remedy(kind: OurKind) -> None:
    files = (kind.files.cannot_save, kind.files.cannot_remove) if kind.files else ()
    assert all(REASONS[word].remedy for word in (kind.cannot_update, *files))


@EACH
def test_what_we_remove_is_ours_to_remove(kind: OurKind) -> None:
    """Whoever writes objects of a kind does not see to their end: with others go only those that we make."""
    assert kind.by_users == (kind.removed is not Removed.WITH_THEIR_OWNERS)


def test_a_kind_with_files_is_taken_off_the_nodes_by_the_operator() -> None:
    for kind in kinds.OURS:
        if kind.files is not None:
            assert kind.removed is Removed.BY_THE_OPERATOR
            assert kind.finalizer


def test_a_profile_is_ready_in_its_good_state_alone() -> None:
    assert [state for state in READY_REASON if ready(state)[0] == "True"] == [kinds.PROFILE_STATES.good]


def test_the_way_to_the_state_is_that_of_the_first_column() -> None:
    paths = {kind.short: kind.state_path for kind in kinds.OURS}
    assert paths == {"sp": ("status", "status"), "spns": ("status",), "spod": ("status", "state")}


def test_rights_in_every_namespace_are_not_granted_again_at_home() -> None:
    for everywhere, at_home in ((manager_everywhere(), manager_at_home()), (daemon_everywhere(), daemon_at_home())):
        granted = {(resource, part, verb) for resource, part, verbs in everywhere for verb in verbs}
        assert not granted & {(resource, part, verb) for resource, part, verbs in at_home for verb in verbs}
