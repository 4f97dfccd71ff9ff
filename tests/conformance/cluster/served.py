"""The simulated API server on a plain HTTP port, in real time; it can also answer what no simulated one would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from msgspec import Struct

from spo.doors.wire import ApiRequest
from spo.real.cluster import RealCluster
from spo.real.transport import Patience, Transport
from spo.sim.api.access.authn import ADMIN_TOKEN
from spo.sim.api.http import Request, Response, Stream
from spo.sim.timeline import SECOND_NS
from tests.conformance.cluster.worlds import MANAGER, SHORT, Simulated

LOOK_S = 0.05


class Canned(Struct):
    """An answer that is played instead of the server's own: a body, or the lines of a watch (then it ends)."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    lines: Iterable[bytes] | None = None


Mood = Callable[[Request], Canned | None]


class Face(Simulated):
    """Serves until closed. `mood` may answer first; `token`, if set, is the only one that is accepted."""

    def __init__(self, scratch: Path, ours: bool = False) -> None:
        """`ours`: with our CRDs."""
        self.lock = threading.RLock()
        super().__init__(ours)
        self.asked: list[Request] = []
        self.mood: Mood = lambda request: None
        self.token = ""
        self.chunk_bytes = 0  # 0: a chunk a line
        self.troubles: list[str] = []
        self._scratch = scratch
        self._began = (time.monotonic(), self.timeline.now_ns)
        self._closed = threading.Event()
        self._doors: list[RealCluster] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.face = self  # type: ignore[attr-defined]
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.through = self.port
        for work in (lambda: self._server.serve_forever(0.05), self._keep_time):
            threading.Thread(target=work, daemon=True).start()

    def door(self, account: str = "", patience: Patience = SHORT) -> RealCluster:  # type: ignore[override]
        token = self.api.keys.service_account_token(self.namespace, account) if account else ADMIN_TOKEN
        return self.door_of({"token": token}, patience)

    def door_of(self, user: Mapping[str, Any], patience: Patience = SHORT) -> RealCluster:
        """A door whose kubeconfig has these credentials."""
        door = RealCluster(self.transport(user, patience), MANAGER, lambda: None, self.troubles.append)
        self._doors.append(door)
        return door

    def transport(self, user: Mapping[str, Any], patience: Patience = SHORT) -> Transport:
        return Transport(self.kubeconfig(user), MANAGER, patience)

    def kubeconfig(self, user: Mapping[str, Any]) -> Path:
        """Of a user with these credentials, by way of `through`."""
        config = {
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.through}"}}],
            "users": [{"name": "u", "user": dict(user)}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        file = self._scratch / f"kubeconfig-{len(list(self._scratch.glob('kubeconfig-*')))}"
        file.write_text(yaml.safe_dump(config))
        return file

    def handle(self, request: Request) -> Response:
        with self.lock:
            return self.api.handle(request)

    def send(self, call: ApiRequest) -> tuple[int, Any]:  # type: ignore[override]
        with self.lock:
            return super().send(call)

    def pass_time(self) -> None:
        """Time passes by itself, once we serve."""
        if hasattr(self, "_began"):
            time.sleep(0.01)
        else:
            super().pass_time()

    def close(self) -> None:
        self._closed.set()
        for door in self._doors:
            door.close()
        self._server.shutdown()
        self._server.server_close()

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def _keep_time(self) -> None:
        began, then_ns = self._began
        while not self._closed.wait(LOOK_S):
            with self.lock:
                self.timeline.run_until(then_ns + round((time.monotonic() - began) * SECOND_NS))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def face(self) -> Face:
        return self.server.face  # type: ignore[attr-defined,no-any-return]

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        refused = self._refused()
        url = urlsplit(self.path)
        request = Request(self.command, url.path, tuple(parse_qsl(url.query)), dict(self.headers), body)
        self.face.asked.append(request)
        canned = refused or self.face.mood(request)
        if canned is not None:
            self._play(canned)
            return
        response = self.face.handle(request)
        if response.stream is None:
            self._whole(response.status, dict(response.headers), response.body)
        else:
            self._watch(response.stream)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve  # noqa: N815  # the library's names

    def _refused(self) -> Canned | None:
        if not self.face.token or self.headers.get("Authorization") == f"Bearer {self.face.token}":
            if self.face.token:
                self.headers.replace_header("Authorization", f"Bearer {ADMIN_TOKEN}")
            return None
        return Canned(401, b'{"kind":"Status","message":"Unauthorized","code":401}')

    def _play(self, canned: Canned) -> None:
        if canned.lines is None:
            self._whole(canned.status, canned.headers, canned.body)
            return
        self._begin_chunks()
        for line in canned.lines:
            self._chunk(line)
        self._chunk(b"")

    def _whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _watch(self, stream: Stream) -> None:
        news = threading.Event()
        self._begin_chunks()
        with self.face.lock:
            stream.listen(news.set)
        try:
            while not self.face.closed:
                news.wait(0.2)
                news.clear()
                with self.face.lock:
                    data, ended = b"".join(stream.lines), stream.closed
                    stream.lines.clear()
                step = self.face.chunk_bytes or len(data) or 1
                for start in range(0, len(data), step):
                    self._chunk(data[start : start + step])
                if ended:
                    self._chunk(b"")
                    return
        finally:
            with self.face.lock:
                stream.close()
            self.close_connection = self.close_connection or self.face.closed

    def _begin_chunks(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the other side has gone
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
        """Nobody reads it."""
