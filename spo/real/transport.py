"""The connection to a real API server. pykube-ng does configuration, authentication and TLS here, and nothing else.

Its traps end in this module: one client (and so one `requests` session) a thread, since a session is not thread-safe;
tokens read again when their file changes; a timeout of its own for watches; raw bytes out, never its objects.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import requests
import urllib3.exceptions
from msgspec import Struct
from pykube import HTTPClient, KubeConfig

from spo.ports import Unavailable
from spo.real.credentials import Adapter, config_of
from spo.wire import Call

CONNECT_S = 5.0
ANSWER_S = 30.0
SILENCE_S = 30.0  # beyond the time after which the server itself ends a watch
READ_BYTES = None  # as much as has come

# What the network can do to a request, by whatever library it is told.
NETWORK_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class Answer(Struct, frozen=True):
    """A whole answer. `retry_after_s`: the server's own wish (header `Retry-After`), else 0. `warnings`: as they came."""

    status: int
    body: bytes
    retry_after_s: float = 0.0
    warnings: tuple[str, ...] = ()


class Transport:
    """Sends calls as one user agent. Raises Unavailable for whatever the network does."""

    def __init__(self, kubeconfig: str | Path | None = None, agent: str = "spo") -> None:
        """`kubeconfig`: a file, else the pod's ServiceAccount, else KUBECONFIG or ~/.kube/config. Raises BadConfig."""
        self._config: KubeConfig = config_of(kubeconfig)
        self._agent = agent
        self._mine = threading.local()

    @property
    def namespace(self) -> str:
        """The configured context's namespace."""
        return str(self._config.namespace)

    def send(self, call: Call) -> Answer:
        """One request and its whole answer, whatever its status."""
        try:
            with self._open(call, ANSWER_S) as response:
                warnings = tuple(response.raw.headers.getlist("Warning"))
                return Answer(response.status_code, response.content, _retry_after(response), warnings)
        except NETWORK_ERRORS as error:
            raise Unavailable(f"{call.method} {call.path}: {error}") from error

    @contextmanager
    def stream(self, call: Call, lasts_s: float) -> Iterator[Iterator[bytes] | Answer]:
        """A watch that the server ends after `lasts_s`: its lines, as they come; or the answer that refused it."""
        try:
            with self._open(call, lasts_s + SILENCE_S) as response:
                if response.status_code != HTTPStatus.OK:
                    yield Answer(response.status_code, response.content, _retry_after(response))
                else:
                    yield _lines(response)
        except NETWORK_ERRORS as error:
            raise Unavailable(f"{call.method} {call.path}: {error}") from error

    def _open(self, call: Call, read_s: float) -> requests.Response:
        client = self._client()
        headers = {"Accept": "application/json", "User-Agent": self._agent}
        if call.content_type:
            headers["Content-Type"] = call.content_type
        response: requests.Response = client.session.request(
            call.method,
            client.url.rstrip("/") + call.path,
            params=call.query,
            data=call.body or None,
            headers=headers,
            timeout=(CONNECT_S, read_s),
            stream=True,
            allow_redirects=False,
        )
        return response

    def _client(self) -> HTTPClient:
        client: HTTPClient | None = getattr(self._mine, "client", None)
        if client is None:
            client = self._mine.client = HTTPClient(self._config, http_adapter=Adapter(self._config))
        return client


def _lines(response: requests.Response) -> Iterator[bytes]:
    """Whole lines only: half a line at a cut is not an event, and the watch is resumed before it."""
    rest = b""
    for piece in response.iter_content(READ_BYTES):
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line for line in whole if line)


def _retry_after(response: requests.Response) -> float:
    try:
        return float(response.headers.get("Retry-After", 0))
    except ValueError:  # a date: HTTP allows it, no API server sends it
        return 0.0
