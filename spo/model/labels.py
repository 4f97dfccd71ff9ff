"""The names we put on objects: labels, annotations, finalizers (docs/reference.md 2; J0)."""

from __future__ import annotations

from hashlib import sha256

PREFIX = "spo.x-k8s.io"
PROFILE_ID = f"{PREFIX}/profile-id"
PROFILE_KIND = f"{PREFIX}/profile-kind"
PROFILE_STATE = f"{PREFIX}/profile-state"
NODE_NAME = f"{PREFIX}/node-name"
PARTIAL = f"{PREFIX}/partial"

SYSCALLS = "syscalls"  # annotation: the resolved list as compact JSON, `null` when there is none (B6)
BASES = f"{PREFIX}/base-profiles"  # annotation: the bases used, `namespace/name` from the nearest to the farthest (B0)
RENDERED = f"{PREFIX}/rendered"  # annotation on what we render: SHA-256 of the manifest we last asked for
FORM = f"{PREFIX}/form"  # annotation on a node status: SHA-256 of the file that its state speaks of
SHIPPED = f"{PREFIX}/shipped"  # annotation on our own profiles: SHA-256 of the file they were shipped to be
MEASURED_ON = f"{PREFIX}/measured-on"  # annotation on shipped base profiles: versions and kernel (B5)
REMARKS = f"{PREFIX}/remarks"  # annotation on shipped base profiles: what their measuring does not cover

PROFILE_FINALIZER = f"{PREFIX}/profile"
NODE_FINALIZER = f"{PREFIX}/node"

APP = "security-profiles-operator"
APP_LABELS = {"app": APP}

LABEL_VALUE_MAX = 63
NAME_MAX = 253


def digest(*parts: str) -> str:
    """SHA-256 in hex of some names; no two different sequences of names give the same text to hash."""
    return sha256("\0".join(parts).encode()).hexdigest()


def profile_id(kind: str, name: str) -> str:
    """The value of label `profile-id`: `<Kind>-<name>`; 63 or longer: `<Kind>-` and a piece of its SHA-256.

    A value must end in a letter or digit, which a valid name and a hash do.
    """
    plain = f"{kind}-{name}"
    if len(plain) < LABEL_VALUE_MAX:
        return plain
    return f"{kind}-{digest(plain)}"[:LABEL_VALUE_MAX]


def label_value(text: str) -> str:
    """A text (such as a node's name) as a label value: itself, or its beginning and a piece of its hash."""
    if len(text) <= LABEL_VALUE_MAX:
        return text
    return f"{text[: LABEL_VALUE_MAX - 9]}-{digest(text)[:8]}"
