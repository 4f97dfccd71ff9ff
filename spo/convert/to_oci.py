"""SeccompProfiles as the files that the operator would write for them: OCI's JSON, with their bases in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from spo.convert.conversion import Conversion
from spo.convert.generations import DEFAULT_NAMESPACE
from spo.convert.objections import NotConvertible, Objection
from spo.input.load import Loaded
from spo.model.manifest import from_manifest
from spo.model.resource import SECCOMP_PROFILES, SPODS
from spo.model.seccomp import SeccompProfile
from spo.model.spod import NAME as SPOD
from spo.render.bases import shipped
from spo.render.conditions import Inexact
from spo.render.install import NAMESPACE
from spo.render.loadable import NotLoadable
from spo.render.resolve import MISSING, Resolved, resolve
from spo.render.seccomp import render


class Files(Struct, frozen=True):
    """Texts by their paths below the operator's directory on a node, and what there is to tell about them."""

    texts: Mapping[str, str]
    notes: tuple[str, ...]


def files_of(conversion: Conversion, operator_namespace: str | None) -> Files:
    """The files of the profiles that are asked for; all others, and the operator's own, may be bases of theirs.

    The operator's namespace is where a spod is, if it is not said. Raises NotConvertible: a base that is not there, or
    conditions that no file can say exactly.
    """
    home = operator_namespace or _home(conversion.manifests)
    profiles = [_profile(item) for item in conversion.manifests if item.kind == SECCOMP_PROFILES.kind]
    known = {(each.metadata.namespace, each.metadata.name): each for each in (*shipped(home), *profiles)}
    texts, notes, objections = dict[str, str](), list[str](), list[Objection]()
    for item in conversion.chosen:
        if item.kind != SECCOMP_PROFILES.kind:
            notes.append(f"{item} is left out: OCI has nothing like it")
            continue
        resolved = resolve(_profile(item), lambda namespace, name: known.get((namespace, name)), home)
        try:
            texts[resolved.profile.file] = _text(resolved)
        except NotConvertible as error:
            objections += (replace(each, source=item.source, subject=str(item)) for each in error.objections)
        notes += (f"{item}: {note}" for note in _on(resolved))
    if not (texts or objections):
        objections.append(
            Objection("", "there is no SeccompProfile among these objects", "give one, or leave out --to oci")
        )
    if objections:
        raise NotConvertible(objections)
    return Files(texts, tuple(notes))


def _home(manifests: Iterable[Loaded]) -> str:
    spods = (item.namespace for item in manifests if item.kind == SPODS.kind and item.name == SPOD)
    return next(spods, "") or NAMESPACE


def _profile(item: Loaded) -> SeccompProfile:
    metadata = {"namespace": DEFAULT_NAMESPACE, **item.object["metadata"]}
    return from_manifest({**item.object, "metadata": metadata}, SeccompProfile)


def _text(resolved: Resolved) -> str:
    problem = resolved.problem
    if not resolved.profile.metadata.name:
        raise NotConvertible(
            [Objection("metadata.name", "is missing, and a file is named like its profile", "give one")]
        )
    if problem is not None:
        remedy = "give its manifest as well, or correct the name" if problem.what == MISSING else problem.remedy
        raise NotConvertible([Objection("spec.baseProfileName", problem.message, remedy)])
    try:
        return render(resolved).decode()
    except Inexact as error:
        raise NotConvertible([Objection("spec.syscalls", str(error), "write these conditions otherwise")]) from None
    except NotLoadable as error:
        raise NotConvertible([Objection("spec", str(error), "no runtime makes a filter of it as it is")]) from None


def _on(resolved: Resolved) -> Iterator[str]:
    if resolved.bases:
        yield f"with what its bases let through: {', '.join(resolved.bases)}"
    if not resolved.profile.reconcilable:
        why = "disabled" if resolved.profile.disabled else "partial"
        yield f"it is {why}: no node has this file"
