"""What the API demands of a field, beside its type: written next to the field, read by `spo.model.crd`."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct


class FieldRule(Struct, frozen=True, kw_only=True):
    """One field's (or list item's) description and validation, as `Annotated[type, rule("…", …)]`.

    Reading objects does not enforce it: the API server did when they were written, and a process must not fail at a
    whole list because one old object breaks a newer rule. Names follow the structural schema of a CRD
    (apiextensions.k8s.io/v1 JSONSchemaProps).
    """

    text: str = ""
    enum: tuple[str, ...] = ()
    pattern: str = ""
    format: str = ""
    min_length: int | None = None
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    list_type: str = ""
    list_keys: tuple[str, ...] = ()
    default: Any = UNSET
    required: bool = False


def rule(text: str = "", **demands: Any) -> FieldRule:
    """A `FieldRule` with its description first, as one wants to read it beside a field."""
    return FieldRule(text=text, **demands)
