"""A node image that somebody gave: taken if it is there; else it is told where it was looked for and what to do."""

from __future__ import annotations

import pytest

from hack.kind_given import Found, why_not

IMAGE = "kindest/node:v1.36.3-custom"


def test_an_image_that_dockerd_has_is_taken() -> None:
    assert why_not(IMAGE, Found(client=True, dockerd=True, image=True, names=[IMAGE])) == ""


def test_so_is_one_that_was_named_by_its_digest() -> None:
    assert why_not(f"{IMAGE}@sha256:abc", Found(client=True, dockerd=True, image=True, names=[])) == ""


@pytest.mark.parametrize(
    ("found", "reason", "remedy"),
    [
        (Found(client=False, dockerd=False, image=False, names=[]), "there is no docker here", "install docker"),
        (Found(client=True, dockerd=False, image=False, names=[]), "no dockerd answers", "start one"),
        (
            Found(client=True, dockerd=True, image=False, names=["kindest/node:v1", "nginx:1"]),
            "dockerd does not have it (node images there: kindest/node:v1), and nothing is pulled here",
            f"`docker pull {IMAGE}` yourself",
        ),
        (
            Found(client=True, dockerd=True, image=False, names=[]),
            "(node images there: none)",
            "`docker load` it",
        ),
    ],
)
def test_one_that_is_not_there_is_named_with_the_reason_and_the_remedy(found: Found, reason: str, remedy: str) -> None:
    said = why_not(IMAGE, found)

    assert said.startswith(f"KIND_NODE_IMAGE={IMAGE}: ")
    assert reason in said
    assert f"Remedy: {remedy}" in said or f", or {remedy}" in said
