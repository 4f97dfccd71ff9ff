"""Every field of spod stands in the table once, and what is said of it there is so."""

from __future__ import annotations

from collections import Counter
from typing import get_type_hints

import pytest
from msgspec.structs import fields

from scenarios.spod_settings import VALUES
from spo import roles
from spo.cache import Change
from spo.events import Key
from spo.model.manifest import from_manifest
from spo.model.resource import SPODS
from spo.model.spod import SecurityProfilesOperatorDaemon, SpodSpec
from spo.model.spod_fields import FIELDS, Concern, SpodField
from spo.render.daemonset import DaemonSetSettings, daemonset
from spo.render.spod import default_spod, not_built
from tests.support.known import ME, OPERATOR, profile, view_of

EACH = pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)


def example(field: SpodField) -> SecurityProfilesOperatorDaemon:
    """The field has a value that is not its default, nor the default spod's."""
    spec = {field.json_name: VALUES[field.json_name]}
    return from_manifest({"spec": spec}, SecurityProfilesOperatorDaemon)


def effects_of(spod: SecurityProfilesOperatorDaemon) -> list[Concern]:
    """What is really different from what it would be without any settings."""
    nothing_set = SecurityProfilesOperatorDaemon()
    settings = DaemonSetSettings(OPERATOR, "operator:1")
    role = roles.daemon(ME)
    change = Change(Key(SPODS.kind, OPERATOR, "spod"), nothing_set, spod)
    due = role.marks[SecurityProfilesOperatorDaemon](view_of(role, profile()), change)
    found = {
        Concern.DAEMONS: daemonset(spod, settings) != daemonset(nothing_set, settings),
        Concern.PROFILES: bool(list(due)),
        Concern.LATER: bool(not_built(spod)),
    }
    return [concern for concern, is_so in found.items() if is_so]


def test_every_field_has_exactly_one_entry() -> None:
    every = Counter(each.name for each in fields(SpodSpec))
    assert Counter(field.name for field in FIELDS) == every
    assert Counter(field.name for field in FIELDS if field.json_name in VALUES) == every, (
        "give it a value for its story"
    )


@EACH
def test_a_field_has_its_effect_where_the_table_says_and_nowhere_else(field: SpodField) -> None:
    assert effects_of(example(field)) == [field.concern]


@EACH
def test_what_this_release_cannot_do_is_refused_by_name_with_what_it_needs(field: SpodField) -> None:
    told = [(finding.field, finding.message) for finding in not_built(example(field))]
    json_name = next(each.encode_name for each in fields(SpodSpec) if each.name == field.name)
    assert told == ([(f"spec.{json_name}", field.needs)] if field.concern is Concern.LATER else [])
    assert bool(field.needs) is (field.concern is Concern.LATER)


def test_what_the_default_spod_writes_out_is_what_holds_without_it() -> None:
    written = from_manifest(default_spod(OPERATOR), SecurityProfilesOperatorDaemon)
    assert effects_of(SecurityProfilesOperatorDaemon(spec=written.spec)) == []


def test_the_default_spod_writes_out_every_switch() -> None:
    switches = {name for name, type_ in get_type_hints(SpodSpec).items() if type_ is bool}
    off = {name for name, value in default_spod(OPERATOR)["spec"].items() if value is False}
    assert off == {each.encode_name for each in fields(SpodSpec) if each.name in switches}
