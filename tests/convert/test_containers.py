"""For which containers a rule of Docker's is, and what people call capabilities, architectures and kernels."""

from __future__ import annotations

import errno

import pytest

from spo.convert.containers import (
    ARCHITECTURE_OF,
    CAPABILITIES,
    DEFAULT_CAPABILITIES,
    Container,
    Filter,
    capabilities_with,
    capability,
    kernel_of,
    why_not,
)
from spo.convert.errno_names import ERRNO_NUMBERS

ARM, X86_64 = "SCMP_ARCH_AARCH64", "SCMP_ARCH_X86_64"
ADMIN = Container(capabilities=capabilities_with(["SYS_ADMIN"]))
OLD = Container(kernel=(4, 7))
NEW = Container(kernel=(4, 8))
ANY = Container()
NOTHING = Filter()


@pytest.mark.parametrize(
    ("includes", "excludes", "container", "why"),
    [
        (NOTHING, NOTHING, ANY, None),
        (Filter(capabilities=("CAP_SYS_ADMIN",)), NOTHING, ANY, "only with CAP_SYS_ADMIN"),
        (Filter(capabilities=("CAP_SYS_ADMIN",)), NOTHING, ADMIN, None),
        (Filter(capabilities=("CAP_SYS_ADMIN", "CAP_BPF")), NOTHING, ADMIN, "only with CAP_BPF"),
        (NOTHING, Filter(capabilities=("CAP_BPF", "CAP_SYS_ADMIN")), ADMIN, "not with CAP_SYS_ADMIN"),
        (NOTHING, Filter(capabilities=("CAP_SYS_ADMIN",)), ANY, None),
        (Filter(capabilities=("CAP_SYS_CHROOT",)), NOTHING, ANY, None),
        (Filter(architectures=(ARM, X86_64)), NOTHING, ANY, None),
        (Filter(architectures=(ARM,)), NOTHING, ANY, "only on arm64"),
        (NOTHING, Filter(architectures=(ARM, X86_64)), ANY, "not on amd64"),
        (NOTHING, Filter(architectures=(ARM,)), ANY, None),
        (Filter(kernel=(4, 8)), NOTHING, OLD, "only from kernel 4.8 on"),
        (Filter(kernel=(4, 8)), NOTHING, NEW, None),
        (Filter(kernel=(99, 0)), NOTHING, ANY, None),
        (NOTHING, Filter(kernel=(4, 8)), NEW, "not from kernel 4.8 on"),
        (NOTHING, Filter(kernel=(4, 8)), OLD, None),
    ],
)
def test_a_rule_counts_for_a_container_as_docker_decides_it(
    includes: Filter, excludes: Filter, container: Container, why: str | None
) -> None:
    assert why_not(includes, excludes, container) == why


@pytest.mark.parametrize("word", ["CAP_SYS_ADMIN", "SYS_ADMIN", "sys_admin", "cap_sys_admin"])
def test_a_capability_is_known_by_each_of_its_spellings(word: str) -> None:
    assert capability(word) == "CAP_SYS_ADMIN"


def test_capabilities_are_added_to_those_that_runtimes_give_unless_these_are_taken_away() -> None:
    assert capability("SYS_ADMN") is None
    assert capabilities_with([]) == DEFAULT_CAPABILITIES
    assert capabilities_with(["bpf"]) == DEFAULT_CAPABILITIES | {"CAP_BPF"}
    assert capabilities_with(["none", "bpf"]) == {"CAP_BPF"}
    assert capabilities_with(["bpf", "ALL"]) == CAPABILITIES
    assert len(CAPABILITIES) == 41  # capabilities(7), up to CAP_CHECKPOINT_RESTORE


def test_of_a_kernels_version_the_first_two_numbers_count() -> None:
    assert [kernel_of(text) for text in ("6.1", "6.1.0-18-amd64", "4.8.0")] == [(6, 1), (6, 1), (4, 8)]
    assert [kernel_of(text) for text in ("6", "six.one", "6.1a", "")] == [None] * 4


def test_an_architecture_is_known_by_what_docker_go_and_uname_call_it() -> None:
    assert {ARCHITECTURE_OF[word] for word in ("amd64", "x86_64", X86_64)} == {X86_64}
    assert {ARCHITECTURE_OF[word] for word in ("arm64", "aarch64", ARM)} == {ARM}


@pytest.mark.parametrize(
    ("container", "words"),
    [
        (ANY, "on amd64 (--arch), kernel new enough for all rules (--kernel), with a runtime's default capabilities"),
        (ADMIN, "with a runtime's default capabilities and CAP_SYS_ADMIN (--cap)"),
        (NEW, "kernel 4.8 (--kernel)"),
        (Container(capabilities=frozenset()), "with no capabilities (--cap)"),
        (Container(capabilities=frozenset(CAPABILITIES)), "with all capabilities (--cap)"),
    ],
)
def test_a_container_is_told_with_the_options_that_would_make_it_another(container: Container, words: str) -> None:
    assert words in container.said


def test_the_numbers_of_errors_are_this_machines() -> None:
    here = {name: number for number, name in errno.errorcode.items()}
    assert {name: number for name, number in ERRNO_NUMBERS.items() if here.get(name, number) != number} == {}
    assert set(here) <= set(ERRNO_NUMBERS)
