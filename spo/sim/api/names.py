"""What names, labels and finalizers may look like, and how the API server says no (apimachinery, validation)."""

from __future__ import annotations

import re
from functools import lru_cache

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_QUALIFIED_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_QUALIFIED_SHAPE_TEXT = (
    "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' "
    "(e.g. 'example.com/MyName')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def subdomain_faults(name: str) -> list[str]:
    """A DNS-1123 subdomain: the names of most kinds."""
    return _faults(name, 253, _SUBDOMAIN, _SUBDOMAIN_TEXT)


def label_faults(name: str) -> list[str]:
    """A DNS-1123 label: the names of namespaces."""
    return _faults(name, 63, _LABEL, _LABEL_TEXT)


def label_1035_faults(name: str) -> list[str]:
    """A DNS-1035 label: the names of services."""
    return _faults(name, 63, _LABEL_1035, _LABEL_1035_TEXT)


def path_segment_faults(name: str) -> list[str]:
    """Anything that can stand between two slashes: the names of the RBAC kinds."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{sign}'" for sign in "/%" if sign in name]


@lru_cache(1 << 14)  # the same few keys stand on every object
def label_key_faults(key: str) -> tuple[str, ...]:
    """A qualified name: the keys of labels and annotations, and finalizers: `[prefix/]name`."""
    parts = key.split("/")
    if len(parts) > 2:
        return (_QUALIFIED_SHAPE_TEXT,)
    faults = []
    if len(parts) == 2:
        if not parts[0]:
            faults.append("prefix part must be non-empty")
        faults += [f"prefix part {fault}" for fault in subdomain_faults(parts[0])] if parts[0] else []
    name = parts[-1]
    if not name:
        faults.append("name part must be non-empty")
    elif len(name.encode()) > 63:
        faults.append("name part must be no more than 63 bytes")
    if not _QUALIFIED.fullmatch(name):
        faults.append(_QUALIFIED_TEXT)
    return tuple(faults)


@lru_cache(1 << 14)
def label_value_faults(value: str) -> tuple[str, ...]:
    """The value of a label."""
    faults = ("must be no more than 63 bytes",) if len(value.encode()) > 63 else ()
    return faults if _VALUE.fullmatch(value) else (*faults, _VALUE_TEXT)


def _faults(name: str, length_max: int, shape: re.Pattern[str], text: str) -> list[str]:
    unit = "bytes" if length_max == 63 else "characters"
    faults = [f"must be no more than {length_max} {unit}"] if len(name) > length_max else []
    return faults if shape.fullmatch(name) else [*faults, text]
