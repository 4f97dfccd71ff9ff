"""A whole input, converted: each object of it as a manifest of this release, refused, or named as left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from spo.convert.containers import Container
from spo.convert.generations import in_our_form, is_of_the_operator
from spo.convert.names import as_name, stem
from spo.convert.objections import NotConvertible, Objection
from spo.convert.oci import Read, read
from spo.input.foreign import is_seccomp
from spo.input.load import Loaded
from spo.model.listing import listed
from spo.model.manifest import to_manifest
from spo.model.meta import ObjectMeta
from spo.model.resource import GROUP
from spo.model.seccomp import SeccompProfile
from spo.render.not_renderable import NotRenderable
from spo.render.resolve import Resolved
from spo.render.seccomp import render, unknown_syscalls
from spo.render.syscall_names import meant_by

SHOWN = 3  # objects that a note names
SYSCALLS_SHOWN = 20
STDIN = "<stdin>"
INDENT = "\n    "


class Wish(Struct, frozen=True):
    """What is asked for. A name or namespace is given to profiles that are made, and chooses among manifests."""

    name: str = ""
    namespace: str = ""
    container: Container = Container()

    def chooses(self, item: Loaded) -> bool:
        """Is this one of the objects that are asked for?"""
        return self.name in ("", item.name) and self.namespace in ("", item.namespace)


class Conversion(Struct, frozen=True):
    """Manifests of this release, each with the place that it comes from, and what there is to tell.

    `chosen` are those that are asked for, of which one was `changed`, or more; others of `manifests` may be bases of
    theirs. `details` names what was left out of a document that is for all sorts of containers.
    """

    manifests: tuple[Loaded, ...]
    chosen: tuple[Loaded, ...]
    changed: bool
    notes: tuple[str, ...]
    details: tuple[str, ...]


def convert(given: Sequence[Loaded], wish: Wish) -> Conversion:
    """The input as manifests, in its order. Raises NotConvertible with all that is in the way."""
    converter = _Converter(wish)
    for item in given:
        converter.take(item)
    return converter.result()


class _Converter:
    """Takes one object after the other; an objection to one stops none of the others."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._manifests: dict[tuple[str, str, str], Loaded] = {}
        self._objections: list[Objection] = []
        self._notes: list[str] = []
        self._details: list[str] = []
        self._said: dict[str, list[Loaded]] = {}  # what is to be said of objects
        self._others: Counter[str] = Counter()
        self._changed = False

    def take(self, item: Loaded) -> None:
        """Convert one object."""
        subject = ""
        try:
            if is_seccomp(item.object):
                self._put(self._made(item))
                return
            subject = str(item)
            if item.api_version.rpartition("/")[0] != GROUP:
                self._others[item.kind] += 1
            elif is_of_the_operator(item.kind):
                self._say("left out: the operator makes it anew", item)
            else:
                self._put(self._rewritten(item))
        except NotConvertible as error:
            self._objections += (replace(each, source=item.source, subject=subject) for each in error.objections)

    def result(self) -> Conversion:
        """All of it. Raises NotConvertible."""
        manifests = tuple(self._manifests.values())
        chosen = tuple(filter(self._wish.chooses, manifests))
        objections = self._objections or ([] if chosen else [_nothing(self._wish)])
        if objections:
            raise NotConvertible(objections)
        notes = (*self._notes, *self._remarks())
        return Conversion(manifests, chosen, self._changed, notes, tuple(self._details))

    def _put(self, item: Loaded) -> None:
        name = item.object["metadata"].get("name") or str(item.source)  # generated: each is an object of its own
        first = self._manifests.setdefault((item.kind, item.namespace, name), item)
        if first is item:
            return
        if first.object != item.object:
            what = f"{first} ({first.source}) has the same name, and says something else"
            raise NotConvertible([Objection("metadata.name", what, "keep one of the two")])
        self._notes.append(f"{item} is given twice, word for word: {first.source} and {item.source}")

    # -- a profile of OCI's JSON -------------------------------------------------------------------------------------

    def _made(self, item: Loaded) -> Loaded:
        found, file = read(item.object, self._wish.container), item.source.file
        name = self._wish.name or ("" if file == STDIN else as_name(stem(file)))
        if not name:
            raise NotConvertible([Objection("", "there is no name in it for the profile", "give one: --name NAME")])
        profile = SeccompProfile(found.spec, ObjectMeta(name=name, namespace=self._wish.namespace))
        if name not in (self._wish.name, stem(file)):
            self._notes.append(f"{file}: the profile's name is {name}: names have small letters, digits, - and . only")
        self._notes += (f"{file}: {note}" for note in _notes_on(found, profile, self._wish.container))
        self._details += (f"{file}: left out: {each}" for each in found.left_out)
        self._changed = True
        return Loaded(_readable(profile), item.source)

    # -- an object of this or another release ------------------------------------------------------------------------

    def _rewritten(self, item: Loaded) -> Loaded:
        found = in_our_form(item.object, self._wish.namespace)
        rewritten = Loaded(found.object, item.source)
        if self._wish.chooses(rewritten):
            self._changed |= found.object != item.object
            dropped = (
                [f"without what a server or the operator had set: {', '.join(found.dropped)}"] if found.dropped else []
            )
            self._say(INDENT.join((*found.changes, *dropped)), item)
        return rewritten

    def _say(self, text: str, item: Loaded) -> None:
        if text:
            self._said.setdefault(text, []).append(item)

    def _remarks(self) -> Iterator[str]:
        """What is the same of several is said once."""
        for text, items in self._said.items():
            yield f"{listed([f'{item} ({item.source})' for item in items], SHOWN, ',')}:{INDENT}{text}"
        if self._others:
            others = ", ".join(f"{number:,} {kind}" for kind, number in sorted(self._others.items()))
            yield f"left out, not being the operator's: {others}"


def _nothing(wish: Wish) -> Objection:
    called = f" {wish.name}" if wish.name else ""
    where = f" in namespace {wish.namespace}" if wish.namespace else ""
    what = f"there is no object{called}{where} that can be converted"
    return Objection("", what, "give seccomp JSON, SeccompProfiles or spods")


def _readable(profile: SeccompProfile) -> dict[str, object]:
    """The manifest; a comparison with 0 says so, though it need not."""
    manifest = to_manifest(profile)
    for rule in manifest["spec"].get("syscalls", ()):
        for arg in rule.get("args", ()):
            arg.setdefault("value", 0)
    return manifest


def _notes_on(found: Read, profile: SeccompProfile, container: Container) -> Iterator[str]:
    """What a profile that was made of a document is other than it, or will be."""
    rules = sum(each.field.startswith("syscalls") for each in found.left_out)
    if found.of_some:
        left = (
            f"{rules} of {found.rules} rules are for others, and left out (-v names them)"
            if rules
            else "all rules count"
        )
        yield f"it is for containers {container.said}: {left}"
    if rules < len(found.left_out):
        kept = ", ".join(found.spec.architectures) or "nothing: the node's own is in the filter anyway"
        yield f"of archMap counts what is for nodes of {container.arch} (--arch): {kept}"
    yield from found.notes
    if unknown := unknown_syscalls(profile):
        named = [*map(_with_hint, unknown[:SYSCALLS_SHOWN]), *unknown[SYSCALLS_SHOWN:]]  # to look for a hint takes long
        yield f"no kernel that we know has these syscalls, and runtimes pass over them: {listed(named, SYSCALLS_SHOWN)}"
    try:
        render(Resolved(profile, profile.spec.syscalls))
    except NotRenderable as error:
        yield f"the operator will not install it as it is: {error}"


def _with_hint(syscall: str) -> str:
    return f"{syscall} (did you mean {hint}?)" if (hint := meant_by(syscall)) else syscall
