"""The connection to a real API server. pykube-ng does configuration, authentication and TLS here, and nothing else.

Its traps end in this module: one client (and so one `requests` session) a thread, since a session is not thread-safe;
tokens read again when their file changes; a timeout of its own for watches; the kubeconfig's proxy; no `.netrc`; a peer
that died without a word noticed by the kernel; raw bytes out, never its objects.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
import urllib3
import urllib3.exceptions
from msgspec import Struct
from pykube import HTTPClient, KubeConfig
from urllib3.connection import HTTPConnection

from spo.doors.ports import Unavailable
from spo.doors.reflector import WATCH_S
from spo.doors.wire import ApiRequest
from spo.real.credentials import Adapter, BadConfig, config_of

SOCKET_OPTIONS = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]
READ_BYTES = None  # as much as has come

# What the network can do to a request, by whatever library it is told; and a plug-in that fails when it is asked again.
TROUBLES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, BadConfig)


class Patience(Struct, frozen=True):
    """How long the door waits for what."""

    connect_s: float = 5.0
    answer_s: float = 30.0  # without a byte
    silence_s: float = 30.0  # of a watch, beyond the time after which the server itself ends it
    watch_s: int = WATCH_S
    pause_s: float = 0.5  # after trouble; longer each time it goes on
    pause_s_max: float = 30.0
    good_after_s: float = 1.0  # a watch that ends sooner, and said nothing, is not asked for again at once


class Answer(Struct, frozen=True):
    """A whole answer. `retry_after_s`: the server's own wish (`Retry-After`), else 0. `warnings`: as they came."""

    status: int
    body: bytes
    retry_after_s: float = 0.0
    warnings: tuple[str, ...] = ()


DEFAULT_PATIENCE = Patience()


class Transport:
    """Sends calls as one user agent. Raises Unavailable for whatever the network does."""

    def __init__(
        self, kubeconfig: str | Path | None = None, agent: str = "spo", patience: Patience = DEFAULT_PATIENCE
    ) -> None:
        """`kubeconfig`: a file, else the pod's ServiceAccount, else KUBECONFIG or ~/.kube/config. Raises BadConfig."""
        self._config: KubeConfig = config_of(kubeconfig)
        self._agent = agent
        self.patience = patience
        if self._config.cluster.get("insecure-skip-tls-verify"):  # who asked for it needs no warning a request
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._mine = threading.local()

    @property
    def namespace(self) -> str:
        """The configured context's namespace."""
        return str(self._config.namespace)

    def send(self, call: ApiRequest) -> Answer:
        """One request and its whole answer, whatever its status."""
        try:
            with self._open(call, self.patience.answer_s) as response:
                warnings = tuple(response.raw.headers.getlist("Warning"))
                return Answer(response.status_code, response.content, _retry_after(response), warnings)
        except TROUBLES as error:
            raise Unavailable(f"{call.method} {call.path}: {error}") from error

    @contextmanager
    def stream(self, call: ApiRequest, lasts_s: float) -> Iterator[Iterator[bytes] | Answer]:
        """A watch that the server ends after `lasts_s`: its lines, as they come; or the answer that refused it."""
        try:
            with self._open(call, lasts_s + self.patience.silence_s) as response:
                if response.status_code != HTTPStatus.OK:
                    yield Answer(response.status_code, response.content, _retry_after(response))
                else:
                    yield _lines(response)
        except TROUBLES as error:
            raise Unavailable(f"{call.method} {call.path}: {error}") from error

    def _open(self, call: ApiRequest, read_s: float) -> requests.Response:
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
            timeout=(self.patience.connect_s, read_s),
            stream=True,
            allow_redirects=False,
        )
        return response

    def _client(self) -> HTTPClient:
        client: HTTPClient | None = getattr(self._mine, "client", None)
        if client is None:
            client = self._mine.client = HTTPClient(self._config, http_adapter=_Connection(self._config))
            client.session.auth = _as_it_is
            proxy = self._config.cluster.get("proxy-url")
            if proxy:
                client.session.proxies = {"http": proxy, "https": proxy}
        return client


class _Connection(Adapter):
    """Asks the kernel to notice a peer that died without a word: within a minute, not at the end of a watch."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, socket_options=SOCKET_OPTIONS, **options)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Who we are is the adapter's business: without this, `requests` would look for a password in ~/.netrc."""
    return request


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
