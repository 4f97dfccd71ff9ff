"""What a user can do about a refusal of the API server; where it looks like a slip of the pen, what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from spo.sim.api.status import ApiError

# By the reason of the first thing that is wrong (apimachinery field errors).
REMEDIES = {
    "FieldValueRequired": "add the field",
    "FieldValueNotSupported": "use one of the supported values",
    "FieldValueInvalid": "correct the value",
    "FieldValueTypeInvalid": "correct the type of the value",
    "FieldValueTooLong": "make it shorter",
    "FieldValueTooMany": "give fewer items",
    "FieldValueDuplicate": "keep one of the two",
    "FieldValueForbidden": "leave the field as it is, or out",
    "FieldValueNotFound": "create what it names first",
}
BY_CODE = {403: "choose another namespace, or give the right", 404: "check apiVersion and kind"}

UNKNOWN_FIELD = re.compile(r'unknown field "([^"]+)"')
UNSUPPORTED = re.compile(r'Unsupported value: "([^"]*)": supported values: (.*)')

Schema = Mapping[str, Any]


def causes(error: ApiError) -> list[Mapping[str, str]]:
    """The fields that are wrong, each with `field`, `reason` and `message`."""
    found: list[Mapping[str, str]] = (error.details or {}).get("causes") or []
    return [cause for cause in found if cause.get("field") and cause.get("message")]


def fields(error: ApiError) -> list[str]:
    """The paths of the fields that a refusal is about."""
    return [cause["field"] for cause in causes(error)] or UNKNOWN_FIELD.findall(error.message)


def message(error: ApiError) -> str:
    """The server's words, without what the heading says already."""
    texts = [f"{cause['field']}: {cause['message']}" for cause in causes(error)]
    texts = texts or [f'unknown field "{path}"' for path in UNKNOWN_FIELD.findall(error.message)]
    return "\n".join(dict.fromkeys(texts)) or error.message


def remedy(error: ApiError, schema: Schema | None = None) -> str:
    """What to do about it. `schema` is the OpenAPI schema of the kind, where it is known."""
    meant = [guess for guess in (*_values_meant(error), *_fields_meant(error, schema)) if guess]
    if meant:
        return f"did you mean {', '.join(dict.fromkeys(meant))}?"
    for cause in causes(error):
        if cause.get("reason") in REMEDIES:
            return REMEDIES[cause["reason"]]
    if UNKNOWN_FIELD.search(error.message):
        return "remove the field, or correct its name"
    return BY_CODE.get(error.code, "correct the manifest")


def _values_meant(error: ApiError) -> Iterable[str]:
    for cause in causes(error):
        match = UNSUPPORTED.search(cause["message"])
        if match:
            yield _closest(match[1], re.findall(r'"([^"]*)"', match[2]))


def _fields_meant(error: ApiError, schema: Schema | None) -> Iterable[str]:
    for path in UNKNOWN_FIELD.findall(error.message):
        parent, _, name = path.rpartition(".")
        yield _closest(name, properties(schema or {}, parent))


def properties(schema: Schema, path: str) -> list[str]:
    """The fields that a schema knows at a path like `spec.syscalls[0]`."""
    for step in re.findall(r"[^.\[\]]+|\[\d+\]", path):
        schema = schema.get("items") or {} if step[0] == "[" else (schema.get("properties") or {}).get(step) or {}
    return list(schema.get("properties") or ())


def _closest(word: str, known: Iterable[str]) -> str:
    return next(iter(get_close_matches(word, list(known), 1, 0.7)), "")
