"""The default spod, and what of a spod this release cannot do yet."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Struct

from spo.model.labels import APP_LABELS
from spo.model.listing import listed
from spo.model.manifest import plain, to_manifest
from spo.model.meta import ObjectMeta
from spo.model.spod import NAME, SecurityProfilesOperatorDaemon, SpodSpec
from spo.model.spod_fields import FIELDS, Concern
from spo.render.allowlist import SHOWN_MAX
from spo.render.finding import Finding
from spo.render.syscall_names import SYSCALL_NAMES


def default_spod(namespace: str) -> dict[str, Any]:
    """The manifest of the spod that the manager creates when there is none (docs/reference.md 5)."""
    written = [each for each in FIELDS if each.written is not UNSET]
    metadata = ObjectMeta(name=NAME, namespace=namespace, labels=APP_LABELS)
    spec = SpodSpec(**{each.name: each.written for each in written})
    manifest = to_manifest(SecurityProfilesOperatorDaemon(metadata=metadata, spec=spec))
    # Defaults, too: who edits the object sees what there is to switch; that comes first.
    for each in sorted(written, key=lambda each: "" if each.written is False else each.json_name):
        manifest["spec"][each.json_name] = _in_full(each.written)
    return manifest


def _in_full(value: Any) -> Any:
    """As plain data, with what is at its default."""
    if isinstance(value, Struct):
        return {each.encode_name: plain(getattr(value, each.name)) for each in msgspec.structs.fields(value)}
    return plain(value)


def not_built(spod: SecurityProfilesOperatorDaemon) -> tuple[Finding, ...]:
    """The fields that are set and have no effect, in the order of their features. The rest of spod is in effect."""
    asked = (each for each in FIELDS if each.concern is Concern.LATER and each.is_asked_of(spod.spec))
    return tuple(Finding(f"spec.{each.json_name}", each.needs) for each in asked)


def remarks(spod: SecurityProfilesOperatorDaemon) -> tuple[Finding, ...]:
    """The fields that are set and restrict nothing, where a reader could think that they restrict everything."""
    spec = spod.spec
    empty = (("allowedSyscalls", spec.allowed_syscalls), ("allowedSeccompActions", spec.allowed_seccomp_actions))
    return tuple(Finding(f"spec.{name}", "an empty list restricts nothing") for name, given in empty if given == ())


def misspelt(spod: SecurityProfilesOperatorDaemon) -> tuple[Finding, ...]:
    """Names on the allow list that no kernel knows: whoever meant another name allows less than he thinks."""
    unknown = sorted(set(spod.spec.allowed_syscalls or ()) - SYSCALL_NAMES)
    if not unknown:
        return ()
    return (Finding("spec.allowedSyscalls", f"no kernel we know has: {listed(unknown, SHOWN_MAX)}"),)
