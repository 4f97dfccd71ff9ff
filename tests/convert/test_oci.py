"""Seccomp JSON of OCI and Docker as a SeccompProfile: all that it says, or a refusal that names the field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spo.convert.containers import Container, capabilities_with
from spo.convert.objections import NotConvertible
from spo.convert.oci import Read, read
from spo.model.seccomp import Argument, SeccompProfileSpec, Syscall
from tests.convert.docker_profile import ALLOW, ERRNO, docker_profile

X86_64, ARM64 = Container(), Container("SCMP_ARCH_AARCH64")
FULL: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_KILL_PROCESS",
    "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"],
    "flags": ["SECCOMP_FILTER_FLAG_LOG"],
    "listenerPath": "/var/run/security-profiles-operator/agent.sock",
    "listenerMetadata": "web",
    "comment": "nobody reads it",
    "syscalls": [
        {"names": ["read", "write", "read"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": ""},
        {
            "name": "socket",
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 97,
            "args": [
                {"index": 0, "value": 16, "valueTwo": 0, "op": "SCMP_CMP_EQ"},
                {"index": 2, "value": 7, "valueTwo": 4, "op": "SCMP_CMP_MASKED_EQ"},
            ],
            "includes": {},
            "excludes": None,
        },
    ],
}


def plain(**fields: Any) -> dict[str, Any]:
    return {"defaultAction": ERRNO, "syscalls": [{"names": ["read"], "action": ALLOW}], **fields}


def with_rule(**fields: Any) -> dict[str, Any]:
    return plain(syscalls=[{"names": ["read"], "action": ALLOW, **fields}])


def with_condition(**fields: Any) -> dict[str, Any]:
    return with_rule(args=[{"index": 0, "value": 1, "op": "SCMP_CMP_EQ", **fields}])


def refused(document: dict[str, Any], container: Container = X86_64) -> dict[str, str]:
    """By field: what is against it, and the remedy."""
    with pytest.raises(NotConvertible) as caught:
        read(document, container)
    return {each.field: f"{each.what} → {each.remedy}" for each in caught.value.objections}


def named(found: Read) -> dict[str, list[str]]:
    """By action: the syscalls of rules that have no conditions."""
    actions: dict[str, list[str]] = {}
    for rule in found.spec.syscalls:
        if not rule.args:
            actions.setdefault(rule.action, []).extend(rule.names)
    return actions


def test_what_oci_says_the_profile_says_too_and_comments_are_nobodys_business() -> None:
    found = read(FULL, X86_64)

    assert found.spec == SeccompProfileSpec(
        "SCMP_ACT_KILL_PROCESS",
        architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_X86"),
        listener_path="/var/run/security-profiles-operator/agent.sock",
        listener_metadata="web",
        syscalls=(
            Syscall(("read", "write"), ALLOW),
            Syscall(
                ("socket",),
                ERRNO,
                97,
                (Argument(0, "SCMP_CMP_EQ", 16), Argument(2, "SCMP_CMP_MASKED_EQ", 7, 4)),
            ),
        ),
        flags=("SECCOMP_FILTER_FLAG_LOG",),
    )
    assert (found.left_out, found.notes) == ((), ())


def test_a_document_with_nothing_but_a_default_action_is_a_profile() -> None:
    assert read({"defaultAction": "SCMP_ACT_LOG", "syscalls": None}, X86_64).spec == SeccompProfileSpec("SCMP_ACT_LOG")


# -- Docker's form ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("container", "there", "not_there"),
    [
        (X86_64, "chroot arch_prctl ptrace", "mount reboot s390_runtime_instr sync_file_range2"),
        (Container(capabilities=capabilities_with(["sys_admin"])), "mount clone clone3", "reboot"),
        (Container(capabilities=capabilities_with(["none"])), "arch_prctl", "chroot mount"),
        (ARM64, "sync_file_range2", "arch_prctl"),
        (Container(kernel=(4, 7)), "arch_prctl", "ptrace"),
    ],
)
def test_rules_count_that_are_for_the_container(container: Container, there: str, not_there: str) -> None:
    found = read(docker_profile(), container)
    allowed = set(named(found)[ALLOW])

    assert set(there.split()) <= allowed
    assert allowed.isdisjoint(not_there.split())
    told = {name for each in found.left_out for name in each.what.split(", ")}
    assert set(not_there.split()) <= told
    assert found.rules == len(docker_profile()["syscalls"])


def test_each_rule_that_is_left_out_is_named_with_the_reason() -> None:
    told = [str(each) for each in read(docker_profile(), X86_64).left_out]
    assert "archMap[1] (SCMP_ARCH_AARCH64): for nodes other than amd64" in told
    assert "syscalls[11] (open_by_handle_at): only with CAP_DAC_READ_SEARCH" in told
    assert "syscalls[8] (sync_file_range2): only on arm, arm64" in told


@pytest.mark.parametrize(
    ("container", "architectures"),
    [
        (X86_64, ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32")),
        (ARM64, ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM")),
        (Container("SCMP_ARCH_RISCV64"), ("SCMP_ARCH_RISCV64",)),
        (Container("SCMP_ARCH_PPC64LE"), ()),
    ],
)
def test_of_archmap_the_entry_of_the_node_counts(container: Container, architectures: tuple[str, ...]) -> None:
    assert read(docker_profile(), container).spec.architectures == architectures


def test_an_architecture_that_the_kind_lacks_is_refused_only_where_it_would_count() -> None:
    told = refused(docker_profile(), Container("SCMP_ARCH_LOONGARCH64"))
    assert list(told) == ["archMap[4].architecture"]
    assert "no architecture SCMP_ARCH_LOONGARCH64 → leave it out: a node's own" in told["archMap[4].architecture"]


def test_one_argument_asked_twice_means_or_as_runtimes_take_it() -> None:
    args = [{"index": 1, "value": value, "op": "SCMP_CMP_EQ"} for value in (1, 2, 1)]
    found = read(with_rule(args=args), X86_64)
    assert [rule.args for rule in found.spec.syscalls] == [
        (Argument(1, "SCMP_CMP_EQ", 1),),
        (Argument(1, "SCMP_CMP_EQ", 2),),
    ]
    assert found.notes == ("syscalls[0].args asks twice of one argument, which means or: it is written as 2 rules",)


# -- error numbers ---------------------------------------------------------------------------------------------------


def errno(**fields: Any) -> int | str | None:
    return read(with_rule(action=ERRNO, **fields), X86_64).spec.syscalls[0].errno_ret


def test_an_error_may_be_said_by_number_or_by_name() -> None:
    assert errno(errno="ENOSYS") == errno(errnoRet=38) == errno(errno="ENOSYS", errnoRet=38) == 38
    assert errno() is None
    assert errno(errnoRet=0) == 0


@pytest.mark.parametrize("fields", [{"defaultErrnoRet": 1}, {"defaultErrno": "EPERM"}, {"defaultErrnoRet": None}])
def test_a_default_error_that_runtimes_take_anyway_need_not_be_said(fields: dict[str, Any]) -> None:
    assert read(plain(**fields), X86_64) == read(plain(), X86_64)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"defaultErrnoRet": 38}, "defaultErrnoRet"),
        ({"defaultErrno": "ENOSYS"}, "defaultErrno"),
        ({"defaultErrno": "ENOSYS", "defaultErrnoRet": 38}, "defaultErrnoRet"),
    ],
)
def test_another_default_error_is_refused_for_the_kind_cannot_say_it(fields: dict[str, Any], field: str) -> None:
    told = refused(plain(**fields))
    assert list(told) == [field]
    assert "38 (ENOSYS): a SeccompProfile has no such field" in told[field]
    assert "jq 'del(.defaultErrnoRet, .defaultErrno)'" in told[field]


def test_an_error_number_that_means_nothing_is_left_out_and_told() -> None:
    found = read(with_rule(errnoRet=5), X86_64)
    assert found.spec.syscalls[0].errno_ret is None
    assert found.notes == ("syscalls[0].errnoRet is left out: SCMP_ACT_ALLOW takes no error number",)

    found = read({"defaultAction": "SCMP_ACT_LOG", "defaultErrnoRet": 38}, X86_64)
    assert found.notes == ("defaultErrnoRet is left out: SCMP_ACT_LOG takes no error number",)


def test_on_mips_only_the_numbers_that_all_share_have_names() -> None:
    mips = Container("SCMP_ARCH_MIPS64")
    assert read(with_rule(action=ERRNO, errno="EPERM"), mips).spec.syscalls[0].errno_ret == 1
    assert "number of its own on MIPS" in refused(with_rule(action=ERRNO, errno="ENOSYS"), mips)["syscalls[0].errno"]


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ({"syscalls": []}, "defaultAction", "is missing → give the action: SCMP_ACT_KILL_PROCESS"),
        (
            plain(defaultAction="SCMP_ACT_ERRN"),
            "defaultAction",
            "no action SCMP_ACT_ERRN → did you mean SCMP_ACT_ERRNO",
        ),
        (plain(defaultAction="SCMP_ACT_PERMIT"), "defaultAction", "→ use one of SCMP_ACT_KILL_PROCESS, "),
        (plain(defaultAction=3), "defaultAction", "must be text, here it is 3"),
        (plain(Syscalls=[]), "Syscalls", "no such field is known → did you mean syscalls?"),
        (plain(priority=1), "priority", "no such field is known → correct it, or leave it out"),
        (plain(architectures=["SCMP_ARCH_X86_46"]), "architectures[0]", "did you mean SCMP_ARCH_X86_64?"),
        (plain(architectures="SCMP_ARCH_X86"), "architectures", 'must be a list, here it is "SCMP_ARCH_X86"'),
        (plain(architectures=["SCMP_ARCH_X86"], archMap=[{}]), "archMap", "stands beside architectures"),
        (plain(archMap=[7]), "archMap[0]", "must be an object, here it is 7"),
        (plain(archMap=[{"arch": "x"}]), "archMap[0].arch", "no such field is known"),
        (plain(flags=["SECCOMP_FILTER_FLAG_NEW_LISTENER"]), "flags[0]", "no flag SECCOMP_FILTER_FLAG_NEW_LISTENER"),
        (plain(listenerPath="/run/agent.sock"), "listenerPath", "/var/run/security-profiles-operator/"),
        (plain(syscalls=[None]), "syscalls[0]", "must be an object, here it is null"),
        (with_rule(names=[]), "syscalls[0].names", "names no syscall"),
        (with_rule(names=[""]), "syscalls[0].names", "names no syscall"),
        (with_rule(names=None), "syscalls[0].names", "names no syscall"),
        (with_rule(name="write"), "syscalls[0].name", "stands beside names"),
        (with_rule(action=None), "syscalls[0].action", "is missing"),
        (with_rule(prio=1), "syscalls[0].prio", "no such field is known"),
        (with_rule(action=ERRNO, errno="ENOSYSS"), "syscalls[0].errno", "did you mean ENOSYS?"),
        (with_rule(action=ERRNO, errno="EPERM", errnoRet=2), "syscalls[0].errno", "EPERM is 1, and errnoRet says 2"),
        (with_rule(action=ERRNO, errnoRet=65536), "syscalls[0].errnoRet", "65536 is not between 0 and 65535"),
        (with_rule(action=ERRNO, errnoRet="38"), "syscalls[0].errnoRet", 'must be a whole number, here it is "38"'),
        (with_rule(action=ERRNO, errnoRet=True), "syscalls[0].errnoRet", "must be a whole number"),
        (with_condition(index=6), "syscalls[0].args[0].index", "6 is not between 0 and 5"),
        (with_condition(index=None), "syscalls[0].args[0].index", "is missing"),
        (with_condition(value=1 << 63), "syscalls[0].args", "a number above 2^63-1"),
        (with_condition(value=1 << 64), "syscalls[0].args[0].value", "an argument has 64 bits"),
        (with_condition(value=1.0), "syscalls[0].args[0].value", "must be a whole number, here it is 1.0"),
        (with_condition(op="SCMP_CMP_NEQ"), "syscalls[0].args[0].op", "did you mean SCMP_CMP_NE?"),
        (with_condition(operator="x"), "syscalls[0].args[0].operator", "no such field is known"),
        (with_rule(args=[1]), "syscalls[0].args[0]", "must be an object"),
        (with_rule(includes=[]), "syscalls[0].includes", "must be an object, here it is []"),
        (with_rule(includes={"cap": []}), "syscalls[0].includes.cap", "did you mean caps?"),
        (with_rule(includes={"caps": ["SYS_ADMIN"]}), "syscalls[0].includes.caps[0]", "did you mean CAP_SYS_ADMIN?"),
        (with_rule(excludes={"arches": ["x86_64"]}), "syscalls[0].excludes.arches[0]", "→ write amd64"),
        (with_rule(excludes={"arches": ["z80"]}), "syscalls[0].excludes.arches[0]", "use one of x86, amd64"),
        (with_rule(includes={"minKernel": "new"}), "syscalls[0].includes.minKernel", "write it like 4.8"),
    ],
)
def test_what_the_kind_cannot_say_is_refused_with_its_field_and_a_remedy(
    document: dict[str, Any], field: str, words: str
) -> None:
    told = refused(document)
    assert list(told) == [field]
    assert words in told[field]


def test_all_that_is_wrong_is_told_at_once() -> None:
    wrong = with_rule(action="SCMP_ACT_NO", errno="EWHAT", args=[{"index": 9, "op": "SCMP_CMP_EQ"}])
    assert list(refused({**wrong, "flags": ["x"]})) == [
        "syscalls[0].action",
        "syscalls[0].errno",
        "syscalls[0].args[0].index",
        "flags[0]",
    ]


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects_in(each)


@settings(deadline=None)
@given(at=st.integers(min_value=0), which=st.booleans())
def test_a_field_that_is_not_known_is_refused_wherever_it_stands(at: int, which: bool) -> None:
    document = json.loads(json.dumps(FULL if which else docker_profile()))
    places = list(objects_in(document))
    places[at % len(places)]["odd"] = 1

    (field,) = refused(document)
    assert field.rpartition(".")[2] == "odd"
