"""A resolved SeccompProfile as the file that container runtimes read (OCI runtime-spec, "Seccomp")."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from spo.model.manifest import plain
from spo.model.seccomp import NATIVE, SeccompProfile, Syscall
from spo.render.conditions import exact
from spo.render.loadable import demand_loadable
from spo.render.resolve import Resolved
from spo.render.syscall_names import SYSCALL_NAMES
from spo.render.union import by_name, errno_of, grouped

# An object's annotations may have 256 KiB, all together (apimachinery, TotalAnnotationSizeLimitB).
ANNOTATION_BYTES_MAX = 192 * 1024


def render(resolved: Resolved) -> bytes:
    """The bytes of the profile's file: compact JSON, always the same, with nothing in it but OCI's fields.

    The architecture NATIVE is left out: runtimes do not know the word, and always add the node's own. Conditions that
    libseccomp would mix up are written so that it does not. Raises `conditions.Inexact` where that cannot be, and
    `loadable.NotLoadable` where no runtime would make a filter of it.
    """
    spec = resolved.profile.spec
    rules = exact(resolved.syscalls, spec.default_action, spec.architectures)
    demand_loadable(resolved, rules)
    document: dict[str, Any] = {
        "defaultAction": spec.default_action,
        "architectures": [name for name in spec.architectures if name != NATIVE],
        "flags": spec.flags,
        "listenerPath": spec.listener_path,
        "listenerMetadata": spec.listener_metadata,
        "syscalls": [_rule(rule) for rule in rules],
    }
    return msgspec.json.encode({name: value for name, value in document.items() if value})


def _rule(rule: Syscall) -> dict[str, Any]:
    written: dict[str, Any] = {"names": rule.names, "action": rule.action}
    errno = errno_of(rule)
    if errno is not None:
        written["errnoRet"] = errno
    if rule.args:
        written["args"] = [
            {"index": arg.index, "value": arg.value, "valueTwo": arg.value_two, "op": arg.op} for arg in rule.args
        ]
    return written


def form_of(data: bytes) -> str:
    """SHA-256 in hex of a file's bytes: what `status.installedForm` holds and `FileSeen` tells."""
    return sha256(data).hexdigest()


def annotation(resolved: Resolved) -> str | None:
    """The resolved list for the annotation `syscalls` (B6): compact JSON, `null` when there is none.

    None when it is too long for an annotation: then the file on a node is the place to read it.
    """
    rules = grouped(dict(sorted(by_name(resolved.syscalls).items())))
    text = msgspec.json.encode(plain(rules) or None).decode()
    return text if len(text) <= ANNOTATION_BYTES_MAX else None


def unknown_syscalls(profile: SeccompProfile) -> tuple[str, ...]:
    """The names a profile lists that no Linux kernel knows, sorted. Runtimes ignore them: they are worth a remark."""
    named = {name for rule in profile.spec.syscalls for name in rule.names}
    return tuple(sorted(named - SYSCALL_NAMES))
