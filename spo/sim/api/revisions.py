"""Revisions that clients name, and what is wrong with them."""

from __future__ import annotations

from typing import Any

from spo.sim.api.status import ApiError


def revision_of(text: str) -> int:
    """A resourceVersion as a number. Raises ApiError 500, as watch and get do; list says 400."""
    if not (text.isascii() and text.isdigit()):
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise ApiError(500, "", why)
    return int(text)


def too_large(wanted: int, current: int, cached: bool) -> ApiError:
    """504: it lies in the future. A watch cache waits 3 s for it; in one thread it cannot come meanwhile."""
    details: dict[str, Any] = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    }
    if cached:
        details["retryAfterSeconds"] = 1
    text = f"Timeout: Too large resource version: {wanted}, current: {current}"
    return ApiError(504, "Timeout", text, details, (("Retry-After", "1"),) if cached else ())
