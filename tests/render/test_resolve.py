from __future__ import annotations

from spo.model.meta import ObjectMeta
from spo.model.seccomp import SeccompProfile, SeccompProfileSpec, Syscall
from spo.render.resolve import BASES_MAX, CYCLE, MISSING, NOT_SUPPORTED, TOO_DEEP, Resolved, resolve

OPERATOR = "operators"


def profile(name: str, *names: str, base: str = "", namespace: str = "shop") -> SeccompProfile:
    syscalls = (Syscall(names, "SCMP_ACT_ALLOW"),) if names else ()
    spec = SeccompProfileSpec("SCMP_ACT_ERRNO", base_profile_name=base, syscalls=syscalls)
    return SeccompProfile(spec, ObjectMeta(name=name, namespace=namespace))


def resolved(first: SeccompProfile, *others: SeccompProfile) -> Resolved:
    every = {(each.metadata.namespace, each.metadata.name): each for each in (first, *others)}
    return resolve(first, lambda namespace, name: every.get((namespace, name)), OPERATOR)


def allowed(found: Resolved) -> list[str]:
    return [name for rule in found.syscalls for name in rule.names]


def test_a_profile_without_a_base_is_itself() -> None:
    found = resolved(profile("a", "read"))
    assert (allowed(found), found.bases, found.problem) == (["read"], (), None)


def test_bases_stack() -> None:
    found = resolved(profile("a", "read", base="b"), profile("b", "write", base="c"), profile("c", "exit"))
    assert allowed(found) == ["exit", "read", "write"]
    assert found.bases == ("shop/b", "shop/c")


def test_a_base_is_looked_for_at_home_first() -> None:
    found = resolved(profile("a", base="b"), profile("b", "exit"), profile("b", "read", namespace=OPERATOR))
    assert (allowed(found), found.bases) == (["exit"], ("shop/b",))


def test_a_base_that_is_not_at_home_is_the_operators() -> None:
    found = resolved(profile("a", base="b"), profile("b", "read", namespace=OPERATOR))
    assert (allowed(found), found.bases) == (["read"], ("operators/b",))


def test_a_base_of_a_stranger_is_not_found() -> None:
    assert resolved(profile("a", base="b"), profile("b", "read", namespace="other")).problem is not None


def test_the_base_of_an_operators_base_is_the_operators() -> None:
    found = resolved(
        profile("a", base="b"),
        profile("b", base="c", namespace=OPERATOR),
        profile("c", "exit"),
        profile("c", "read", namespace=OPERATOR),
    )
    assert allowed(found) == ["read"]


def test_a_missing_base_is_named_with_the_places_that_were_looked_at() -> None:
    problem = resolved(profile("a", "read", base="b")).problem
    assert problem is not None
    assert problem.what == MISSING
    assert str(problem) == (
        "shop/a names the base profile b, which does not exist in namespaces shop and operators. "
        "Create SeccompProfile b, or correct spec.baseProfileName."
    )


def test_a_cycle_is_named_all_around() -> None:
    problem = resolved(profile("a", base="b"), profile("b", base="c"), profile("c", base="b")).problem
    assert problem is not None
    assert problem.what == CYCLE
    assert "shop/b -> shop/c -> shop/b" in problem.message


def test_a_profile_on_itself_is_a_cycle() -> None:
    problem = resolved(profile("a", base="a")).problem
    assert problem is not None
    assert "shop/a -> shop/a" in problem.message


def stack(height: int) -> Resolved:
    bases = [profile(f"p{number}", f"s{number}", base=f"p{number + 1}") for number in range(height)]
    return resolved(*bases, profile(f"p{height}", "last"))


def test_fifteen_bases_may_stack() -> None:
    found = stack(BASES_MAX)
    assert found.problem is None
    assert len(found.bases) == BASES_MAX == 15
    assert "last" in allowed(found)


def test_a_sixteenth_base_is_too_much() -> None:
    problem = stack(BASES_MAX + 1).problem
    assert problem is not None
    assert problem.what == TOO_DEEP


def test_a_base_from_a_registry_is_refused_by_name() -> None:
    problem = resolved(profile("a", base="oci://example.org/runc:v1")).problem
    assert problem is not None
    assert problem.what == NOT_SUPPORTED
    assert "oci://example.org/runc:v1" in problem.message
