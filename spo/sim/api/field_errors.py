"""The ways a field can be wrong, in the words of field.Error (apimachinery, util/validation/field)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from spo.sim.api.status import FieldError


def as_json(value: Any) -> str:
    """A value as messages quote it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def required(path: str, why: str = "") -> FieldError:
    return FieldError(path, "FieldValueRequired", f"Required value: {why}" if why else "Required value")


def invalid(path: str, value: Any, why: str) -> FieldError:
    return FieldError(path, "FieldValueInvalid", f"Invalid value: {as_json(value)}: {why}")


def unsupported(path: str, value: Any, choices: Iterable[Any]) -> FieldError:
    listed = ", ".join(as_json(choice) for choice in choices)
    text = f"Unsupported value: {as_json(value)}: supported values: {listed}"
    return FieldError(path, "FieldValueNotSupported", text)


def duplicate(path: str, value: Any) -> FieldError:
    return FieldError(path, "FieldValueDuplicate", f"Duplicate value: {as_json(value)}")


def forbidden(path: str, why: str) -> FieldError:
    return FieldError(path, "FieldValueForbidden", f"Forbidden: {why}")


def immutable(path: str, value: Any) -> FieldError:
    return invalid(path, value, "field is immutable")


def at_least(path: str, value: int, least: int) -> list[FieldError]:
    """Nothing, or that `value` is too small."""
    return [] if value >= least else [invalid(path, value, f"must be greater than or equal to {least}")]
