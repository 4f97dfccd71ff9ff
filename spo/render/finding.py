"""What there is to say about one field of an object."""

from __future__ import annotations

from msgspec import Struct


class Finding(Struct, frozen=True):
    """A field by its path, and what is the matter with it."""

    field: str
    message: str
