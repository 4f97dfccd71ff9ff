"""A kubeconfig for a served cluster: where it is, whom to trust, and two ways to be its administrator."""

from __future__ import annotations

import os
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import yaml

from spo.sim.api.access.authn import ADMIN_TOKEN, MASTERS
from spo.sim.http.certificates import Authority

NAME = "spo-sim"  # of cluster, context and user
BY_CERTIFICATE = "spo-sim-certificate"  # of the context whose user shows a client certificate instead of a token
ADMIN = "admin"


class NotOurs(Exception):
    """The file is there, and is somebody's own kubeconfig."""


def kubeconfig(url: str, authority: Authority) -> dict[str, Any]:
    """The document; its current context uses a token."""
    pair = authority.client(ADMIN, (MASTERS,))
    certified = {"client-certificate-data": _data(pair.certificate), "client-key-data": _data(pair.key)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": NAME, "cluster": {"server": url, "certificate-authority-data": _data(authority.certificate)}}
        ],
        "users": [{"name": NAME, "user": {"token": ADMIN_TOKEN}}, {"name": BY_CERTIFICATE, "user": certified}],
        "contexts": [{"name": name, "context": {"cluster": NAME, "user": name}} for name in (NAME, BY_CERTIFICATE)],
        "current-context": NAME,
    }


def write(path: Path, document: dict[str, Any]) -> None:
    """Put it there, whole at once and for its owner alone. Raises NotOurs, OSError."""
    check_ours(path)
    number, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            yaml.safe_dump(document, file, sort_keys=False)
        os.replace(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise


def check_ours(path: Path) -> None:
    """Raises NotOurs unless the file may be written anew: there is none, or one that knows no cluster but ours."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    except UnicodeDecodeError:
        raise NotOurs(path) from None
    try:
        document = yaml.safe_load(text) or {}
        named = [each["name"] for each in document.get("clusters") or ()]
    except (yaml.YAMLError, AttributeError, TypeError, KeyError):
        raise NotOurs(path) from None
    if named != [NAME] and text.strip():
        raise NotOurs(path)


def _data(text: str) -> str:
    return b64encode(text.encode()).decode()
