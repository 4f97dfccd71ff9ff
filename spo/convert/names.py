"""Names for objects, made of the names of files and of what people type."""

from __future__ import annotations

import posixpath
import re

from spo.input.load import SUFFIXES
from spo.model.seccomp import PROFILE_NAME_MAX


def stem(file: str) -> str:
    """A file's name without its directories and without `.json` or `.yaml`."""
    base = posixpath.basename(file)
    return next((base.removesuffix(suffix) for suffix in SUFFIXES if base.endswith(suffix)), base)


def as_name(text: str) -> str:
    """The text as a name that an object can have (a DNS subdomain); empty if nothing is left of it."""
    cleaned = re.sub(r"[^a-z0-9.]+", "-", text.lower())
    parts = (part.strip("-") for part in cleaned.split("."))
    return ".".join(part for part in parts if part)[:PROFILE_NAME_MAX].rstrip("-.")


def as_label(text: str) -> str:
    """The same for a namespace (a DNS label): without dots."""
    return as_name(text.replace(".", "-"))[:63].rstrip("-")
