"""Runs on each node, in a pod of the story suite's own: the node's profile files and its processes, over HTTP.

Standard library only, in one file: `node_disk.py` hands its text to the Python of the operator's image.
    GET    /<token>/files            every file below ROOT: {path: base64}
    PUT    /<token>/files/<path>     write it
    DELETE /<token>/files/<path>     remove it
    POST   /<token>/kill?role=manager&uid=<uid of a pod>   kill -9 that role's processes in these pods
"""

import base64
import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit


def files(root: Path) -> dict[str, str]:
    found = {}
    for path in root.rglob("*.json"):
        try:
            found[str(path.relative_to(root))] = base64.b64encode(path.read_bytes()).decode()
        except FileNotFoundError:  # removed while we looked
            continue
    return found


def kill(role: str, uids: list[str]) -> int:
    """Nodes may share one pid space, and pods have a process that is not ours: the cgroup and the arguments tell."""
    killed = 0
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            cgroup = (directory / "cgroup").read_text().replace("_", "-")
            arguments = (directory / "cmdline").read_bytes().decode().split("\0")
            if role in arguments and any(uid in cgroup for uid in uids):
                os.kill(int(directory.name), signal.SIGKILL)
                killed += 1
        except (OSError, UnicodeDecodeError):  # it ended while we looked
            continue
    return killed


class Handler(BaseHTTPRequestHandler):
    root: Path
    token: str

    def do_GET(self) -> None:
        self._answer(files(self.root) if self._asked() == "files" else {})

    def do_PUT(self) -> None:
        path = self.root / self._asked().removeprefix("files/")
        path.write_bytes(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self._answer({})

    def do_DELETE(self) -> None:
        (self.root / self._asked().removeprefix("files/")).unlink()
        self._answer({})

    def do_POST(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self._answer({"killed": kill(query["role"][0], query["uid"])} if self._asked() == "kill" else {})

    def _asked(self) -> str:
        """The path after the token; without the right token nothing is answered."""
        token, _, rest = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        if token != self.token or ".." in rest.split("/"):
            raise PermissionError(self.path)
        return rest

    def _answer(self, answer: dict[str, object]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port, Handler.token, Handler.root = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # process 1 has no default action
    ThreadingHTTPServer(("", port), Handler).serve_forever()
