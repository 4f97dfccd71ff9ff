"""The nodes' profile files and the operator's processes, on any cluster: through a DaemonSet of the story suite's own.

Its pods run `node_server.py` with the Python of the operator's image (which is on every node), see the kubelet's
directory and the node's processes, and are asked through the API server. So nothing is needed but a kubeconfig.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scenarios.real_client import Client, Manifest, is_ready
from spo.model.resource import DAEMONSETS, NAMESPACES, PODS
from spo.render.install import POD_SECURITY

NAMESPACE = NAME = "spo-stories"
PORT = 8099
UP_S_MAX = 60.0
SERVER = Path(__file__).with_name("node_server.py")


class NodeDisk:
    """Profiles stand below `root`, and so do the paths. Raises Failed, and TimeoutError in `up` and `down`."""

    def __init__(self, client: Client, image: str, root: str) -> None:
        self._client = client
        self._image = image
        self._root = root
        self._token = secrets.token_hex(16)  # whoever else can reach the pods must not be able to use them
        self._pods: dict[str, str] = {}

    def up(self) -> None:
        """Start the pods, one a node."""
        self._clear()
        head = {"apiVersion": NAMESPACES.api_version, "kind": NAMESPACES.kind}
        self._client.create(NAMESPACES, {**head, "metadata": {"name": NAMESPACE, "labels": POD_SECURITY}})
        self._client.create(DAEMONSETS, self._manifest())
        self._wait(self._is_up)

    def down(self) -> None:
        """Nothing of ours stays."""
        self._clear()

    def nodes(self) -> list[str]:
        return sorted(self._pods)

    def files(self, node: str) -> dict[str, bytes]:
        found = json.loads(self._ask(node, "GET", "files"))
        return {path: base64.b64decode(data) for path, data in found.items()}

    def write(self, node: str, path: str, data: bytes) -> None:
        self._ask(node, "PUT", f"files/{path}", body=data)

    def remove(self, node: str, path: str) -> None:
        self._ask(node, "DELETE", f"files/{path}")

    def kill(self, node: str, role: str, uids: Iterable[str]) -> int:
        """kill -9 the role's processes in the pods with these uids; gives how many there were."""
        query = (("role", role), *(("uid", uid) for uid in uids))
        killed: int = json.loads(self._ask(node, "POST", "kill", query))["killed"]
        return killed

    # -- inside ------------------------------------------------------------------------------------------------------

    def _ask(
        self, node: str, method: str, what: str, query: tuple[tuple[str, str], ...] = (), body: bytes = b""
    ) -> bytes:
        path = f"{self._token}/{what}"
        return self._client.through(NAMESPACE, self._pods[node], PORT, path, method=method, query=query, body=body)

    def _clear(self) -> None:
        if self._client.get(NAMESPACES, "", NAMESPACE) is not None:
            self._client.delete_all(DAEMONSETS, NAMESPACE)
            self._client.delete_all(PODS, NAMESPACE, grace_s=0)
            self._client.delete(NAMESPACES, "", NAMESPACE)
            self._wait(lambda: self._client.get(NAMESPACES, "", NAMESPACE) is None)

    def _is_up(self) -> bool:
        wanted = self._client.get(DAEMONSETS, NAMESPACE, NAME) or {}
        count = wanted.get("status", {}).get("desiredNumberScheduled", 0)
        self._pods = {
            pod["spec"]["nodeName"]: pod["metadata"]["name"]
            for pod in self._client.list(PODS, NAMESPACE)
            if is_ready(pod)
        }
        return 0 < count == len(self._pods)

    def _wait(self, check: Any) -> None:
        deadline = time.monotonic() + UP_S_MAX
        while not check():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the pods in namespace {NAMESPACE} are neither up nor gone after {UP_S_MAX:.0f} s")
            time.sleep(0.2)

    def _manifest(self) -> Manifest:
        labels = {"app": NAME}
        container = {
            "name": NAME,
            "image": self._image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["/usr/bin/python3", "-c", SERVER.read_text(), str(PORT), self._token, "/node"],
            "ports": [{"containerPort": PORT}],
            "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
            "securityContext": {"privileged": True, "runAsUser": 0, "runAsGroup": 0},
            "volumeMounts": [{"name": "node", "mountPath": "/node"}],
        }
        pod = {
            "hostPID": True,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
            "volumes": [{"name": "node", "hostPath": {"path": self._root, "type": "DirectoryOrCreate"}}],
        }
        return {
            "apiVersion": DAEMONSETS.api_version,
            "kind": DAEMONSETS.kind,
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }
