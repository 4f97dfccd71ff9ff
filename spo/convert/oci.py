"""Seccomp JSON of the OCI runtime specification, or in Docker's form, as the spec of a SeccompProfile.

What OCI says (runtime-spec, "Linux Container Configuration", Seccomp) the kind says too, but for `defaultErrnoRet`.
Docker's form (moby, profiles/seccomp; containers/common has the same and `errno` names) adds conditions on the
container: these are decided here, and what is not for the container is left out and told. Everything else is refused by
field: nothing of a document is dropped in silence but comments, and words that say what is so anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from spo.convert.containers import (
    ARCHITECTURE_OF,
    ARCHITECTURE_WORDS,
    CAPABILITIES,
    Container,
    Filter,
    kernel_of,
    why_not,
    word_of,
)
from spo.convert.errno_names import ERANGE, ERRNO_NAMES, ERRNO_NUMBERS
from spo.convert.fields import CORRECT, Fields
from spo.convert.objections import NotConvertible, meant
from spo.convert.wide_numbers import narrowed
from spo.model.seccomp import (
    ACTIONS,
    ARCHITECTURES,
    FLAGS,
    LISTENER_PATTERN,
    OPERATORS,
    TRACER_MESSAGE_MAX,
    Argument,
    SeccompProfileSpec,
    Syscall,
)
from spo.render.architectures import NARROW
from spo.render.conditions import ALL, EPERM
from spo.render.union import WITH_ERRNO

DOCUMENT = """
    defaultAction defaultErrnoRet defaultErrno architectures archMap flags listenerPath listenerMetadata syscalls
    comment
""".split()
RULE = "name names action errnoRet errno args comment includes excludes".split()
CONDITION = "index value valueTwo op comment".split()
FILTER = "caps arches minKernel".split()
OF_AN_ARCHITECTURE = "architecture subArchitectures".split()

MIPSEL64N32 = "mips3l64n32"  # what Docker calls it; others say mipsel64n32

INDEX_MAX = 5  # a syscall has six arguments


class LeftOut(Struct, frozen=True):
    """A part of the document that is for other containers, and why."""

    field: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.field} ({self.what}): {self.why}"


class Read(Struct, frozen=True):
    """What a document comes to for a container, and what there is to tell about it."""

    spec: SeccompProfileSpec
    left_out: tuple[LeftOut, ...] = ()
    rules: int = 0  # how many the document has
    of_some: int = 0  # and how many of these are for some containers only
    notes: tuple[str, ...] = ()


def read(document: Mapping[str, Any], container: Container) -> Read:
    """The document as a spec, for this container. Raises NotConvertible with everything that is wrong with it."""
    reader = _Reader(container)
    spec = reader.document(document)
    if reader.objections:
        raise NotConvertible(reader.objections)
    rules = document.get("syscalls") or ()
    of_some = sum(bool(rule.get("includes") or rule.get("excludes")) for rule in rules)
    return Read(spec, tuple(reader.left_out), len(rules), of_some, tuple(reader.notes))


class _Reader(Fields):
    """Reads one document, for one sort of container."""

    def __init__(self, container: Container) -> None:
        super().__init__()
        self._container = container
        self.left_out: list[LeftOut] = []
        self.notes: list[str] = []

    def document(self, document: Mapping[str, Any]) -> SeccompProfileSpec:
        self.only(document, "", DOCUMENT)
        action = self.one_of(document.get("defaultAction"), "defaultAction", ACTIONS, "action")
        self._default_errno(document, action)
        architectures = self._architectures(document)
        return SeccompProfileSpec(
            default_action=action,
            architectures=architectures,
            listener_path=self._listener(document.get("listenerPath")),
            listener_metadata=self.text(document.get("listenerMetadata"), "listenerMetadata"),
            syscalls=self._syscalls(document.get("syscalls"), narrow=not NARROW.isdisjoint(architectures)),
            flags=self.some_of(document.get("flags"), "flags", FLAGS, "flag"),
        )

    # -- the document's own fields -----------------------------------------------------------------------------------

    def _architectures(self, document: Mapping[str, Any]) -> tuple[str, ...]:
        if document.get("architectures") and document.get("archMap"):
            self.wrong("archMap", "stands beside architectures, which Docker refuses", "keep one of the two")
            return ()
        if not document.get("archMap"):
            field = "architectures"
            return self.some_of(document.get(field), field, ARCHITECTURES, "architecture", OWN_IS_IN)
        return self._of_the_node(self.items(document["archMap"], "archMap"))

    def _of_the_node(self, entries: list[Any]) -> tuple[str, ...]:
        """The architectures that `archMap` has for the container's node."""
        found: tuple[str, ...] = ()
        for at, entry in enumerate(entries):
            field = f"archMap[{at}]"
            if not self.is_object(entry, field):
                continue
            self.only(entry, field, OF_AN_ARCHITECTURE)
            name = self.text(entry.get("architecture"), f"{field}.architecture")
            below = entry.get("subArchitectures")
            if name == self._container.architecture:
                found = (
                    self.one_of(name, f"{field}.architecture", ARCHITECTURES, "architecture", OWN_IS_IN),
                    *self.some_of(below, f"{field}.subArchitectures", ARCHITECTURES, "architecture", OWN_IS_IN),
                )
            else:
                self.left_out.append(LeftOut(field, name, f"for nodes other than {self._container.arch}"))
        return tuple(dict.fromkeys(found))

    def _listener(self, value: Any) -> str:
        path = self.text(value, "listenerPath")
        if path and not re.search(LISTENER_PATTERN, path):
            what = f"{path} is not in /var/run/security-profiles-operator/, where a SeccompProfile must have its socket"
            self.wrong("listenerPath", what, "have the agent listen there, and name that socket")
        return path

    def _default_errno(self, document: Mapping[str, Any], action: str) -> None:
        """A SeccompProfile cannot say it; but it may be what runtimes take anyway."""
        number = self._errno(document, "", action, "defaultErrnoRet", "defaultErrno")
        if number is None or number == EPERM:
            return
        name = f" ({ERRNO_NAMES[number]})" if number in ERRNO_NAMES else ""
        field = "defaultErrno" if document.get("defaultErrnoRet") is None else "defaultErrnoRet"
        what = f"{number}{name}: a SeccompProfile has no such field: what no rule names fails with 1 (EPERM) there"
        remedy = (
            "if that will do, take it out: `jq 'del(.defaultErrnoRet, .defaultErrno)' FILE | spo convert --name NAME -`"
            f"; else name the syscalls that must fail with {number} in a rule"
        )
        self.wrong(field, what, remedy)

    # -- rules -------------------------------------------------------------------------------------------------------

    def _syscalls(self, value: Any, *, narrow: bool) -> tuple[Syscall, ...]:
        rules = [
            (field, rule)
            for at, each in enumerate(self.items(value, "syscalls"))
            for field in (f"syscalls[{at}]",)
            for rule in self._rules(each, field)
        ]
        found = narrowed(rules, narrow=narrow)
        for field in found.refused:
            what = "compares with a number above 2^63-1, which a SeccompProfile does not have, nor says it otherwise"
            self.wrong(f"{field}.args", what, "compare with smaller numbers")
        if found.rewritten:
            names = ", ".join(found.rewritten)
            self.notes.append(f"a SeccompProfile has no numbers above 2^63-1: said with smaller ones for {names}")
        return found.rules

    def _rules(self, rule: Any, field: str) -> Iterator[Syscall]:
        """The rules that one of the document becomes for the container: none, one, or one a condition."""
        if not self.is_object(rule, field):
            return
        self.only(rule, field, RULE)
        names = self._names(rule, field)
        action = self.one_of(rule.get("action"), f"{field}.action", ACTIONS, "action")
        errno = self._errno(rule, f"{field}.", action, "errnoRet", "errno")
        args = self._conditions(rule.get("args"), f"{field}.args")
        includes, excludes = (self._filter(rule.get(side), f"{field}.{side}") for side in ("includes", "excludes"))
        reason = why_not(includes, excludes, self._container)
        if reason is not None:
            self.left_out.append(LeftOut(field, ", ".join(names), reason))
            return
        if len({arg.index for arg in args}) < len(args):
            # As runtimes take it. Said so that a reader sees it, too.
            alternatives = tuple((arg,) for arg in dict.fromkeys(args))
            many = f"{len(alternatives)} rules"
            self.notes.append(f"{field}.args asks twice of one argument, which means or: it is written as {many}")
            yield from (Syscall(names, action, errno, each) for each in alternatives)
        else:
            yield Syscall(names, action, errno, args)

    def _names(self, rule: Mapping[str, Any], field: str) -> tuple[str, ...]:
        names = self.words(rule.get("names"), f"{field}.names")
        one = self.text(rule.get("name"), f"{field}.name")
        if one and names:
            self.wrong(f"{field}.name", "stands beside names, which Docker refuses", "keep one of the two")
        found = names or ((one,) if one else ())
        if not all(found) or not found:
            self.wrong(f"{field}.names", "names no syscall", "name the syscalls, or remove the rule")
        return tuple(dict.fromkeys(found))

    def _errno(
        self, given: Mapping[str, Any], before: str, action: str, number_field: str, name_field: str
    ) -> int | None:
        """The error number of a rule or of the document; None where there is none, or the action does not take one."""
        number = self.whole(
            given.get(number_field), before + number_field, TRACER_MESSAGE_MAX, "no error has a larger number"
        )
        name = self.text(given.get(name_field), before + name_field)
        if name:
            field = before + name_field
            if name not in ERRNO_NUMBERS:
                self.wrong(field, f"there is no error {name}", meant(name, ERRNO_NUMBERS, f"write {number_field}"))
            elif "MIPS" in self._container.architecture and ERRNO_NUMBERS[name] > ERANGE:
                self.wrong(field, f"{name} has a number of its own on MIPS", f"write {number_field} in its place")
            elif number not in (None, ERRNO_NUMBERS[name]):
                what = f"{name} is {ERRNO_NUMBERS[name]}, and {number_field} says {number}"
                self.wrong(field, what, "keep one of the two")
            else:
                number = ERRNO_NUMBERS[name]
        if number is None or action in WITH_ERRNO or action not in ACTIONS:
            return number
        self.notes.append(f"{before}{number_field} is left out: {action} takes no error number")
        return None

    def _conditions(self, value: Any, field: str) -> tuple[Argument, ...]:
        """A number that is not said is 0, as runtimes take it; but which argument is meant must be said."""
        found = []
        for at, condition in enumerate(self.items(value, field)):
            here = f"{field}[{at}]"
            if not self.is_object(condition, here):
                continue
            self.only(condition, here, CONDITION)
            index = self.whole(condition.get("index"), f"{here}.index", INDEX_MAX, "a syscall has no more arguments")
            if condition.get("index") is None:
                self.wrong(f"{here}.index", "is missing", "say which argument, from 0")
            op = self.one_of(condition.get("op"), f"{here}.op", OPERATORS, "operator")
            numbers = (self.whole(condition.get(name), f"{here}.{name}", ALL, BITS) for name in ("value", "valueTwo"))
            found.append(Argument(index or 0, op, *(number or 0 for number in numbers)))
        return tuple(found)

    def _filter(self, value: Any, field: str) -> Filter:
        if value is None or not self.is_object(value, field):
            return Filter()
        self.only(value, field, FILTER)
        capabilities = []
        for at, word in enumerate(self.words(value.get("caps"), f"{field}.caps")):
            if word not in CAPABILITIES:
                self.wrong(f"{field}.caps[{at}]", f"there is no capability {word}", meant(word, CAPABILITIES, CORRECT))
            capabilities.append(word)
        architectures = []
        for at, word in enumerate(self.words(value.get("arches"), f"{field}.arches")):
            name = ARCHITECTURE_OF.get(word, "")
            if word not in (*ARCHITECTURE_WORDS, MIPSEL64N32):
                known = f"use one of {', '.join(ARCHITECTURE_WORDS)}"
                remedy = f"write {word_of(name)}" if name else meant(word, ARCHITECTURE_WORDS, known)
                self.wrong(f"{field}.arches[{at}]", f"Docker has no architecture {word}", remedy)
            else:
                architectures.append(name)
        text = self.text(value.get("minKernel"), f"{field}.minKernel")
        kernel = kernel_of(text) if text else None
        if text and kernel is None:
            self.wrong(f"{field}.minKernel", f"{text} is no kernel's version", "write it like 4.8")
        return Filter(tuple(capabilities), tuple(architectures), kernel)


BITS = "an argument has 64 bits"
OWN_IS_IN = "leave it out: a node's own architecture is in the filter anyway"
