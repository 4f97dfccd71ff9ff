"""A node image for kind that somebody has (KIND_NODE_IMAGE): looked for where docker is, and never pulled."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import NamedTuple

from hack import busybox, golang
from hack.kind_docker import BIN, VERSION, answers, exports, output, succeeds
from hack.kind_image import MODULE, MODULES, PINNED
from hack.packages import install

IMAGE = os.environ.get("KIND_NODE_IMAGE", "")


class Found(NamedTuple):
    """What there is where the image is looked for."""

    client: bool  # a docker to ask with
    dockerd: bool  # and it gets an answer
    image: bool
    names: Sequence[str]  # of all the images there


def prepare() -> None:
    """Build what it takes beside the image: kind and kubectl. Ends at once, with a clear word, if it is not there."""
    if trouble := why_not(IMAGE, look_for(IMAGE)):
        raise SystemExit(trouble)
    install([busybox.PACKAGE])
    BIN.mkdir(parents=True, exist_ok=True)
    golang.install(PINNED["kind"], BIN / "kind")
    golang.build(MODULE, MODULES["kubectl"], BIN / "kubectl", golang.kubernetes_flags(VERSION))


def look_for(image: str) -> Found:
    """By whatever docker knows it: a tag, a digest, an id."""
    if shutil.which("docker", path=exports()["PATH"]) is None or not output("docker", "-v").startswith("Docker"):
        return Found(False, False, False, ())  # podman has a docker too, which says so here
    if not answers():
        return Found(True, False, False, ())
    names = output("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
    return Found(True, True, succeeds("docker", "image", "inspect", image), sorted(names))


def why_not(image: str, found: Found) -> str:
    """Why it cannot be taken, and what to do; empty if it can."""
    if found.image:
        return ""
    if not found.client:
        reason, remedy = "there is no docker here to look for it in (podman will not do)", "install docker, and load it"
    elif not found.dockerd:
        reason, remedy = "no dockerd answers that could have it", "start one; `docker info` says what is wrong"
    else:
        nodes = ", ".join(name for name in found.names if "node" in name) or "none"
        reason = f"dockerd does not have it (node images there: {nodes}), and nothing is pulled here"
        remedy = f"`docker load` it, or `docker pull {image}` yourself"
    return f"KIND_NODE_IMAGE={image}: {reason}. Remedy: {remedy}. Without KIND_NODE_IMAGE an image is made here."
