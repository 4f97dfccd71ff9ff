"""A whole input is converted: what is asked for comes out, everything else is told or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spo.convert.containers import Container, capabilities_with
from spo.convert.conversion import Conversion, Wish, convert
from spo.convert.names import as_label, as_name
from spo.convert.objections import NotConvertible, Objection
from spo.input.load import Loaded, Source
from spo.input.server_check import refusals
from spo.model.resource import GROUP
from spo.model.seccomp import ACTIONS, ARCHITECTURES, FLAGS, OPERATORS
from tests.convert.docker_profile import docker_profile
from tests.convert.test_generations import other, profile, spod

OCI = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}

ANYTHING = Wish()


def given_as(*objects: Any, files: tuple[str, ...] = ()) -> list[Loaded]:
    names = [*files, *("given.yaml" for _ in objects)]
    return [
        Loaded(obj, Source(file, 1, 0, line)) for line, (obj, file) in enumerate(zip(objects, names, strict=False), 1)
    ]


def converted(*objects: Any, wish: Wish = ANYTHING, files: tuple[str, ...] = ()) -> Conversion:
    return convert(given_as(*objects, files=files), wish)


def refused(*objects: Any, wish: Wish = ANYTHING, files: tuple[str, ...] = ()) -> tuple[Objection, ...]:
    with pytest.raises(NotConvertible) as caught:
        converted(*objects, wish=wish, files=files)
    return caught.value.objections


def named(obj: dict[str, Any], name: str, namespace: str = "shop") -> dict[str, Any]:
    return {**obj, "metadata": {"name": name, "namespace": namespace}}


def names(conversion: Conversion) -> list[str]:
    return [str(item) for item in conversion.chosen]


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("web.json", "web"),
        ("/etc/docker/seccomp.json", "seccomp"),
        ("My Profile_v2.json", "my-profile-v2"),
        ("web.strict.json", "web.strict"),
        ("-.web-.json", "web"),
        ("wéb.json", "w-b"),
        ("profile", "profile"),
        ("x" * 300 + ".json", "x" * 250),
    ],
)
def test_a_profiles_name_is_its_files_and_one_is_told_if_it_is_another(file: str, name: str) -> None:
    found = converted(OCI, files=(file,))
    assert [item.name for item in found.chosen] == [name]
    stem = file.rpartition("/")[2].removesuffix(".json")
    assert any(note.startswith(f"{file}: the profile's name is {name}") for note in found.notes) is (name != stem)


def test_name_and_namespace_can_be_given() -> None:
    (item,) = converted(OCI, wish=Wish("web", "shop"), files=("<stdin>",)).chosen
    assert item.object["metadata"] == {"name": "web", "namespace": "shop"}


@pytest.mark.parametrize("file", ["<stdin>", "___.json"])
def test_what_has_no_name_asks_for_one(file: str) -> None:
    (objection,) = refused(OCI, files=(file,))
    assert "--name NAME" in objection.remedy


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(), min_size=20, max_size=20))
def test_what_is_made_a_name_is_one_and_stays_it(texts: list[str]) -> None:
    assert [as_name(as_name(text)) for text in texts] == [as_name(text) for text in texts]
    assert [as_label(as_label(text)) for text in texts] == [as_label(text) for text in texts]
    objects = [named(profile(), as_name(text), as_label(text) or "shop") for text in texts if as_name(text)]
    assert refusals(given_as(*objects)) == []


def test_a_comparison_with_0_says_so() -> None:
    condition = {"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}
    rule = {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [condition]}
    (item,) = converted({**OCI, "syscalls": [rule]}, files=("a.json",)).chosen
    assert item.object["spec"]["syscalls"][0]["args"] == [condition]


# -- what is told ----------------------------------------------------------------------------------------------------


def test_for_which_containers_dockers_profile_is_read_is_told_and_each_rule_on_demand() -> None:
    found = converted(docker_profile(), files=("default.json",))
    assert found.notes == (
        "default.json: it is for containers on amd64 (--arch), kernel new enough for all rules (--kernel), with a "
        "runtime's default capabilities (--cap): 6 of 18 rules are for others, and left out (-v names them)",
        "default.json: of archMap counts what is for nodes of amd64 (--arch): "
        "SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32",
    )
    assert len(found.details) == 6 + 4
    assert "default.json: left out: syscalls[16] (reboot): only with CAP_SYS_BOOT" in found.details


def test_where_all_rules_count_that_is_told() -> None:
    some = {**OCI, "syscalls": [{**OCI["syscalls"][0], "includes": {"caps": ["CAP_BPF"]}}]}  # type: ignore[index]
    wish = Wish(container=Container(capabilities=capabilities_with(["ALL"])))
    (note,) = converted(some, wish=wish, files=("a.json",)).notes
    assert note.endswith("with all capabilities (--cap): all rules count")


def test_a_node_that_archmap_does_not_know_is_told() -> None:
    found = converted(docker_profile(), wish=Wish(container=Container("SCMP_ARCH_PPC64LE")), files=("a.json",))
    assert "of archMap counts what is for nodes of ppc64le (--arch): nothing" in found.notes[1]


def test_names_that_no_kernel_has_are_told_with_what_may_be_meant() -> None:
    typed = {**OCI, "syscalls": [{"names": ["wirte", "read", "qqq"], "action": "SCMP_ACT_ALLOW"}]}
    (note,) = converted(typed, files=("a.json",)).notes
    assert note.endswith("runtimes pass over them: qqq, wirte (did you mean write?)")


def test_of_thousands_of_names_that_no_kernel_has_the_first_are_told() -> None:
    names = [f"qqq{number}" for number in range(5000)]
    (note,) = converted({**OCI, "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}]}, files=("a.json",)).notes
    assert note.endswith("and 4980 more") and len(note) < 1000


def test_a_profile_that_the_operator_would_not_install_is_told() -> None:
    below = {"index": 0, "value": 1 << 40, "op": "SCMP_CMP_LT"}
    rules = [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [below]},
        {"names": ["read"], "action": "SCMP_ACT_LOG", "args": [{**below, "value": 1 << 41}]},
    ]
    (note,) = converted({**OCI, "syscalls": rules}, files=("a.json",)).notes
    assert "the operator will not install it as it is: read has rules with different actions" in note


def test_a_profile_that_no_runtime_loads_is_told() -> None:
    mixed = {**OCI, "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_MIPS"]}
    (note,) = converted(mixed, files=("a.json",)).notes
    assert "the operator will not install it as it is: SCMP_ARCH_X86 and SCMP_ARCH_MIPS differ in byte order" in note


def test_the_same_of_many_objects_is_told_once_with_a_count() -> None:
    found = converted(*(named(profile(disabled=True), f"p{number}") for number in range(5)))
    assert found.notes == (
        "SeccompProfile shop/p0 (given.yaml:1), SeccompProfile shop/p1 (given.yaml:2), "
        'SeccompProfile shop/p2 (given.yaml:3) and 2 more:\n    spec.disabled → spec.state: "Disabled"',
    )


def test_what_is_not_the_operators_or_made_by_it_is_left_out_by_name() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
    found = converted(pod, pod, profile(), other("SecurityProfileNodeStatus", "v1"))
    assert names(found) == ["SeccompProfile shop/web"]
    assert found.notes == (
        "SecurityProfileNodeStatus web (given.yaml:4):\n    left out: the operator makes it anew",
        "left out, not being the operator's: 2 Pod",
    )


def test_whether_anything_changed_is_known() -> None:
    assert not converted(profile()).changed
    assert converted(profile(disabled=False)).changed
    assert converted(OCI, files=("a.json",)).changed


# -- what is chosen, and what is refused -----------------------------------------------------------------------------


def test_a_name_and_a_namespace_choose_among_manifests_and_only_what_is_chosen_is_told_of() -> None:
    three = (profile(), named(profile(disabled=True), "db"), named(profile(), "web", "other"))
    assert names(converted(*three, wish=Wish("web"))) == ["SeccompProfile shop/web", "SeccompProfile other/web"]
    found = converted(*three, wish=Wish("web", "other"))
    assert (names(found), len(found.manifests), found.notes) == (["SeccompProfile other/web"], 3, ())


def test_where_nothing_is_chosen_that_is_refused() -> None:
    (objection,) = refused(profile(), wish=Wish("db", "shop"))
    assert objection.what == "there is no object db in namespace shop that can be converted"
    assert refused({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}})[0].source is None


def test_an_object_given_twice_is_taken_once_and_two_of_one_name_are_refused() -> None:
    found = converted(profile(), profile())
    assert len(found.chosen) == 1
    assert "is given twice, word for word: given.yaml:1 and given.yaml:2" in found.notes[0]

    generated = {**profile(), "metadata": {"generateName": "web-"}}
    assert len(converted(generated, generated).chosen) == 2

    (objection,) = refused(OCI, docker_profile(), files=("a/web.json", "b/web.json"))
    assert "SeccompProfile web (a/web.json:1) has the same name" in objection.what


def test_everything_refused_is_told_at_once_with_its_place_and_object() -> None:
    first, second, third = refused({"defaultAction": 1}, other("SelinuxProfile", "v1"), profile(disabled=1), spod())
    assert (str(first.source), first.subject, first.field) == ("given.yaml:1", "", "defaultAction")
    assert (str(second.source), second.subject, second.field) == ("given.yaml:2", "SelinuxProfile web", "kind")
    assert (third.subject, third.field) == ("SeccompProfile shop/web", "spec.disabled")


# -- whatever comes out, an API server takes -------------------------------------------------------------------------

words = st.sampled_from(["read", "write", "wirte", "socket"])
numbers = st.integers(0, 70_000) | st.sampled_from([(1 << 63) - 1, 1 << 63, -1])
filters = st.fixed_dictionaries(
    {},
    optional={
        "caps": st.lists(st.sampled_from(["CAP_BPF", "CAP_KILL"]), max_size=2),
        "arches": st.lists(st.sampled_from(["amd64", "arm"]), max_size=2),
        "minKernel": st.sampled_from(["4.8", "99.1"]),
    },
)
conditions = st.fixed_dictionaries(
    {"index": st.integers(0, 6), "value": numbers, "op": st.sampled_from(OPERATORS)}, optional={"valueTwo": numbers}
)
rules = st.fixed_dictionaries(
    {"names": st.lists(words, max_size=4), "action": st.sampled_from(ACTIONS)},
    optional={
        "errnoRet": numbers,
        "errno": st.sampled_from(["EPERM", "ENOSYS"]),
        "args": st.lists(conditions, max_size=8),
        "includes": filters,
        "excludes": filters,
        "comment": st.text(),
    },
)
documents = st.fixed_dictionaries(
    {"defaultAction": st.sampled_from(ACTIONS)},
    optional={
        "architectures": st.lists(st.sampled_from([*ARCHITECTURES, "SCMP_ARCH_SH"]), max_size=4),
        "flags": st.lists(st.sampled_from(FLAGS), max_size=5),
        "defaultErrnoRet": st.sampled_from([None, 1, 38]),
        "syscalls": st.lists(rules, max_size=5),
    },
)


@settings(max_examples=10, deadline=None)
@given(st.lists(documents, min_size=30, max_size=30))
def test_what_is_not_refused_comes_out_as_an_api_server_takes_it(some: list[dict[str, Any]]) -> None:
    made, unhelpful = [], []
    for number, document in enumerate(some):
        try:
            made += converted(document, files=(f"p{number}.json",)).chosen
        except NotConvertible as error:
            unhelpful += [each for each in error.objections if not (each.remedy and each.what)]
    assert (refusals(made), unhelpful) == ([], [])
    assert all(item.object["apiVersion"].startswith(GROUP) and json.dumps(item.object) for item in made)
