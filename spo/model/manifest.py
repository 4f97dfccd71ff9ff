"""Between nouns and manifests: a manifest is plain JSON data with `apiVersion` and `kind`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

from spo.model.resource import Resource


class Noun(Protocol):
    """An object of one of our kinds."""

    RESOURCE: ClassVar[Resource]


Some = TypeVar("Some")


def to_manifest(noun: Noun) -> dict[str, Any]:
    """The manifest of one of our objects, ready for the API: nothing in it that has its default value."""
    resource = noun.RESOURCE
    parts = plain(noun)
    body = {name: value for name, value in {"metadata": parts.pop("metadata", {}), **parts}.items() if value != {}}
    return {"apiVersion": resource.api_version, "kind": resource.kind, **body}


def plain(value: Any) -> Any:
    """A noun (or a part of one) as dicts, lists, texts and numbers, fresh ones that are nobody else's."""
    return msgspec.json.decode(msgspec.json.encode(value))


def from_manifest(manifest: Mapping[str, Any], noun: type[Some]) -> Some:
    """The noun in a manifest. Raises msgspec.ValidationError, naming the field, if it has not that kind's shape."""
    return msgspec.convert(manifest, noun)
