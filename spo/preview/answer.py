"""What another allow list would do: the answer to `spo explain allow-list`, and its two forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from spo.model.manifest import plain
from spo.model.reasons import remedy
from spo.model.spod import SecurityProfilesOperatorDaemon
from spo.preview.allow_list import HARM, Outlook, Policy, missing, preview
from spo.preview.input import NewLists, new_settings, read
from spo.preview.text import text
from spo.render.spod import remarks
from spo.report import machine_readable
from spo.report.terminal import Paint, Progress


class Question(Struct, frozen=True):
    """The files with profiles, pods, spod; the lists that would be set; the operator's namespace (`None`: spod's)."""

    files: Sequence[str]
    lists: NewLists
    operator_namespace: str | None = None


class Answer:
    """The preview, and what it was taken on."""

    def __init__(
        self,
        present: Policy,
        new: Policy,
        outlooks: Sequence[Outlook],
        notes: Sequence[str],
        remarks: Sequence[str] = (),
    ) -> None:
        self.present = present
        self.new = new
        self.outlooks = outlooks
        self.notes = notes
        self.remarks = remarks  # on a spod that restricts nothing where it seems to restrict everything

    @property
    def harmless(self) -> bool:
        return not self.remarks and not any(each.fate in HARM for each in self.outlooks)


def answer(question: Question, progress: Progress) -> Answer:
    """The answer. Raises BadInput."""
    state = read(question.files, question.operator_namespace, progress)
    new, notes = new_settings(question.lists, state, progress)
    outlooks = preview(state.profiles, state.pods, state.spod, new, state.operator_namespace, state.workloads)
    # `--list ''` is meant as it is: its help says so.
    found = remarks(SecurityProfilesOperatorDaemon(spec=new)) if question.lists.spod is not None else ()
    told = [f"EmptyList: {each.field}: {each.message}. {remedy('EmptyList')}" for each in found]
    return Answer(Policy.of(state.spod), Policy.of(new), outlooks, [*state.notes, *notes], told)


def written(answer: Answer, form: str, paint: Paint, details: bool = False) -> str:
    """The answer as text (all of it with `details`), JSON or YAML."""
    if form == "text":
        said = text(answer.present, answer.new, answer.outlooks, answer.notes, paint, details)
        return "\n".join([said, *(paint(f"✗ {remark}", "bad") for remark in answer.remarks)])
    return machine_readable.written(as_facts(answer), form)


def as_facts(answer: Answer) -> dict[str, Any]:
    """The answer as plain data, with the names that docs/output.md lists."""
    syscalls, actions = missing(answer.outlooks)
    return {
        "harmless": answer.harmless,
        "present": plain(answer.present),
        "new": plain(answer.new),
        "profiles": [{**plain(each), "staysOn": each.stays_on, "slips": each.slips} for each in answer.outlooks],
        "missing": {"syscalls": syscalls, "actions": actions},
        "notes": [*answer.notes, *answer.remarks],
    }
