"""A simulated cluster that another process serves, found by its kubeconfig: one request at a time."""

from __future__ import annotations

import http.client
import os
import ssl
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

PATIENCE_S = 3600.0  # a long advance of a large cluster takes its time
REMEDY = "name the kubeconfig that `spo sim serve` wrote with --kubeconfig, or set KUBECONFIG"


class BadConfig(Exception):
    """There is no kubeconfig of a served cluster, or a file cannot be written."""


class RemoteRefused(Exception):
    """The cluster does not answer, or says no."""


class ServedCluster:
    """A served cluster, as its kubeconfig tells of it."""

    def __init__(self, file: str | None) -> None:
        """Raises BadConfig."""
        where = file or os.environ.get("KUBECONFIG", "")
        if not where:
            raise BadConfig(f"no kubeconfig: {REMEDY}")
        try:
            config = yaml.safe_load(Path(where).read_text(encoding="utf-8"))
            contexts = {each["name"]: each["context"] for each in config["contexts"]}
            clusters = {each["name"]: each["cluster"] for each in config["clusters"]}
            users = {each["name"]: each["user"] for each in config["users"]}
            context = contexts[config["current-context"]]
            self.server: str = clusters[context["cluster"]]["server"]
            self._token: str = users[context["user"]]["token"]
            authority = b64decode(clusters[context["cluster"]]["certificate-authority-data"]).decode()
            self._context = ssl.create_default_context(cadata=authority)
        except OSError as error:
            raise BadConfig(f"{where}: {error.strerror}: {REMEDY}") from None
        except (yaml.YAMLError, LookupError, TypeError, ValueError) as error:
            why = " ".join(str(error).split())
            raise BadConfig(f"{where}: this is not the kubeconfig of a served cluster ({why}): {REMEDY}") from None

    def ask(self, method: str, path: str) -> bytes:
        """The body of the answer. Raises RemoteRefused."""
        where = urlsplit(self.server)
        connection = http.client.HTTPSConnection(
            where.hostname or "", where.port, context=self._context, timeout=PATIENCE_S
        )
        try:
            connection.request(method, path, headers={"Authorization": f"Bearer {self._token}"})
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise RemoteRefused(f"{self.server} does not answer ({error}): is `spo sim serve` still running?") from None
        finally:
            connection.close()
        if response.status != 200:
            raise RemoteRefused(f"{self.server} says: {_message(body) or f'HTTP {response.status}'}")
        return body


def _message(body: bytes) -> str:
    try:
        status: Any = msgspec.json.decode(body)
        return str(status["message"])
    except (msgspec.MsgspecError, LookupError, TypeError):
        return body.decode("utf-8", "replace").strip()
