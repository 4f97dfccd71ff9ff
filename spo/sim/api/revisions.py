"""Revisions that clients name, and what is wrong with them."""

from __future__ import annotations

from spo.sim.api.status import ApiError


def revision_of(text: str) -> int:
    """A resourceVersion as a number. Raises ApiError 500, as watch and get do; list says 400."""
    if not (text.isascii() and text.isdigit()):
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise ApiError(500, "", why)
    return int(text)


def too_large(wanted: int, current: int) -> ApiError:
    """504: it lies in the future. The real server waits 3 s for it; in one thread it cannot come meanwhile."""
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    text = f"Timeout: Too large resource version: {wanted}, current: {current}"
    return ApiError(504, "Timeout", text, details, (("Retry-After", "1"),))
