"""What `spo convert` makes of a profile decides as the profile did, by libseccomp: each way, and there and back.

Random documents of OCI, a profile in Docker's form for several sorts of containers, and random SeccompProfiles. Nothing
needs root; it is a kernel test because it speaks of the library that container runtimes load filters with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spo.convert.containers import Container, capabilities_with
from spo.convert.conversion import Wish, convert
from spo.convert.objections import NotConvertible
from spo.convert.to_oci import files_of
from spo.input.load import Loaded, Source
from spo.model.manifest import to_manifest
from spo.model.seccomp import OPERATORS, SeccompProfile
from spo.render.conditions import EQUALITY, UPWARD
from spo.sim.node.kernel import load
from tests.convert.docker_profile import EVERYBODYS, OF_NONE, OF_SOME, PERSONALITIES, docker_profile
from tests.kernel.seccomp import X86, X86_64, Filter, library
from tests.kernel.test_union import LOW, NAMES, VALUES, anything, calls, code, file_of, narrow

pytestmark = pytest.mark.kernel

EXAMPLES = 200
ALLOW, LOG, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_ERRNO"
DEFAULT = Container()
Document = dict[str, Any]


@pytest.fixture(scope="module")
def lib() -> Any:
    return library()


def there_and_back(document: Mapping[str, Any], container: Container = DEFAULT) -> Document:
    """The document as a SeccompProfile, and that as a file again."""
    given = Loaded(dict(document), Source("p.json", 1, 0, 1))
    try:
        (text,) = files_of(convert([given], Wish(container=container)), None).texts.values()
    except NotConvertible as error:  # which a rule of the input may be the reason for: it says nothing here
        assume(not all(each.field == "spec.syscalls" for each in error.objections))
        raise
    found: Document = json.loads(text)
    return found


def conditions(operators: Sequence[str]) -> st.SearchStrategy[Document]:
    value = st.sampled_from(VALUES)
    fields = {"index": st.integers(0, 2), "op": st.sampled_from(operators), "value": value, "valueTwo": value}
    return st.fixed_dictionaries(fields)


def is_kept(args: list[Document]) -> bool:
    """Does libseccomp itself keep such rules, however many there are of one syscall?"""
    indexes = [each["index"] for each in args]
    alone = len(set(indexes)) < len(indexes)  # they mean or: each condition is a rule
    return all(
        each["op"] in EQUALITY or (each["op"] in UPWARD and (alone or each["index"] == max(indexes))) for each in args
    )


anyhow = st.lists(conditions(OPERATORS), max_size=3)
kept = st.lists(conditions(sorted(EQUALITY | UPWARD)), max_size=3).filter(is_kept)


def documents(args: st.SearchStrategy[list[Document]]) -> st.SearchStrategy[Document]:
    """Of several actions for one call libseccomp takes any: each syscall has one."""
    of_one = st.tuples(
        st.sampled_from([(ALLOW, None), (LOG, None), (ERRNO, None), (ERRNO, 38), ("SCMP_ACT_TRAP", None)]),
        st.lists(args, min_size=1, max_size=3),
    )

    def document(default: str, rules: dict[str, Any]) -> Document:
        syscalls = [
            {"names": [name, name], "action": action, "errnoRet": errno, "args": args, "comment": "why"}
            for name, ((action, errno), several) in rules.items()
            for args in several
        ]
        return {"defaultAction": default, "syscalls": syscalls}

    return st.builds(
        document, st.sampled_from([ERRNO, LOG]), st.dictionaries(st.sampled_from(NAMES), of_one, max_size=3)
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(document=documents(kept), asked=calls())
def test_a_document_decides_the_same_as_a_profile(
    lib: Any, document: Document, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    before, after = Filter(lib, document), Filter(lib, there_and_back(document))
    for name, args in asked:
        assert before.verdict(name, args) == after.verdict(name, args), f"{name}{args} of {document}"


@settings(max_examples=EXAMPLES, deadline=None)
@given(document=documents(anyhow), asked=calls())
def test_and_where_libseccomp_would_lose_a_rule_it_decides_as_the_document_says(
    lib: Any, document: Document, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    meant, after = load(json.dumps(document).encode()), Filter(lib, there_and_back(document))
    for name, args in asked:
        assert code(meant.verdict(name, args)) == after.verdict(name, args), f"{name}{args} of {document}"


@settings(max_examples=EXAMPLES, deadline=None)
@given(profile=anything | narrow, asked=calls(), low=calls(st.sampled_from(LOW)))
def test_a_profile_decides_the_same_as_a_document(
    lib: Any,
    profile: SeccompProfile,
    asked: list[tuple[str, tuple[int, ...]]],
    low: list[tuple[str, tuple[int, ...]]],
) -> None:
    """From a manifest to the file, to a manifest and to the file again; also of a profile for 32 bits, too."""
    file = json.loads(file_of(profile))
    (text,) = files_of(convert([Loaded(to_manifest(profile), Source("p", 1, 0, 1))], Wish()), None).texts.values()
    assert json.loads(text) == file
    before, after = Filter(lib, file), Filter(lib, there_and_back(file))
    for name, args in asked:
        assert before.verdict(name, args) == after.verdict(name, args), f"{name}{args} of {profile.spec}"
    for name, args in low:
        assert before.verdict(name, args, X86) == after.verdict(name, args, X86), f"{name}{args} of {profile.spec}"


# -- Docker's form ---------------------------------------------------------------------------------------------------

ADMIN = "CAP_SYS_ADMIN"


def as_docker_starts_it(capabilities: frozenset[str]) -> Document:
    """What Docker hands to the runtime on a node of today's amd64, worked out the plain way."""

    def counts(rule: Document) -> bool:
        wanted, unwanted = rule.get("includes") or {}, rule.get("excludes") or {}
        return (
            "amd64" in wanted.get("arches", ["amd64"])
            and "amd64" not in unwanted.get("arches", [])
            and capabilities.issuperset(wanted.get("caps", []))
            and capabilities.isdisjoint(unwanted.get("caps", []))
        )

    profile = docker_profile()
    of_the_node = profile.pop("archMap")[0]
    architectures = [of_the_node["architecture"], *of_the_node["subArchitectures"]]
    syscalls = [rule for rule in profile["syscalls"] if counts(rule)]
    return {**profile, "architectures": architectures, "syscalls": syscalls}


def calls_of_docker() -> list[tuple[str, tuple[int, ...]]]:
    plain = [(name, (0,) * 6) for name in (*EVERYBODYS, *OF_SOME, *OF_NONE)]
    first = (0, 1, 2, 16, 39, 40, 41, 0x10000000, 0x7E020000, 0x20000000, *PERSONALITIES)
    return plain + [(name, (value, 0, 0, 0, 0, 0)) for name in ("socket", "personality", "clone") for value in first]


@pytest.mark.parametrize(
    "added", [[], ["SYS_ADMIN"], ["NONE"], ["ALL"]], ids=lambda added: ",".join(added) or "default"
)
def test_dockers_profile_decides_for_a_sort_of_containers_as_docker_has_it(lib: Any, added: list[str]) -> None:
    capabilities = capabilities_with(added)
    before = Filter(lib, as_docker_starts_it(capabilities))
    after = Filter(lib, there_and_back(docker_profile(), Container(capabilities=capabilities)))
    differences = [
        (name, args, hex(architecture))
        for architecture in (X86_64, X86)
        for name, args in calls_of_docker()
        if before.verdict(name, args, architecture) != after.verdict(name, args, architecture)
    ]
    assert differences == []
    mount = after.verdict("mount", (0,) * 6)
    assert (mount == 0x7FFF0000) is (ADMIN in capabilities)
