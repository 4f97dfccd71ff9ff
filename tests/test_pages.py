"""`docs/reference.md` and `docs/kernel.md` say of our code what is so."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import structs

from spo.model import labels, states
from spo.model.reasons import REASONS
from spo.model.seccomp import STRICT_TO_LAX
from spo.model.spod import STATES, SpodSpec
from spo.real.profile_directory import DIRECTORY_MODE, FILE_MODE
from spo.render.bases import CRUN, RUNC
from spo.render.daemonset import RESOURCES, TOLERATIONS
from spo.sim.node.kernel import CODE_OF, Decision
from spo.sim.node.runtime import start_calls

DOCS = Path(__file__).parent.parent / "docs"


def section(number: int, page: str = "reference") -> str:
    return (DOCS / f"{page}.md").read_text().split(f"\n## {number}. ")[1].split("\n## ")[0]


def test_states_are_told_worst_first_and_with_their_reasons() -> None:
    told, table = section(1).split("| state |")

    assert tuple(re.findall(r"`([A-Z]\w+)`", told.split(".")[0])) == states.WORST_FIRST
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()[2:] if "|" in line]
    found = {state: (ready, reason) for names, ready, reason in rows for state in names.split(", ")}
    assert found == {state: states.ready(state) for state in states.WORST_FIRST}
    assert all(state in table for state in STATES)


def test_every_name_that_is_put_on_profiles_and_their_node_statuses_is_told() -> None:
    names = (labels.PROFILE_ID, labels.NODE_NAME, labels.PARTIAL, labels.SYSCALLS)
    short = [name.removeprefix(labels.PREFIX) for name in (labels.PROFILE_STATE, labels.PROFILE_KIND)]

    assert [name for name in (*names, *short) if f"`{name}`" not in section(2)] == []


def test_actions_are_told_from_strict_to_lax() -> None:
    found = re.findall(r"\b[A-Z]+(?:_[A-Z]+)?\b", section(3).split(". In the union")[0].partition(":")[2])

    assert [f"SCMP_ACT_{name}" for name in found] == list(STRICT_TO_LAX)


def test_modes_of_directories_and_files_are_told() -> None:
    assert f"Directories have mode {DIRECTORY_MODE:04o}, files {FILE_MODE:04o}." in section(4)


def test_each_field_of_spod_is_told() -> None:
    fields = {field.encode_name for field in structs.fields(SpodSpec)}
    told = set(re.findall(r"\b[a-z]+(?:[A-Z][a-z]+)*\b", section(5)))

    assert fields - told == set()


def test_what_the_daemons_ask_for_and_tolerate_is_told() -> None:
    amounts = {*RESOURCES.requests.values(), *RESOURCES.limits.values()}

    assert [each for each in (*amounts, *(one.key for one in TOLERATIONS)) if str(each) not in section(6)] == []


def test_the_words_of_the_reference_are_words_of_ours() -> None:
    told = {word for word in re.findall(r"`(\w+)`", section(7)) if word[0].isupper()}

    assert len(told) == 8
    assert told - set(REASONS) == set()


def test_the_actions_that_leave_an_audit_line_are_told() -> None:
    always = {line.split("|")[1] for line in section(1, "kernel").splitlines() if "| always" in line}
    told = {name for cell in always for name in re.findall(r"SCMP_ACT_(\w+)", cell)}

    assert told == {action for action in CODE_OF if Decision(action).is_audited}


def test_what_the_runtimes_call_is_told() -> None:
    rows = dict(re.findall(r"\| (.+?) \| ([a-z0-9_ ]+) \|\n", section(3, "kernel")))
    confined = {call.name for call in start_calls(no_new_privileges=True)}

    assert set(rows["runc 1.1.5"].split()) == set(RUNC.measured.split())
    assert set(rows["of them with noNewPrivileges"].split()) == confined
    assert set(rows["crun 1.8.1"].split()) == set(CRUN.measured.split())
