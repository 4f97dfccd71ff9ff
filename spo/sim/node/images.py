"""Images that no registry has, and how a kubelet says so. Pure.

The simulated registry has every image, but those that say of themselves that they do not exist: a host under `.invalid`
(RFC 2606), or a name or tag that speaks of its absence.
"""

from __future__ import annotations

import re

ABSENT = re.compile(r"([^/]*\.)?invalid(:\d+)?/.*|invalid\..*|.*:404|.*[-/:](non-?existent|does(nt|-not)-exist)", re.I)
PULL_FAILED, BACKING_OFF = "ErrImagePull", "ImagePullBackOff"
FAILED = (PULL_FAILED, BACKING_OFF)


def is_absent(image: str) -> bool:
    return ABSENT.fullmatch(image) is not None


def failure(image: str) -> str:
    """Of the Event."""
    return f'Failed to pull image "{image}": {_why(image)}'


def backing_off(image: str) -> str:
    return f'Back-off pulling image "{image}"'


def waiting(image: str, *, first: bool) -> tuple[str, str]:
    """Reason and message of the container that waits for it."""
    if first:
        return PULL_FAILED, _why(image)
    return BACKING_OFF, f"{backing_off(image)}: {PULL_FAILED}: {_why(image)}"


def _why(image: str) -> str:
    name = full_name(image)
    return f'rpc error: code = NotFound desc = failed to pull and unpack image "{name}": {name}: not found'


def full_name(image: str) -> str:
    """As the runtime calls it: with its registry."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return image
    return f"docker.io/{image}" if slash else f"docker.io/library/{image}"
