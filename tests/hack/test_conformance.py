"""What is told of Kubernetes' own tests: nothing is left out in silence, and no table is out of date in silence."""

from __future__ import annotations

from typing import Any

import pytest

from hack import conformance
from hack.conformance import FAILED, LEFT_OUT, PASSED, Spec, judge, judged, page, surprises
from hack.conformance_list import GROUPS, HURRIED, KNOWN, NOT_APPLICABLE, OTHER_FILES

FILE = "apimachinery/watch"
GROUP_OF = {FILE: "reading"}


def raw(name: str, state: str, file: str = FILE, message: str = "") -> dict[str, Any]:
    return {
        "LeafNodeType": "It",
        "LeafNodeLocation": {"FileName": f"/go/pkg/mod/k8s.io/kubernetes@v1/test/e2e/{file}.go"},
        "ContainerHierarchyTexts": ["[sig-api-machinery] Watchers"],
        "LeafNodeText": name,
        "State": state,
        "Failure": {"Message": message},
    }


def test_a_spec_is_named_as_upstream_names_it() -> None:
    assert judge(raw("should tell", "passed"), GROUP_OF) == Spec(
        FILE, "[sig-api-machinery] Watchers should tell", PASSED
    )


@pytest.mark.parametrize("state", ["failed", "panicked", "timedout", "interrupted", "aborted"])
def test_whatever_did_not_pass_failed_with_the_first_line_it_said(state: str) -> None:
    assert judge(raw("x", state, message="\nno\nmore"), GROUP_OF)[2:] == (FAILED, "no")


def test_what_was_left_out_says_why() -> None:
    part, reason = next(iter(NOT_APPLICABLE.items()))
    file, why = next(iter(OTHER_FILES.items()))

    assert judge(raw(part, "skipped"), GROUP_OF)[2:] == (LEFT_OUT, reason)
    assert judge(raw("x", "skipped", message="not here"), GROUP_OF)[2:] == (LEFT_OUT, "not here")
    assert judge(raw("x", "skipped", file), GROUP_OF)[2:] == (LEFT_OUT, why)
    assert judge(raw("x", "skipped", "storage/volumes"), GROUP_OF)[2:] == (LEFT_OUT, conformance.ELSEWHERE)


def test_each_spec_is_judged_by_the_group_that_ran_it() -> None:
    other = raw("y", "skipped", "apimachinery/namespace")
    reports = [[raw("x", "passed"), other], [raw("x", "skipped"), {**other, "State": "passed"}]]

    assert [spec.state for spec in judged(reports, ["reading", "namespaces"])] == [PASSED, PASSED]


def test_a_run_that_could_not_begin_is_an_error() -> None:
    broken = {**raw("", "failed", message="no cluster"), "LeafNodeType": "SynchronizedBeforeSuite"}

    with pytest.raises(SystemExit, match="no cluster"):
        judged([[broken]], ["reading"])


def test_a_failure_nobody_knows_of_and_a_known_one_that_passes_are_surprises() -> None:
    known = next(iter(KNOWN))

    assert surprises([Spec(FILE, known, FAILED), Spec(FILE, "x", PASSED), Spec(FILE, "x", LEFT_OUT)]) == []
    assert len(surprises([Spec(FILE, known, PASSED), Spec(FILE, "x", FAILED)])) == 2


def test_the_page_has_every_spec_or_its_file() -> None:
    text = page([Spec(FILE, "a [Conformance]", PASSED), Spec(FILE, "b", FAILED, "why"), Spec("auth/c", "c", LEFT_OUT)])

    assert "1 passed (1 of them `[Conformance]`), 1 failed" in text
    assert "* passed: a [Conformance]\n* failed: b (why)\n" in text
    assert f"| auth/c | 1 | {conformance.ELSEWHERE} |" in text


def test_the_groups_share_no_file() -> None:
    files = [file for group in GROUPS.values() for file in group]

    assert len(files) == len({*files, *OTHER_FILES}) - len(OTHER_FILES)
    assert set(HURRIED) <= set(GROUPS)
